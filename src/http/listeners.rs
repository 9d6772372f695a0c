//! Listeners: from a socket to a request, within bounds of number, size and time.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, DATE, HeaderValue, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bounds::{Admission, Bounds};
use super::conditional::write_date;
use super::stall::Stalling;
use super::{Body, Limits, Peer, Service, Workers};
use crate::model::Reason;
use crate::pki::{self, Certificates};
use crate::sys::clock::Clock;

/// Largest head of a request: request line and headers, in bytes.
const MOST_HEAD: usize = 16 * 1024;
/// Most headers of a request.
const MOST_HEADERS: usize = 100;
/// Largest buffer of a connection, in bytes.
const MOST_BUFFER: usize = 64 * 1024;
/// How long to wait when there are no file descriptors left.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Told of every TLS handshake that failed, with the reason.
pub type OnTlsFailure = Arc<dyn Fn(Peer, Reason) + Send + Sync>;

/// What a listener does with those who come in.
#[derive(Clone)]
pub struct Entrance {
    /// What answers.
    pub service: Service,
    /// With these certificates, and who is told of handshakes that failed; `None` for plain HTTP.
    pub tls: Option<(Certificates, OnTlsFailure)>,
    /// How much it takes on.
    pub limits: Limits,
    /// What `Date` is taken from.
    pub clock: Clock,
    /// Where connections are served.
    pub workers: Workers,
}

/// Serves a socket until `stop`, then lets requests under way end.
///
/// # Errors
/// The socket itself broke. A connection that breaks, or a lack of file descriptors, ends nothing.
pub async fn serve(listener: TcpListener, entrance: Entrance, stop: CancellationToken) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let bounds = Bounds::new(entrance.limits);
    let tracker = TaskTracker::new();
    let give_up = CancellationToken::new();
    // Whatever way this future ends, its connections end with it.
    let _guard = give_up.clone().drop_guard();
    let entrance = Arc::new(entrance);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                weather(error).await?;
                continue;
            }
        };
        let Ok(peer) = peer(&stream, entrance.tls.is_some()) else { continue };
        // Its reactor is that of the worker from here on.
        let Ok(stream) = stream.into_std() else { continue };
        let Some(admission) = bounds.admit(peer.address) else {
            tracing::debug!(address = %peer.address, "too many connections: one more was closed");
            continue;
        };
        let worker = entrance.workers.next();
        let entrance = Arc::clone(&entrance);
        let (stop, give_up) = (stop.clone(), give_up.clone());
        let served = async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            tokio::select! {
                () = connection(stream, peer, &entrance, stop, admission) => {}
                () = give_up.cancelled() => {}
            }
        };
        tracker.spawn_on(served, &worker);
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(entrance.limits.drain, tracker.wait()).await.is_err() {
        tracing::debug!(left = tracker.len(), "connections were cut off at the end");
    }
    Ok(())
}

fn peer(stream: &TcpStream, tls: bool) -> io::Result<Peer> {
    let address = stream.peer_addr()?.ip().to_canonical();
    Ok(Peer { address, local: stream.local_addr()?.ip().to_canonical(), tls, certificate: None })
}

/// Waits out an error of accept(2), or hands it back when the socket itself is broken.
async fn weather(error: io::Error) -> io::Result<()> {
    use nix::errno::Errno;
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM) => {
            tracing::warn!(%error, "no connection can be taken for now");
            tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            Ok(())
        }
        Some(Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP | Errno::EFAULT) | None => Err(error),
        // accept(2) hands on errors of the connection that it was about to return: anybody could cause those.
        Some(_) => Ok(()),
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    entrance: &Entrance,
    stop: CancellationToken,
    _admission: Admission,
) {
    let _ = stream.set_nodelay(true);
    let stream = Stalling::new(stream, entrance.limits.stalled);
    let Some((certificates, on_failure)) = &entrance.tls else {
        return requests(stream, peer, entrance, stop).await;
    };
    let heard = stream.heard();
    let handshake = TlsAcceptor::from(certificates.server_config()).accept(stream);
    let result = tokio::select! {
        result = tokio::time::timeout(entrance.limits.handshake, handshake) => result,
        () = stop.cancelled() => return,
    };
    match result.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(secured) => {
            let shown = secured.get_ref().1.peer_certificates();
            let now = entrance.clock.now().wall;
            let certificate = shown.and_then(|chain| certificates.client_mac(chain, now));
            requests(secured, Peer { certificate, ..peer }, entrance, stop).await;
        }
        // One that says nothing at all is a port scan or a health check, not a phone in trouble.
        Err(error) => {
            if let Some(beginning) = heard.get() {
                on_failure(peer, pki::explain_after(&error, beginning));
            }
        }
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    entrance: &Entrance,
    stop: CancellationToken,
) {
    let service = service_fn(|request: Request<Incoming>| {
        // Who reads a length where we read a coding takes the rest of the body for another request: RFC 9112 section
        // 6.3 wants such a connection closed. Whether there was a length, too, is no longer to be seen here.
        let coded = request.headers().contains_key(TRANSFER_ENCODING);
        let response = (entrance.service)(request, peer);
        async move {
            let mut response = dated(response.await, &entrance.clock);
            if coded {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(entrance.limits.head)
        .max_header_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .max_buf_size(MOST_BUFFER)
        // Devices fold lines, put blanks before colons and double spaces, and close their half at once.
        .ignore_invalid_headers(true)
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .half_close(true)
        .title_case_headers(true)
        // Ours comes from the box's clock, which is never below its floor.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = until(&stop, connection, |connection| connection.graceful_shutdown()).await {
        tracing::debug!(address = %peer.address, %error, "a connection ended early");
    }
}

/// Serves a connection until `stop`, then has it end with the request under way: `close` tells it.
///
/// # Errors
/// Those of the connection.
pub async fn until<C: Future>(stop: &CancellationToken, connection: C, close: impl FnOnce(Pin<&mut C>)) -> C::Output {
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            close(connection.as_mut());
            connection.await
        }
    }
}

fn dated(mut response: Response<Body>, clock: &Clock) -> Response<Body> {
    if !response.headers().contains_key(DATE)
        && let Ok(date) = HeaderValue::from_str(&write_date(clock.now().wall))
    {
        response.headers_mut().insert(DATE, date);
    }
    response
}
