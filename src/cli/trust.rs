//! `block66 trust`: authorities and certificates that were given to the box.

use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use super::phones::read;
use crate::admin::types;

/// Authorities of phones' own certificates, and certificates of the company's own
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 trust add maker.pem
  block66 trust add-certificate company.pem
  block66 trust list
  block66 trust remove AB:CD:…
        the fingerprint stands in the list")]
pub(super) enum Trust {
    /// List the authorities and certificates
    List,
    /// Take certificates that this authority signed for evidence of which phone it is
    Add {
        /// The authority's certificate in PEM; `-` reads standard input
        file: PathBuf,
    },
    /// Show this certificate to whoever asks for one of its names, in place of the box's own
    AddCertificate {
        /// The certificate, those between it and its root, and its key in PEM; `-` reads standard input
        file: PathBuf,
    },
    /// Take an authority or a certificate away
    Remove {
        /// Its SHA-256, as `list` shows it
        fingerprint: String,
    },
}

impl Trust {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let trust: types::Trust = client.get("trust").await?;
                print(&shown(&trust));
            }
            Self::Add { file } => drop(client.post_pem::<types::Trust>("trust/authorities", read(&file)?).await?),
            Self::AddCertificate { file } => {
                drop(client.post_pem::<types::Trust>("trust/certificates", read(&file)?).await?);
            }
            Self::Remove { fingerprint } => {
                let trust: types::Trust = client.get("trust").await?;
                let of = |anchor: &types::Anchor| anchor.sha256.eq_ignore_ascii_case(&fingerprint);
                let kind = if trust.certificates.iter().any(of) { "certificates" } else { "authorities" };
                drop(client.delete::<types::Trust>(&format!("trust/{kind}/{}", encode(&fingerprint))).await?);
            }
        }
        Ok(())
    }
}

fn shown(trust: &types::Trust) -> String {
    let row = |kind: &str, anchor: &types::Anchor| {
        [kind.to_owned(), anchor.names.join(", "), time(&anchor.not_after), anchor.sha256.clone()]
    };
    let authorities = trust.authorities.iter().map(|anchor| row("phones", anchor));
    let own = trust.certificates.iter().map(|anchor| row("own", anchor));
    let rows: Vec<[String; 4]> = authorities.chain(own).collect();
    table(["FOR", "NAME", "UNTIL (UTC)", "SHA-256"], &rows)
}
