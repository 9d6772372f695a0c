use std::convert::Infallible;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Admin;
use super::answer::Answer;
use super::call::Origin;
use super::problem::Problem;
use crate::http::listeners::until;

/// Connections at once; one more waits for its turn.
const MOST_CONNECTIONS: usize = 32;
/// How long a request's head may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long answers under way may take at the end.
const DRAIN: Duration = Duration::from_secs(5);

impl Admin {
    /// Serves the API on a local socket at `path` until `stop`, then lets requests under way end: whoever asked for what
    /// ends the box is told that it does.
    ///
    /// Only root and the box's own user are heard. A socket that a dead process left behind is replaced.
    ///
    /// # Errors
    /// When another process answers on the socket, or it cannot be made.
    pub async fn serve_local(&self, path: &Path, stop: CancellationToken) -> io::Result<()> {
        let listener = bind(path).await?;
        let own = nix::unistd::geteuid().as_raw();
        let mut connections = JoinSet::new();
        while let Some(accepted) = stop.run_until_cancelled(next(&listener, &mut connections)).await {
            match accepted {
                Ok(stream) => {
                    let (admin, stop) = (self.clone(), stop.clone());
                    connections.spawn(async move { admin.serve_one(stream, own, stop).await });
                }
                Err(error) => {
                    // Out of descriptors, most likely: others must give theirs back first.
                    tracing::warn!(%error, "a connection to the local socket could not be accepted");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::debug!("connections to the local socket were cut off at the end");
        }
        Ok(())
    }

    async fn serve_one(&self, stream: UnixStream, own: u32, stop: CancellationToken) {
        let heard = stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own);
        let service = service_fn(|request| async {
            Ok::<_, Infallible>(if heard {
                self.answer(request, Origin::Local).await
            } else {
                Answer::problem(&not_you()).into_response()
            })
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            // Whoever hangs up meanwhile stops nothing half-way.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let served = until(&stop, connection, |connection| connection.graceful_shutdown()).await;
        if let Err(error) = served {
            tracing::debug!(%error, "a connection to the local socket ended");
        }
    }
}

/// The next connection, when there is a place for it.
async fn next(listener: &UnixListener, connections: &mut JoinSet<()>) -> io::Result<UnixStream> {
    while connections.len() >= MOST_CONNECTIONS {
        connections.join_next().await;
    }
    while connections.try_join_next().is_some() {}
    Ok(listener.accept().await?.0)
}

async fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty() && !d.exists()) {
        crate::sys::files::create_private_directory(directory)?;
    }
    match UnixStream::connect(path).await {
        Ok(_) => return Err(io::Error::new(io::ErrorKind::AddrInUse, "another block66 answers on this socket")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    // Until this is done anybody may connect; whoever is not heard is told so.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

fn not_you() -> Problem {
    Problem::new(
        hyper::StatusCode::FORBIDDEN,
        "not-you",
        "Only root and the user that block66 runs as may use the local socket.",
        "Run the command with sudo.",
    )
}
