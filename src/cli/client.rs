//! Talking to the running box over its local socket.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::admin::Problem;

/// Bytes of a file that are sent at a time.
const PIECE: usize = 64 * 1024;

/// The API of the running box.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why the box did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers on the socket.
    #[error(
        "No box runs here: nobody answers on {}.\n\
         Start it with `systemctl start block66`, or with `block66 run`; `journalctl -u block66` says why it ended. \
         If its socket is elsewhere, name it with --socket.", socket.display()
    )]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// The caller may not use the socket.
    #[error("You may not talk to the box on {}: only root and the user that it runs as may.\nRun this with sudo.", socket.display())]
    NotPermitted {
        /// The socket.
        socket: PathBuf,
    },
    /// The box said no, and why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The conversation broke off, or made no sense.
    #[error("The box on {} broke off: {why}.\nIts log says more.", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// How.
        why: String,
    },
}

impl Client {
    /// The box behind this socket, whether it runs or not.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Reads what stands under `path`, as `status` for `/api/v1/status`.
    ///
    /// # Errors
    /// When no box runs, it may not be asked, or it refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.exchange(Method::GET, path, "", Bytes::new()).await?;
        self.read(answer).await
    }

    /// Sends JSON to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.broken(&e))?;
        let answer = self.exchange(Method::POST, path, "application/json", body.into()).await?;
        self.read(answer).await
    }

    /// Sends a list of phones to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_csv<T: DeserializeOwned>(&self, path: &str, list: Vec<u8>) -> Result<T, Error> {
        let answer = self.exchange(Method::POST, path, "text/csv", list.into()).await?;
        self.read(answer).await
    }

    /// Sends certificates to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_pem<T: DeserializeOwned>(&self, path: &str, text: Vec<u8>) -> Result<T, Error> {
        let answer = self.exchange(Method::POST, path, "application/x-pem-file", text.into()).await?;
        self.read(answer).await
    }

    /// Puts JSON at `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.broken(&e))?;
        let answer = self.exchange(Method::PUT, path, "application/json", body.into()).await?;
        self.read(answer).await
    }

    /// Changes with JSON what stands at `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.broken(&e))?;
        let answer = self.exchange(Method::PATCH, path, "application/json", body.into()).await?;
        self.read(answer).await
    }

    /// Puts bytes at `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put_bytes<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, Error> {
        let answer = self.exchange(Method::PUT, path, "application/octet-stream", bytes.into()).await?;
        self.read(answer).await
    }

    /// Reads the bytes that stand under `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        let answer = self.exchange(Method::GET, path, "", Bytes::new()).await?;
        Ok(answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes())
    }

    /// Sends JSON to `path`, and reads the bytes that come back.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_for_bytes(&self, path: &str, body: &impl Serialize) -> Result<Bytes, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.broken(&e))?;
        let answer = self.exchange(Method::POST, path, "application/json", body.into()).await?;
        Ok(answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes())
    }

    /// Sends a backup with its passphrase to `path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_backup<T: DeserializeOwned>(
        &self,
        path: &str,
        passphrase: &crate::model::Secret,
        bytes: Vec<u8>,
    ) -> Result<T, Error> {
        let passphrase = super::output::encode(passphrase.expose());
        let request = Request::builder().header("block66-passphrase", passphrase);
        let body = Full::new(Bytes::from(bytes));
        let answer = self.send(request, Method::POST, path, "application/octet-stream", body).await?;
        self.read(answer).await
    }

    /// Puts a file of `length` bytes at `path`, piece by piece, and tells how many bytes are sent.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn put_file<T: DeserializeOwned>(
        &self,
        path: &str,
        file: tokio::fs::File,
        length: u64,
        told: impl Fn(u64) + Send + 'static,
    ) -> Result<T, Error> {
        let pieces = futures_util::stream::unfold((file, 0_u64), move |(mut file, sent)| {
            let mut piece = vec![0; PIECE];
            told(sent);
            async move {
                match file.read(&mut piece).await {
                    Ok(0) => None,
                    Ok(read) => {
                        piece.truncate(read);
                        Some((Ok::<_, io::Error>(Frame::data(Bytes::from(piece))), (file, sent + read as u64)))
                    }
                    Err(error) => Some((Err(error), (file, sent))),
                }
            }
        });
        let request = Request::builder().header(header::CONTENT_LENGTH, length);
        let body = StreamBody::new(pieces).boxed_unsync();
        let answer = self.send(request, Method::PUT, path, "application/octet-stream", body).await?;
        self.read(answer).await
    }

    /// Deletes what stands under `path`, and reads what it was.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let answer = self.exchange(Method::DELETE, path, "", Bytes::new()).await?;
        self.read(answer).await
    }

    /// Follows the stream of news and hands each one over by its kind and JSON, until the box ends it or `each`
    /// says that it is enough.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn follow(&self, mut each: impl FnMut(&str, &str) -> io::Result<()>) -> Result<(), Error> {
        let answer = self.exchange(Method::GET, "live", "", Bytes::new()).await?;
        let mut body = answer.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|e| self.broken(&e))?.into_data() else { continue };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = pending.drain(..end + 2).collect();
                let message = String::from_utf8_lossy(&message);
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(kind), Some(data)) = (field("event: "), field("data: "))
                    && each(kind, data).is_err()
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        self.send(Request::builder(), method, path, kind, Full::new(body)).await
    }

    async fn send<B>(
        &self,
        request: hyper::http::request::Builder,
        method: Method,
        path: &str,
        kind: &'static str,
        body: B,
    ) -> Result<Response<Incoming>, Error>
    where
        B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                Error::NotRunning { socket: self.socket.clone() }
            }
            io::ErrorKind::PermissionDenied => Error::NotPermitted { socket: self.socket.clone() },
            _ => self.broken(&error),
        })?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|e| self.broken(&e))?;
        // It ends by itself when sender and answer are dropped; what went wrong shows in the answer.
        tokio::spawn(async move { connection.await.ok() });
        let mut request = request.method(method).uri(format!("/api/v1/{path}")).header(header::HOST, "localhost");
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(body).map_err(|e| self.broken(&e))?;
        let answer = sender.send_request(request).await.map_err(|e| self.broken(&e))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let bytes = answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes();
        let problem: Problem = serde_json::from_slice(&bytes).map_err(|e| self.broken(&e))?;
        if problem.code == "not-you" {
            return Err(Error::NotPermitted { socket: self.socket.clone() });
        }
        Err(Error::Refused(Box::new(problem)))
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response<Incoming>) -> Result<T, Error> {
        let bytes = answer.into_body().collect().await.map_err(|e| self.broken(&e))?.to_bytes();
        // An answer without content reads as JSON's null.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        super::output::keep(&bytes);
        serde_json::from_slice(&bytes).map_err(|e| self.broken(&e))
    }

    fn broken(&self, why: &impl ToString) -> Error {
        Error::Broken { socket: self.socket.clone(), why: why.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn says_that_no_box_runs_and_where_it_looked() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("block66.sock");
        let says_so = async || {
            let error = Client::new(&socket).get::<()>("status").await.unwrap_err();
            assert!(matches!(error, Error::NotRunning { .. }), "{error}");
            assert!(error.to_string().contains(socket.to_str().unwrap()), "{error}");
        };
        says_so().await;
        // What a killed box leaves behind.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        says_so().await;
    }
}
