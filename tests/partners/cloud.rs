//! A server of somebody else's at a place on the LAN: HTTPS with an authority of its own, one request a connection.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::ground::Client;
use crate::place::start;

/// A request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path without its query.
    pub(crate) path: String,
    /// The whole target, as it was sent.
    pub(crate) target: String,
    pub(crate) query: BTreeMap<String, String>,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What is answered: status, further headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

/// A running server.
pub(crate) struct Cloud {
    /// The certificate of its authority, in a file.
    pub(crate) authority: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A certificate of nobody's for an address: chain and key for a server, and in PEM.
pub(crate) fn identity(address: Ipv4Addr) -> (rustls::ServerConfig, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![address.to_string()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], secret).unwrap();
    (config, certificate.pem())
}

impl Cloud {
    /// Serves at `address`:8443 by `answer`, which is asked one request after the other.
    pub(crate) fn serve(
        place: &Client,
        address: Ipv4Addr,
        answer: impl FnMut(&Request) -> Answer + Send + 'static,
    ) -> Self {
        let (config, pem) = identity(address);
        let authority = place.directory.join("authority.pem");
        std::fs::write(&authority, pem).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (config, answer) = (Arc::new(config), Arc::new(Mutex::new(answer)));
        let (ended, (ready, wait)) = (stop.clone(), std::sync::mpsc::channel());
        let thread = start(place, move || {
            let listener = TcpListener::bind((address, 8443)).unwrap();
            listener.set_nonblocking(true).unwrap();
            ready.send(()).unwrap();
            while !ended.load(Ordering::Relaxed) {
                let Ok((mut stream, _)) = listener.accept() else {
                    std::thread::park_timeout(Duration::from_millis(5));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut tls = rustls::Stream::new(&mut session, &mut stream);
                let Some(request) = read(&mut tls) else { continue };
                let (status, headers, body) = (answer.lock().unwrap())(&request);
                let mut text =
                    format!("HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
                for (name, value) in headers {
                    text += &format!("{name}: {value}\r\n");
                }
                let _ = tls.write_all(format!("{text}\r\n{body}").as_bytes());
                let _ = tls.flush();
                session.send_close_notify();
                let _ = session.write_tls(&mut stream);
            }
        });
        wait.recv_timeout(Duration::from_secs(10)).expect("the server does not start");
        Self { authority, stop, thread: Some(thread) }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: BTreeMap<String, String> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if bytes.len() < end + 4 + length {
            continue;
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), decode(value)))
            .collect();
        let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
        return Some(Request { method, path: path.to_owned(), query, headers, body, target });
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let pair = [rest.next().unwrap(), rest.next().unwrap()];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap());
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}
