//! A server of somebody else's at a place on the LAN: HTTPS with a certificate of its own authority, and answers that
//! may break off in their middle.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::sync::oneshot;

use crate::ground::{Client, PATIENCE};
use crate::place::start;

/// A request, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path without its query.
    pub(crate) path: String,
    /// The whole target, as it was sent.
    pub(crate) target: String,
    /// Names and values in their order, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// Names in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The last value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// The connection breaks after half of the body.
    pub(crate) broken: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, kind: &str, body: impl Into<String>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: body.into(), broken: false }
    }
}

/// A running server.
pub(crate) struct Cloud {
    /// The certificate of its authority, in a file.
    pub(crate) authority: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An authority of somebody's own, and a certificate from it for an address: what serves with it, and the authority in
/// PEM.
pub(crate) fn identity(address: Ipv4Addr) -> (rustls::ServerConfig, String) {
    let (root, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&root).unwrap().pem();
    let issuer = Issuer::new(params, root);
    let leaf = CertificateParams::new(vec![address.to_string()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], secret).unwrap(), pem)
}

type Answers = Arc<Mutex<dyn FnMut(&Request) -> Answer + Send>>;

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
        let answers: Answers = Arc::new(Mutex::new(answer));
        let (stop, stopped) = oneshot::channel();
        let (ready, wait) = std::sync::mpsc::channel();
        let thread = start(place, move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind((address, 8443)).await.unwrap();
                ready.send(()).unwrap();
                let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
                let serve = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        let (acceptor, answers) = (acceptor.clone(), answers.clone());
                        tokio::spawn(async move {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let service = service_fn(move |request| respond(request, answers.clone()));
                            let server = hyper::server::conn::http1::Builder::new();
                            let _ = server.serve_connection(TokioIo::new(stream), service).await;
                        });
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        wait.recv_timeout(PATIENCE).expect("the server does not start");
        Self { authority, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn respond(
    request: hyper::Request<Incoming>,
    answers: Answers,
) -> Result<hyper::Response<BoxBody<Bytes, std::io::Error>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { panic!("a request breaks off") };
    let headers = head.headers.iter();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        target: head.uri.to_string(),
        query: pairs(head.uri.query().unwrap_or_default()),
        headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
        body: String::from_utf8(body.to_bytes().to_vec()).expect("a body is text"),
    };
    let answer = (answers.lock().unwrap())(&request);
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let whole = Bytes::from(answer.body);
    if answer.broken {
        response = response.header("content-length", whole.len());
        let half = whole.slice(..whole.len() / 2);
        let gone = std::io::Error::other("gone");
        let parts = stream::iter(vec![Ok(Frame::data(half)), Err(gone)]);
        return Ok(response.body(BodyExt::boxed(StreamBody::new(parts))).unwrap());
    }
    Ok(response.body(Full::new(whole).map_err(|never| match never {}).boxed()).unwrap())
}

/// The pairs of a query, as forms have them.
fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("hexadecimal")
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("parameters are UTF-8")
}
