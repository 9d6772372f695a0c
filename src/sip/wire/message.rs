use std::fmt;

use rsip::message::HasHeaders;
use rsip::{Method, SipMessage};

use super::Malformed;
use super::normalise::{Plain, split_list};

/// A SIP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its first line.
    pub start: Start,
    /// Its header fields in their order, Content-Length left out: that follows from the body.
    pub headers: Vec<Header>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// A request.
    Request {
        /// What is asked for.
        method: Method,
        /// Of whom, as written.
        uri: String,
    },
    /// An answer.
    Response {
        /// 100 to 699.
        status: u16,
        /// What is said beside it.
        phrase: String,
    },
}

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its long name.
    pub name: String,
    /// Its value, on one line.
    pub value: String,
}

/// Fields that every message has (RFC 3261 section 8.1.1; Max-Forwards is left out by some phones).
const NEEDED: [&str; 5] = ["Via", "From", "To", "Call-ID", "CSeq"];

impl Message {
    /// A request with no header fields yet.
    pub fn request(method: Method, uri: impl Into<String>) -> Self {
        Self { start: Start::Request { method, uri: uri.into() }, headers: Vec::new(), body: Vec::new() }
    }

    /// An answer with no header fields yet.
    pub fn response(status: u16, phrase: &str) -> Self {
        Self { start: Start::Response { status, phrase: phrase.to_owned() }, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.to_owned(), value: value.into() });
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn with_body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self = self.with("Content-Type", kind);
        self.body = body.into();
        self
    }

    /// The first field of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
        found.next().map(|field| field.value.as_str())
    }

    /// All fields of this name, in their order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
    }

    /// The method and URI of a request.
    pub fn as_request(&self) -> Option<(Method, &str)> {
        match &self.start {
            Start::Request { method, uri } => Some((*method, uri)),
            Start::Response { .. } => None,
        }
    }

    /// The status of an answer.
    pub fn status(&self) -> Option<u16> {
        match self.start {
            Start::Response { status, .. } => Some(status),
            Start::Request { .. } => None,
        }
    }

    /// Number and method of CSeq.
    pub fn sequence(&self) -> Option<(u32, &str)> {
        let (number, method) = self.header("CSeq")?.split_once(' ')?;
        let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
        // RFC 3261 section 8.1.1.5: less than 2^31.
        Some((number, method.trim())).filter(|(number, _)| *number < 1 << 31)
    }

    /// An answer to this request: what RFC 3261 section 8.2.6.2 wants copied is, and To has `tag` unless it has one.
    pub fn answer(&self, status: u16, phrase: &str, tag: &str) -> Self {
        let mut answer = Self::response(status, phrase);
        for name in NEEDED {
            for value in self.all(name) {
                let tagged = name != "To" || status == 100 || value.to_ascii_lowercase().contains(";tag=");
                let value = if tagged { value.to_owned() } else { format!("{value};tag={tag}") };
                answer = answer.with(name, value);
            }
        }
        answer
    }

    /// Reads a message that is in order.
    pub(super) fn parse(plain: Plain) -> Result<Self, Malformed> {
        // The URI is ours to read: rsip knows neither `tel:` nor all of IPv6.
        let (line, uri) = match plain.start.split(' ').collect::<Vec<_>>().as_slice() {
            [method, uri, "SIP/2.0"] => {
                method
                    .parse::<Method>()
                    .ok()
                    .filter(|known| known.to_string() == *method)
                    .ok_or(Malformed::UnknownMethod)?;
                (format!("{method} sip:placeholder SIP/2.0"), Some((*uri).to_owned()))
            }
            _ => (plain.start.clone(), None),
        };
        let mut head = line + "\r\n";
        for (name, value) in &plain.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let parsed = SipMessage::try_from(head.as_str()).map_err(|_| Malformed::Parser)?;
        let headers = parsed.headers().iter().filter_map(|header| {
            let line = header.to_string();
            let (name, value) = line.split_once(':')?;
            Some(Header { name: name.to_owned(), value: value.trim().to_owned() })
        });
        let headers = headers.filter(|header| !header.name.eq_ignore_ascii_case("Content-Length")).collect();
        let start = match (&parsed, uri) {
            (SipMessage::Request(request), Some(uri)) => Start::Request { method: request.method, uri },
            (SipMessage::Response(response), _) => {
                let phrase = plain.start.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
                Start::Response { status: response.status_code.code(), phrase }
            }
            (SipMessage::Request(_), None) => return Err(Malformed::StartLine),
        };
        let message = Self { start, headers, body: plain.body };
        message.check()
    }

    fn check(self) -> Result<Self, Malformed> {
        for name in NEEDED {
            if self.header(name).is_none_or(str::is_empty) {
                return Err(Malformed::Missing(name));
            }
        }
        let (_, method) = self.sequence().ok_or(Malformed::CSeq)?;
        match self.as_request() {
            Some((asked, _)) if asked.to_string() != method => Err(Malformed::CSeq),
            _ => Ok(self),
        }
    }
}

/// The parts of a value after its first semicolon, none of which counts inside quotes or brackets: `name` or
/// `name=value`.
pub(crate) fn parameters(value: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut quoted = false;
    let mut escaped = false;
    let mut depth = 0_u32;
    let pieces = value.split(move |letter| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => depth += 1,
            '>' if !quoted => depth = depth.saturating_sub(1),
            ';' => return !quoted && depth == 0,
            _ => {}
        }
        false
    });
    pieces.skip(1).map(|piece| match piece.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
        None => (piece.trim(), None),
    })
}

/// The value of the parameter `name`, when it has one.
pub(crate) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    parameters(value).find(|(found, _)| found.eq_ignore_ascii_case(name)).and_then(|(_, value)| value)
}

/// The entries of a header field that is a list.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    split_list(value)
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { method, uri } => write!(f, "{method} {uri} SIP/2.0"),
            Self::Response { status, phrase } => write!(f, "SIP/2.0 {status} {phrase}"),
        }
    }
}
