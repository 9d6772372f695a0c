//! Calls to other people's servers over HTTPS: one connection a call, bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HOST, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Uri};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::model::Secret;
use crate::pki::roots;
use crate::sys::dial;

/// How long a call may take in all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest answer.
const MOST: usize = 4 << 20;

/// A stream to somebody else's server.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// With TLS or without.
pub type Stream = Box<dyn Duplex>;

/// Makes calls. Clones share the trusted authorities.
#[derive(Clone)]
pub struct Web {
    tls: Arc<ClientConfig>,
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Scheme, host and port, as `https://host:8443`.
    pub host: String,
    /// Path and query. They may hold secrets.
    pub target: Secret,
    /// Headers besides Host and User-Agent. They may hold secrets.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body. It may hold secrets.
    pub body: Secret,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Why a call had no answer. None of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address makes no sense, or is not `https://`.
    #[error("{0} is no https:// address of a host")]
    Address(String),
    /// Nobody answers there.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The other side is not trusted, or has no TLS.
    #[error("{host} cannot be trusted: {why}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
    /// The answer broke off, is too large, or took too long.
    #[error("{host} did not answer whole: {why}")]
    Broken {
        /// The host.
        host: String,
        /// Why.
        why: String,
    },
}

impl Web {
    /// Trusts the public authorities, and those in `authorities` (PEM).
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(authorities: Option<&str>) -> Result<Self, Failure> {
        let tls = roots::client(authorities)
            .map_err(|error| Failure::Tls { host: "the other side".into(), why: error.to_string() })?;
        Ok(Self { tls })
    }

    /// Makes a call. No redirect is followed: what is sent is meant for this host alone.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn call(&self, call: &Call) -> Result<Answer, Failure> {
        let (host, port) = address(&call.host)?;
        let broken = |why: String| Failure::Broken { host: host.clone(), why };
        let exchange = async {
            let stream = self.open(&host, port, true).await?;
            exchange(stream, call, &host).await.map_err(broken)
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        answer.unwrap_or_else(|_| Err(broken("it took more than 30 seconds".into())))
    }

    /// A connection to `host` or `host:port`, with TLS where that is asked for.
    ///
    /// # Errors
    /// When it cannot be reached or trusted, or makes no sense.
    pub async fn reach(&self, authority: &str, secure: bool) -> Result<Stream, Failure> {
        let (host, port) = address(&format!("https://{authority}"))?;
        let given = authority.ends_with(&format!(":{port}"));
        let port = if given || secure { port } else { 80 };
        let opened = tokio::time::timeout(CONNECT, self.open(&host, port, secure)).await;
        opened.unwrap_or_else(|_| Err(Failure::Unreachable { host, why: "no connection within 10 seconds".into() }))
    }

    async fn open(&self, host: &str, port: u16, secure: bool) -> Result<Stream, Failure> {
        let unreachable = |why: String| Failure::Unreachable { host: host.to_owned(), why };
        let untrusted = |why: String| Failure::Tls { host: host.to_owned(), why };
        let stream = dial::connect(host, port).await.map_err(|error| unreachable(error.to_string()))?;
        if !secure {
            return Ok(Box::new(stream));
        }
        let stream = dial::secure(stream, host, &self.tls).await.map_err(|error| untrusted(error.to_string()))?;
        Ok(Box::new(stream))
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    call: &Call,
    host: &str,
) -> Result<Answer, String> {
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.target.expose())
        .header(HOST, call.host.split("://").nth(1).unwrap_or(host))
        .header(USER_AGENT, concat!("Block66/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &call.headers {
        request = request.header(*name, value.expose());
    }
    // The error would repeat what it stumbled over.
    let request = request.body(Full::new(Bytes::from(call.body.expose().to_owned())));
    let request = request.map_err(|_| "the call cannot be written".to_owned())?;
    let answer = dial::exchange(stream, request).await.map_err(|error| error.to_string())?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MOST).collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}

/// Host and port of `https://host:port`, with nothing after it.
fn address(url: &str) -> Result<(String, u16), Failure> {
    let wrong = || Failure::Address(url.chars().filter(|c| !c.is_control()).take(100).collect());
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    if uri.scheme_str() != Some("https") || authority.host().is_empty() || !matches!(uri.path(), "" | "/") {
        return Err(wrong());
    }
    Ok((authority.host().to_owned(), authority.port_u16().unwrap_or(443)))
}

/// Whether calls can be made to this address.
///
/// # Errors
/// When it is no `https://` address of a host.
pub fn check(url: &str) -> Result<(), Failure> {
    address(url).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_behind_tls_are_called() {
        assert_eq!(address("https://tenant.example").unwrap(), ("tenant.example".into(), 443));
        assert_eq!(address("https://[::1]:8443").unwrap(), ("[::1]".into(), 8443));
        for url in ["http://tenant.example", "https://", "tenant.example", "https://u:p@tenant.example", "https://a/b"]
        {
            assert!(address(url).is_err(), "{url}");
        }
    }
}
