use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::{Answer, Refusal, Request, Standing};

/// Where the steward's door is.
pub const SOCKET: &str = "/run/block66-steward/socket";

/// How long nothing may be heard. Writing a slot takes minutes on slow flash, but it tells how far it is.
const SILENCE: Duration = Duration::from_secs(300);
/// Most bytes of an answer.
const MOST: u64 = 1024 * 1024;

/// The way to the steward.
#[derive(Debug, Clone)]
pub struct Steward {
    socket: PathBuf,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No steward is there: this is no appliance, only the program.
    #[error("this is not the appliance: its system is somebody else's to set")]
    Absent,
    /// It said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The conversation broke off.
    #[error("the system did not answer: {0}")]
    Broken(#[from] io::Error),
}

impl Steward {
    /// The steward behind this socket, whether it is there or not.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// Whether this is an appliance at all.
    pub fn is_there(&self) -> bool {
        Path::new(&self.socket).exists()
    }

    /// Asks for something and waits until it is done.
    ///
    /// # Errors
    /// When no steward is there, it refuses, or it breaks off.
    pub async fn ask(&self, request: &Request, mut told: impl FnMut(u8, &str)) -> Result<Standing, Error> {
        request.check()?;
        let mut stream = UnixStream::connect(&self.socket).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::Absent,
            _ => Error::Broken(error),
        })?;
        let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answers = BufReader::new(stream.take(MOST)).lines();
        loop {
            let line = tokio::time::timeout(SILENCE, answers.next_line()).await.map_err(io::Error::from)??;
            let Some(line) = line else { return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) };
            match serde_json::from_str(&line).map_err(io::Error::from)? {
                Answer::Progress { percent, says } => told(percent, &says),
                Answer::Done(standing) => return Ok(standing),
                Answer::Refused(refusal) => return Err(refusal.into()),
            }
        }
    }
}
