//! A faulty server between one phone and the box: it passes everything on, and spoils one thing.
//!
//! It stands in the phone's own namespace, so that the box sees the phone's address behind it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ground::BOX;
use super::namespace::Namespace;
use crate::model::{BoxAddress, Scheme, provisioning_url};

/// What is spoilt on the way to one phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Plant {
    /// Files lack their first line, `#!version:1.0.0.1`.
    NoVersion,
    /// The CA that the phone installs is another one.
    WrongCa,
    /// No file says where the phone is to come back to.
    NoUrl,
}

const PORT: u16 = 8066;
const OTHER_CA: &str = "/another-ca.pem";
const LIMIT: Duration = Duration::from_secs(5);

/// The faulty server; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Interposer {
    ended: Arc<AtomicBool>,
}

impl Interposer {
    /// Starts one in a phone's namespace.
    pub(super) fn start(plant: Plant, phone: &Namespace) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let listener = phone.run(|| {
            crate::phonesim::link::Netlink::open()?.up("lo")?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, PORT))
        })??;
        listener.set_nonblocking(true)?;
        let other_ca = other_ca()?;
        let stop = Arc::clone(&ended);
        phone.spawn("interposer".into(), move || {
            while !stop.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((client, _)) => {
                        if let Err(error) = serve(client, plant, &other_ca) {
                            tracing::debug!(%error, "an exchange through the faulty server broke off");
                        }
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(10)),
                }
            }
        })?;
        Ok(Self { ended })
    }

    /// Where the phone is sent instead of to the box.
    pub(super) fn url() -> String {
        let here = BoxAddress { host: Ipv4Addr::LOCALHOST.into(), http: PORT, https: PORT };
        provisioning_url(Scheme::Http, &here, "")
    }
}

impl Drop for Interposer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn serve(mut client: TcpStream, plant: Plant, other_ca: &str) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(LIMIT))?;
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            length => request.extend(buffer.get(..length).unwrap_or_default()),
        }
    }
    if plant == Plant::WrongCa && request.starts_with(format!("GET {OTHER_CA} ").as_bytes()) {
        return client.write_all(&answer("HTTP/1.1 200 OK\r\n", other_ca.as_bytes()));
    }
    let mut server = TcpStream::connect_timeout(&SocketAddr::from((BOX, 80)), LIMIT)?;
    server.set_read_timeout(Some(LIMIT))?;
    server.write_all(&request)?;
    let mut given = Vec::new();
    server.read_to_end(&mut given)?;
    client.write_all(&spoil(&given, plant))
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{head}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

fn spoil(given: &[u8], plant: Plant) -> Vec<u8> {
    let parts = std::str::from_utf8(given).ok().and_then(|text| text.split_once("\r\n\r\n"));
    let Some((head, body)) = parts.filter(|(_, body)| body.starts_with("#!version")) else {
        return given.to_vec();
    };
    let kept = head.split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("connection")
    });
    let head: String = kept.flat_map(|line| [line, "\r\n"]).collect();
    let lines = body.split_inclusive('\n');
    let body: String = match plant {
        Plant::NoVersion => lines.skip(1).collect(),
        Plant::NoUrl => lines.filter(|line| key(line) != "static.auto_provision.server.url").collect(),
        Plant::WrongCa => lines
            .map(|line| match key(line) {
                name @ "static.trusted_certificates.url" => {
                    format!("{name} = http://{}:{PORT}{OTHER_CA}\n", Ipv4Addr::LOCALHOST)
                }
                _ => line.to_owned(),
            })
            .collect(),
    };
    answer(&head, body.as_bytes())
}

fn key(line: &str) -> &str {
    line.split('=').next().unwrap_or_default().trim()
}

fn other_ca() -> io::Result<String> {
    let make = || -> Result<String, rcgen::Error> {
        let key = rcgen::KeyPair::generate()?;
        let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Another CA");
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Ok(parameters.self_signed(&key)?.pem())
    };
    make().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "#!version:1.0.0.1\nstatic.trusted_certificates.url = http://10.66.0.1/p/ca.pem\n\
                        static.auto_provision.server.url = https://10.66.0.1/p/\n";

    fn spoilt(plant: Plant) -> String {
        let given = format!("HTTP/1.1 200 OK\r\nDate: now\r\ncontent-length: {}\r\n\r\n{FILE}", FILE.len());
        String::from_utf8(spoil(given.as_bytes(), plant)).unwrap()
    }

    #[test]
    fn spoils_one_thing() {
        let without = spoilt(Plant::NoVersion);
        let body = FILE.strip_prefix("#!version:1.0.0.1\n").unwrap();
        assert_eq!(
            without,
            format!(
                "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
        );
        assert!(!spoilt(Plant::NoUrl).contains("auto_provision.server.url"));
        assert!(spoilt(Plant::NoUrl).contains("http://10.66.0.1/p/ca.pem"));
        assert!(spoilt(Plant::WrongCa).contains("= http://127.0.0.1:8066/another-ca.pem\n"));
        assert!(spoilt(Plant::WrongCa).contains("https://10.66.0.1/p/"));
    }

    #[test]
    fn passes_everything_else_on() {
        for given in [&b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"[..], b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe", b""] {
            assert_eq!(spoil(given, Plant::NoVersion), given);
        }
    }
}
