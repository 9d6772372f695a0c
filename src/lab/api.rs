//! What the lab says to the box over its local socket.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::Error;

/// The box's API over its local socket.
#[derive(Debug, Clone)]
pub struct Api {
    socket: PathBuf,
}

impl Api {
    const LIMIT: Duration = Duration::from_secs(10);

    /// The API behind this socket, whether the box runs or not.
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// Reads a resource, as `phones` for `/api/v1/phones`.
    ///
    /// # Errors
    /// `Api` when the box does not answer or refuses.
    pub fn get(&self, what: &str) -> Result<Value, Error> {
        self.ask("GET", what, None)
    }

    /// Adds to a resource, or does what it stands for.
    ///
    /// # Errors
    /// `Api` when the box does not answer or refuses.
    pub fn post(&self, what: &str, body: &Value) -> Result<Value, Error> {
        self.ask("POST", what, Some(body))
    }

    /// Takes a resource away, or ends what it stands for.
    ///
    /// # Errors
    /// `Api` when the box does not answer or refuses.
    pub fn delete(&self, what: &str) -> Result<Value, Error> {
        self.ask("DELETE", what, None)
    }

    /// Puts the bytes of a file there.
    ///
    /// # Errors
    /// `Api` when the box does not answer or refuses.
    pub fn put_file(&self, what: &str, bytes: &[u8]) -> Result<Value, Error> {
        self.send("PUT", what, "application/octet-stream", bytes)
    }

    /// Sends a text of this kind, as `text/csv` to `phones/import`.
    ///
    /// # Errors
    /// `Api` when the box does not answer or refuses.
    pub fn post_text(&self, what: &str, kind: &str, text: &str) -> Result<Value, Error> {
        self.send("POST", what, kind, text.as_bytes())
    }

    fn ask(&self, method: &str, what: &str, body: Option<&Value>) -> Result<Value, Error> {
        self.send(method, what, "application/json", body.map(Value::to_string).unwrap_or_default().as_bytes())
    }

    fn send(&self, method: &str, what: &str, kind: &str, body: &[u8]) -> Result<Value, Error> {
        let failed = |why: String| Error::Api { what: format!("{method} /api/v1/{what}"), why };
        let (status, answer) = self.exchange(method, what, kind, body).map_err(|error| failed(error.to_string()))?;
        if !(200..300).contains(&status) {
            return Err(failed(format!("{status} {}", String::from_utf8_lossy(&answer))));
        }
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| failed(format!("the answer is not JSON: {error}")))
    }

    /// One request as HTTP/1.0, so that the answer ends with the connection (RFC 1945 section 7.2.2).
    fn exchange(&self, method: &str, what: &str, kind: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(Self::LIMIT))?;
        stream.set_write_timeout(Some(Self::LIMIT))?;
        write!(
            stream,
            "{method} /api/v1/{what} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        read(&answer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
    }
}

fn read(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(end + 4);
    let status = std::str::from_utf8(head).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_answer() {
        assert_eq!(read(b"HTTP/1.0 201 Created\r\nX: y\r\n\r\n{}"), Some((201, b"{}".to_vec())));
        assert_eq!(read(b"HTTP/1.0 2x1\r\n\r\n"), None);
        assert_eq!(read(b"HTTP/1.0 201 Created\r\n"), None);
    }

    #[test]
    fn a_box_that_is_not_there_is_named() {
        let error = Api::new(Path::new("/nonexistent/socket")).get("status").unwrap_err();
        assert!(error.to_string().starts_with("the box did not answer GET /api/v1/status: "), "{error}");
    }
}
