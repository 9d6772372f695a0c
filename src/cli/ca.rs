//! `block66 ca`: the certificate authority of the box.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, time};
use crate::admin::types;
use crate::sys::files;

/// The certificate authority of the box
#[derive(Debug, clap::Subcommand)]
pub(super) enum Ca {
    /// Show its fingerprint, in words that can be read aloud, too
    Show,
    /// Write its root certificate, to install it on a computer
    #[command(after_help = "Examples:
  block66 ca export                        PEM on standard output
  block66 ca export block66-ca.pem         PEM in a file
  block66 ca export --der block66-ca.der   DER in a file")]
    Export {
        /// The file; standard output when left out
        file: Option<PathBuf>,
        /// As DER instead of PEM
        #[arg(long, requires = "file")]
        der: bool,
    },
}

impl Ca {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let authority: types::Authority = client.get("ca").await?;
        let pem = authority.pem.clone().unwrap_or_default();
        match self {
            Self::Show => print(&format!(
                "In words    {}\nSHA-256     {}\nValid       {} to {}\n",
                authority.words,
                authority.fingerprint,
                time(&authority.not_before),
                time(&authority.not_after)
            )),
            Self::Export { file: None, .. } => print(&pem),
            Self::Export { file: Some(file), der } => {
                let bytes = if der { to_der(&pem)? } else { pem.into_bytes() };
                let path = if file.components().count() == 1 { PathBuf::from(".").join(&file) } else { file };
                files::replace(&path, &bytes, 0o644)
                    .map_err(|e| Failure::Unwritable { path: path.display().to_string(), why: e.to_string() })?;
                eprintln!("{}: {}", path.display(), authority.fingerprint);
            }
        }
        Ok(())
    }
}

/// The bytes within the armour (RFC 7468).
fn to_der(pem: &str) -> Result<Vec<u8>, Failure> {
    let inner: String = pem.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    STANDARD.decode(inner).map_err(|e| Failure::Given(format!("the certificate of the box cannot be read: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_armour_off() {
        let pem = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQ=\n-----END CERTIFICATE-----\n";
        assert_eq!(to_der(pem).unwrap(), [0, 1, 2, 3, 4]);
        assert!(to_der("-----BEGIN X-----\n!\n").is_err());
    }
}
