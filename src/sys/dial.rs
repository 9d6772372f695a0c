//! Connections that the box makes to others, with TLS or without, and one HTTP request on them.

use std::io;
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The most of an answer's head that is read ahead, in bytes.
const MOST_HEAD: usize = 64 * 1024;

/// A host as it is looked up and as certificates name it: a URL has an IPv6 address in brackets.
pub fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Connects to a host by its name or address.
///
/// # Errors
/// When it is not known or does not answer.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((bare(host), port)).await
}

/// Puts TLS on a connection to `host`.
///
/// # Errors
/// When `host` cannot stand in a certificate, or the other side is not trusted as it.
pub async fn secure(stream: TcpStream, host: &str, tls: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(bare(host).to_owned()).map_err(io::Error::other)?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await
}

/// Sends one request, and gives its answer as soon as its head is there.
///
/// # Errors
/// When the connection breaks, or what comes is no HTTP.
pub async fn exchange<S, B>(stream: S, request: Request<B>) -> hyper::Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handshake = http1::Builder::new().max_buf_size(MOST_HEAD).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake?;
    // It ends by itself when the answer is read or dropped; what went wrong shows in the answer.
    tokio::spawn(async move { connection.await.ok() });
    sender.send_request(request).await
}
