//! An HTTP client for files: one connection for each request, over TLS where the URL says so, through a proxy where
//! there is one.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT_ENCODING, HOST, IF_RANGE, LOCATION, RANGE, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::failure::Failure;
use crate::pki::roots;
use crate::sys::dial;

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;
/// How long a connection, with TLS, may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take to begin.
const HEAD: Duration = Duration::from_secs(30);

/// Fetches files.
#[derive(Clone)]
pub(super) struct Client {
    tls: Arc<ClientConfig>,
    /// Host and port.
    proxy: Option<(String, u16)>,
}

/// Where a URL leads.
struct Target {
    secure: bool,
    host: String,
    port: u16,
    uri: Uri,
}

impl Client {
    /// A client that trusts the public authorities and those in `authorities` (PEM). `proxy` is an `http` URL.
    pub(super) fn new(authorities: Option<&str>, proxy: Option<&str>) -> Result<Self, Failure> {
        let tls =
            roots::client(authorities).map_err(|error| Failure::Tls { host: String::new(), why: error.to_string() })?;
        let proxy = match proxy {
            Some(url) => {
                let target = Target::read(url)?;
                (!target.secure).then_some(()).ok_or_else(|| Failure::Url { url: url.to_owned() })?;
                Some((target.host, target.port))
            }
            None => None,
        };
        Ok(Self { tls, proxy })
    }

    /// Asks for a file, from byte `from` of the revision that `validator` names if one is given, and follows redirects.
    pub(super) async fn get(&self, url: &str, from: Option<(u64, &str)>) -> Result<Response<Incoming>, Failure> {
        let mut url = url.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let target = Target::read(&url)?;
            let response = self.ask(&target, from).await?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
            let next = location.map(|location| target.join(location)).ok_or(Failure::Status { status: 302 })?;
            if target.secure && !next.to_ascii_lowercase().starts_with("https://") {
                return Err(Failure::Downgrade);
            }
            url = next;
        }
        Err(Failure::Redirects { most: MOST_REDIRECTS })
    }

    async fn ask(&self, target: &Target, from: Option<(u64, &str)>) -> Result<Response<Incoming>, Failure> {
        // A proxy is told the whole URL, unless TLS goes through it.
        let through = self.proxy.is_some() && !target.secure;
        let path = target.uri.path_and_query().map_or("/", |path| path.as_str());
        let asked = if through { target.uri.to_string() } else { path.to_owned() };
        let mut request = Request::builder()
            .method(Method::GET)
            .uri(asked)
            .header(HOST, target.authority())
            // The bytes of the file are wanted, and nothing that they can be made from.
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, concat!("Block66/", env!("CARGO_PKG_VERSION")));
        if let Some((from, validator)) = from {
            request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, validator);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(|_| Failure::Url { url: target.uri.to_string() })?;
        let answer = async {
            let stream = tokio::time::timeout(CONNECT, self.connect(target)).await;
            let answer = match stream.map_err(|_| target.unreachable(&"no connection within 10 seconds"))?? {
                Stream::Plain(stream) => dial::exchange(stream, request).await,
                Stream::Secure(stream) => dial::exchange(*stream, request).await,
            };
            answer.map_err(|error| Failure::broken(&error))
        };
        tokio::time::timeout(HEAD, answer).await.map_err(|_| Failure::broken(&"no answer within 30 seconds"))?
    }

    async fn connect(&self, target: &Target) -> Result<Stream, Failure> {
        let (host, port) = self.proxy.as_ref().map_or((&target.host, target.port), |(host, port)| (host, *port));
        let stream = dial::connect(host, port).await.map_err(|error| target.unreachable(&error))?;
        if !target.secure {
            return Ok(Stream::Plain(stream));
        }
        let stream = if self.proxy.is_some() { tunnel(stream, target).await? } else { stream };
        let insecure = |error: std::io::Error| Failure::Tls { host: target.authority(), why: error.to_string() };
        let stream = dial::secure(stream, &target.host, &self.tls).await.map_err(insecure)?;
        Ok(Stream::Secure(Box::new(stream)))
    }
}

enum Stream {
    Plain(TcpStream),
    Secure(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Asks a proxy to pass bytes on (RFC 9110 section 9.3.6).
async fn tunnel(stream: TcpStream, target: &Target) -> Result<TcpStream, Failure> {
    let handshake = http1::handshake(TokioIo::new(stream)).await.map_err(|error| Failure::broken(&error))?;
    let (mut sender, connection) = handshake;
    let connection = tokio::spawn(connection.with_upgrades());
    let authority = format!("{}:{}", target.host, target.port);
    let request = Request::builder().method(Method::CONNECT).uri(&authority).header(HOST, &authority);
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| Failure::Url { url: authority })?;
    let response = sender.send_request(request).await.map_err(|error| Failure::broken(&error))?;
    if !response.status().is_success() {
        return Err(Failure::Proxy { status: response.status().as_u16() });
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| Failure::broken(&error))?;
    drop(connection);
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().map_err(|_| Failure::broken(&"the proxy's connection"))?;
    if !parts.read_buf.is_empty() {
        return Err(Failure::broken(&"the proxy spoke before it was asked"));
    }
    Ok(parts.io.into_inner())
}

impl Target {
    fn read(url: &str) -> Result<Self, Failure> {
        let refused = || Failure::Url { url: url.to_owned() };
        let uri: Uri = url.trim().parse().map_err(|_| refused())?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(refused()),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(refused)?;
        let host = authority.host().to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        if host.is_empty() {
            return Err(refused());
        }
        Ok(Self { secure, host, port, uri })
    }

    fn authority(&self) -> String {
        self.uri.authority().map_or_else(String::new, ToString::to_string)
    }

    /// What a `Location` means here (RFC 3986 section 5.2, as far as servers use it).
    fn join(&self, location: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        if is_absolute(location) {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.authority())
        } else {
            let directory = self.uri.path().rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{scheme}://{}{directory}/{location}", self.authority())
        }
    }

    fn unreachable(&self, why: &impl ToString) -> Failure {
        Failure::Unreachable { host: self.authority(), why: why.to_string() }
    }
}

/// Whether a reference begins with a scheme. A query may have an address in it, too.
fn is_absolute(location: &str) -> bool {
    let is_scheme = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    location.split_once("://").is_some_and(|(scheme, _)| !scheme.is_empty() && is_scheme(scheme))
}

/// Whether files can be fetched from this URL.
///
/// # Errors
/// When it is no `http` or `https` URL with a host, or holds a login.
pub(in crate::firmware) fn check_url(url: &str) -> Result<(), Failure> {
    Target::read(url).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_where_a_redirect_leads() {
        let target = Target::read("https://vendor.example:8443/a/b.rom?x=1").unwrap();
        for (location, expected) in [
            ("https://cdn.example/c.rom", "https://cdn.example/c.rom"),
            ("//cdn.example/c.rom", "https://cdn.example/c.rom"),
            ("/c.rom", "https://vendor.example:8443/c.rom"),
            ("c.rom", "https://vendor.example:8443/a/c.rom"),
            ("/c.rom?from=http://a.example/", "https://vendor.example:8443/c.rom?from=http://a.example/"),
            ("c.rom?from=http://a.example/", "https://vendor.example:8443/a/c.rom?from=http://a.example/"),
            ("HTTP://cdn.example/c.rom", "HTTP://cdn.example/c.rom"),
        ] {
            assert_eq!(target.join(location), expected);
        }
        for url in
            ["", "ftp://vendor.example/a", "/a", "https://", "https://user:secret@vendor.example/a", "file:///etc"]
        {
            assert!(check_url(url).is_err(), "{url}");
        }
    }
}
