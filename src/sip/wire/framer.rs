use super::{LONGEST, LONGEST_HEAD, Malformed};

/// Cuts a stream into messages (RFC 3261 section 18.3): a head, and as many bytes as its Content-Length says.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
}

impl Framer {
    /// Takes what arrived.
    pub fn take(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Whether half a message is waiting for its other half.
    pub fn is_waiting(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next whole message; `None` while there is none.
    ///
    /// # Errors
    /// When the stream cannot be cut any more: a head or body that is too long, or a Content-Length that is none. The
    /// connection is then to be closed.
    pub fn cut(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        // Keep-alives stand between messages.
        let begins = self.held.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(self.held.len());
        self.held.drain(..begins);
        let Some(head) = head_length(&self.held) else {
            return if self.held.len() > LONGEST_HEAD { Err(Malformed::TooLong) } else { Ok(None) };
        };
        let length = head + content_length(self.held.get(..head).unwrap_or_default())?;
        if head > LONGEST_HEAD || length > LONGEST {
            return Err(Malformed::TooLong);
        }
        if self.held.len() < length {
            return Ok(None);
        }
        let rest = self.held.split_off(length);
        Ok(Some(std::mem::replace(&mut self.held, rest)))
    }
}

/// Bytes up to and with the blank line.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let mut before = 0;
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&byte| byte == b'\n') {
        let end = from + at + 1;
        let line = bytes.get(before..end)?;
        if matches!(line, b"\n" | b"\r\n") {
            return Some(end);
        }
        (before, from) = (end, end);
    }
    None
}

/// What the head says of the body's length; nothing when it says nothing.
fn content_length(head: &[u8]) -> Result<usize, Malformed> {
    let head = String::from_utf8_lossy(head);
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = name.trim();
        if name.eq_ignore_ascii_case("Content-Length") || name.eq_ignore_ascii_case("l") {
            let value = value.trim();
            let plain = !value.is_empty() && value.len() < 8 && value.bytes().all(|byte| byte.is_ascii_digit());
            return value.parse().ok().filter(|_| plain).ok_or(Malformed::Length);
        }
    }
    Ok(0)
}
