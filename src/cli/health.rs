//! `block66 health`: whether the running box does what it is for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::Client;
use super::exit::Failure;
use super::output::print;
use crate::admin::types;

/// How long the page may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long all of it may take: a box that keeps whoever asks waiting is none that serves.
const WHOLE: Duration = Duration::from_secs(30);

/// See whether DHCP, HTTPS and the store of the running box answer
#[derive(Debug, clap::Args)]
#[command(after_help = "The appliance confirms a new version by this, and goes back to the one before
without it.")]
pub(super) struct Health {}

impl Health {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let late = || Failure::Given(format!("The box did not answer in {} seconds.", WHOLE.as_secs()));
        tokio::time::timeout(WHOLE, self.look(client)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn look(self, client: &Client) -> Result<(), Failure> {
        let vitals: types::Vitals = client.get("health").await?;
        let mut faults = vitals.faults.clone();
        let page = tokio::time::timeout(PATIENCE, page(client, &vitals)).await;
        if let Err(why) = page.unwrap_or_else(|_| Err("it does not answer in time".into())) {
            faults.push(format!("The page does not answer over HTTPS: {why}."));
        }
        if faults.is_empty() {
            print("DHCP, HTTPS and the store answer.\n");
            return Ok(());
        }
        Err(Failure::Given(faults.join("\n")))
    }
}

/// Asks for the page as a browser would that trusts the box's authority.
async fn page(client: &Client, vitals: &types::Vitals) -> Result<(), String> {
    let authority: types::Authority = client.get("ca").await.map_err(|error| error.to_string())?;
    let pem = authority.pem.unwrap_or_default();
    let root = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    roots.add(root).map_err(|error| error.to_string())?;
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(vitals.name.clone()).map_err(|error| error.to_string())?;
    let loopbacks: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let mut failure = "nobody listens".to_owned();
    for address in loopbacks {
        let Ok(stream) = TcpStream::connect(SocketAddr::new(address, vitals.https)).await else { continue };
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls.clone())).connect(name.clone(), stream).await;
        match stream {
            Ok(mut stream) => {
                let ask = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", vitals.name);
                stream.write_all(ask.as_bytes()).await.map_err(|error| error.to_string())?;
                let mut head = [0; 12];
                stream.read_exact(&mut head).await.map_err(|error| error.to_string())?;
                let head = String::from_utf8_lossy(&head).into_owned();
                return match head.get(9..10) {
                    Some("2" | "3" | "4") => Ok(()),
                    _ => Err(format!("it says {head}")),
                };
            }
            Err(error) => failure = error.to_string(),
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_box_that_never_answers_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let asked = tokio::time::timeout(WHOLE * 2, Health {}.run(&Client::new(&socket))).await;
        assert!(matches!(asked, Ok(Err(Failure::Given(why))) if why.contains("30 seconds")));
    }
}
