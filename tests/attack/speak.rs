//! HTTP/1.1 and logins, byte by byte: an attacker uses no library that would mend what he sends.

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use block66::lab::ground::BOX;
use md5::{Digest as _, Md5};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Every value of this field.
    pub(crate) fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Head and body, without what is another one each time: the date and the nonce.
    pub(crate) fn lasting(&self) -> String {
        let lines = self.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("date:"));
        let lines = lines.map(|line| match line.split_once("nonce=\"") {
            Some((before, rest)) => format!("{before}{}", rest.split_once('"').map_or("", |(_, after)| after)),
            None => line.to_owned(),
        });
        format!("{}\n\n{}", lines.collect::<Vec<_>>().join("\n"), self.text())
    }

    /// The nonce of its challenge.
    pub(crate) fn nonce(&self) -> String {
        let digest = self.fields("www-authenticate").find(|value| value.starts_with("Digest ")).expect("a challenge");
        digest.split_once("nonce=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a nonce").0.to_owned()
    }
}

/// One request on a connection that stays open.
pub(crate) fn exchange(
    stream: &mut (impl Read + Write + ?Sized),
    method: &str,
    path: &str,
    lines: &str,
    body: &[u8],
) -> io::Result<Reply> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {BOX}\r\n{length}{lines}\r\n").into_bytes();
    bytes.extend(body);
    stream.write_all(&bytes)?;
    stream.flush()?;
    // An answer to HEAD tells the length of a body that does not come (RFC 9110 section 9.3.2).
    if method == "HEAD" { read_head(stream) } else { read(stream) }
}

/// Reads one answer.
pub(crate) fn read(stream: &mut (impl Read + ?Sized)) -> io::Result<Reply> {
    let mut reply = read_head(stream)?;
    let mut piece = [0; 4096];
    let length = reply.fields("content-length").next().and_then(|length| length.parse().ok()).unwrap_or(0);
    while reply.body.len() < length {
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole body"));
        }
        reply.body.extend(&piece[..read]);
    }
    Ok(reply)
}

/// Reads the head of one answer, and what came with it of the body.
fn read_head(stream: &mut (impl Read + ?Sized)) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole head"));
        }
        bytes.extend(&piece[..length]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Reply { status, head, body: bytes[end..].to_vec() })
}

/// The field of a Basic login.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

/// The field of a Digest login with `qop=auth` (RFC 2617 section 3.2.2), for GET.
pub(crate) fn digest(user: &str, password: &str, path: &str, nonce: &str, count: u32) -> String {
    digest_for("GET", (user, password), path, nonce, count)
}

/// The same for this method.
pub(crate) fn digest_for(method: &str, (user, password): (&str, &str), path: &str, nonce: &str, count: u32) -> String {
    let hash = |text: String| hex(&Md5::digest(text.as_bytes()));
    let secret = hash(format!("{user}:Block66:{password}"));
    let request = hash(format!("{method}:{path}"));
    let response = hash(format!("{secret}:{nonce}:{count:08x}:c0ffee:auth:{request}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"Block66\", nonce=\"{nonce}\", uri=\"{path}\", qop=auth, \
         nc={count:08x}, cnonce=\"c0ffee\", response=\"{response}\"\r\n"
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
