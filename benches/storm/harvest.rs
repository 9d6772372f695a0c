//! The files that phones were given, to be given to them by another server.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use block66::phonesim::Exchange;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::branch::{Branch, Desk, SERVER};
use crate::speak::{self, Reply};
use crate::stack::Block66;

/// What stands where.
#[derive(Default)]
pub(crate) struct Files {
    /// By whether it is HTTPS, and path.
    pub(crate) bytes: BTreeMap<(bool, String), Vec<u8>>,
    /// The phones' logins.
    pub(crate) logins: Vec<(String, String)>,
}

/// Asks again for everything that these phones fetched since they were switched on, as each of them.
pub(crate) fn all(branch: &Branch, desks: Range<usize>, ours: &Block66) -> Files {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ours.root().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = Arc::new(tls.with_root_certificates(roots).with_no_client_auth());
    let mut files = Files::default();
    for desk in &branch.desks[desks] {
        let login = desk.remote.holding().login.map(|(user, password)| (user, password.expose().to_owned()));
        // 304 is a file that the phone has from before.
        let had = |exchange: &&Exchange| matches!(exchange.status, Some(200 | 304));
        for exchange in desk.remote.report().exchanges.iter().filter(had) {
            let Some((scheme, rest)) = exchange.url.split_once("://") else { continue };
            let path = rest.find('/').map_or("/", |at| &rest[at..]).to_owned();
            let (secure, place) = (scheme == "https", path.split('?').next().unwrap_or_default().to_owned());
            // What all phones share is fetched once.
            if files.bytes.contains_key(&(secure, place.clone())) {
                continue;
            }
            let reply = fetch(desk, secure.then_some(&tls), &path, login.as_ref());
            if reply.status == 200 {
                files.bytes.insert((secure, place), reply.body);
            } else {
                eprintln!("{}: {} gave {}", desk.name(), exchange.url, reply.status);
            }
        }
        files.logins.extend(login);
    }
    files
}

fn fetch(desk: &Desk, tls: Option<&Arc<ClientConfig>>, path: &str, login: Option<&(String, String)>) -> Reply {
    let agent = "User-Agent: Mozilla/5.0\r\nConnection: close\r\n";
    let ask = |lines: &str| {
        let to = SocketAddr::from((SERVER, if tls.is_some() { 443 } else { 80 }));
        let stream = desk.namespace.run(|| TcpStream::connect_timeout(&to, Duration::from_secs(10)));
        let stream = stream.and_then(|stream| stream).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let lines = format!("{agent}{lines}");
        match tls {
            Some(tls) => {
                let name = ServerName::IpAddress(std::net::IpAddr::from(SERVER).into());
                let connection = ClientConnection::new(Arc::clone(tls), name).unwrap();
                speak::exchange(&mut StreamOwned::new(connection, stream), "GET", path, &lines, b"").unwrap()
            }
            None => speak::exchange(&mut &stream, "GET", path, &lines, b"").unwrap(),
        }
    };
    match (tls, login) {
        (Some(_), Some((user, password))) => ask(&speak::basic(user, password)),
        (None, Some((user, password))) => {
            let reply = ask("");
            if reply.status == 401 { ask(&speak::digest(user, password, path, &reply.nonce(), 1)) } else { reply }
        }
        (_, None) => ask(""),
    }
}
