//! HTTP/1.1 as the phone writes and reads it (RFC 9112).

use std::io::{self, Read};

use super::fetch::Ask;
use super::url::Url;

/// Most bytes of a head that the phone reads.
const HEAD: usize = 16 << 10;
/// Most bytes of a file that the phone takes \[facts, 5 MB for the largest kind\].
const BODY: usize = 5 << 20;

/// The bytes of a request. Keep-alive is off: each file has a connection of its own \[facts\].
/// With it go the value of `Authorization` and one more header.
pub(super) fn request(
    ask: &Ask,
    user_agent: &str,
    url: &Url,
    (authorization, more): (Option<&str>, Option<(&str, &str)>),
) -> Vec<u8> {
    let mut text = format!(
        "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {user_agent}\r\nAccept: */*\r\nConnection: close\r\n",
        ask.method,
        url.path,
        url.authority(),
    );
    for (name, value) in &ask.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some((name, value)) = more {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(authorization) = authorization {
        text.push_str(&format!("Authorization: {authorization}\r\n"));
    }
    if let Some(body) = &ask.body {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(ask.body.iter().flatten());
    bytes
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Why no answer could be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    NotHttp(&'static str),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Response {
    /// The values of every header called `name`, which is lower case.
    pub(super) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// Reads one answer to its end.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, Unreadable> {
        let mut response = Self::read_head(from)?;
        response.body = if matches!(response.status, 204 | 304) {
            Vec::new()
        } else if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            chunks(from)?
        } else {
            match response.header("content-length") {
                Some(length) => {
                    let length: usize =
                        length.parse().map_err(|_| Unreadable::NotHttp("its Content-Length is no number"))?;
                    exactly(from, length)?
                }
                None => {
                    let mut body = Vec::new();
                    from.take(BODY as u64 + 1).read_to_end(&mut body)?;
                    capped(body.len())?;
                    body
                }
            }
        };
        Ok(response)
    }

    /// Reads the head of an answer, which is all that there is of one to HEAD.
    pub(super) fn read_head(from: &mut impl Read) -> Result<Self, Unreadable> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == HEAD {
                return Err(Unreadable::NotHttp("its head is too long"));
            }
            head.push(byte(from)?);
        }
        let text = String::from_utf8_lossy(&head);
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(status).ok_or(Unreadable::NotHttp("there is no status line"))?;
        let mut response = Self { status, headers: Vec::new(), body: Vec::new() };
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or(Unreadable::NotHttp("a header has no colon"))?;
            response.headers.push((name.trim().to_ascii_lowercase(), value.trim().into()));
        }
        Ok(response)
    }
}

fn status(line: &str) -> Option<u16> {
    let (version, rest) = line.split_once(' ')?;
    let code = rest.split(' ').next()?;
    (version.starts_with("HTTP/1.") && code.len() == 3).then(|| code.parse().ok()).flatten()
}

fn byte(from: &mut impl Read) -> io::Result<u8> {
    let mut one = [0];
    from.read_exact(&mut one)?;
    Ok(one[0])
}

fn capped(length: usize) -> Result<(), Unreadable> {
    if length > BODY { Err(Unreadable::NotHttp("the file is larger than 5 MB")) } else { Ok(()) }
}

fn exactly(from: &mut impl Read, length: usize) -> Result<Vec<u8>, Unreadable> {
    capped(length)?;
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(body)
}

/// RFC 9112 section 7.1.
fn chunks(from: &mut impl Read) -> Result<Vec<u8>, Unreadable> {
    let mut body = Vec::new();
    loop {
        let size = line(from)?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| Unreadable::NotHttp("a chunk's size is no number"))?;
        if size == 0 {
            while !line(from)?.is_empty() {}
            return Ok(body);
        }
        capped(body.len().saturating_add(size))?;
        body.extend(exactly(from, size)?);
        if !line(from)?.is_empty() {
            return Err(Unreadable::NotHttp("a chunk is longer than its size"));
        }
    }
}

fn line(from: &mut impl Read) -> Result<String, Unreadable> {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n") {
        if text.len() == HEAD {
            return Err(Unreadable::NotHttp("a line is too long"));
        }
        text.push(byte(from)?);
    }
    text.truncate(text.len() - 2);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Response, Unreadable> {
        Response::read(&mut &*bytes)
    }

    #[test]
    fn asks_in_these_bytes() {
        let url = Url::parse("http://10.66.0.1:8080/p/y000000000108.cfg").unwrap();
        assert_eq!(
            String::from_utf8(request(&Ask::get(url.clone()), "A phone", &url, (Some("Basic eA=="), None))).unwrap(),
            "GET /p/y000000000108.cfg HTTP/1.1\r\nHost: 10.66.0.1:8080\r\n\
             User-Agent: A phone\r\nAccept: */*\r\nConnection: close\r\n\
             Authorization: Basic eA==\r\n\r\n"
        );
        let ask = Ask { headers: vec![("X-A", "b".into())], ..Ask::put(url.clone(), b"log".to_vec()) };
        assert_eq!(
            String::from_utf8(request(&ask, "A phone", &url, (None, None))).unwrap(),
            "PUT /p/y000000000108.cfg HTTP/1.1\r\nHost: 10.66.0.1:8080\r\nUser-Agent: A phone\r\nAccept: */*\r\n\
             Connection: close\r\nX-A: b\r\nContent-Length: 3\r\n\r\nlog"
        );
    }

    #[test]
    fn reads_answers_of_every_length() {
        let by_length = read(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef").unwrap();
        assert_eq!((by_length.status, &*by_length.body), (200, &b"abc"[..]));
        let by_end = read(b"HTTP/1.0 404 \r\n\r\nnothing here").unwrap();
        assert_eq!((by_end.status, &*by_end.body), (404, &b"nothing here"[..]));
        let chunked =
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap();
        assert_eq!(chunked.body, b"abcde");
        let twice = read(b"HTTP/1.1 401 No\r\nWWW-Authenticate: A\r\nwww-authenticate: B\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(twice.unwrap().headers("www-authenticate").collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn names_what_is_no_answer() {
        for bytes in [
            &b"SSH-2.0-x\r\n\r\n"[..],
            b"HTTP/1.1 20x OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        ] {
            assert!(matches!(read(bytes), Err(Unreadable::NotHttp(_))), "{}", String::from_utf8_lossy(bytes));
        }
        for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"] {
            assert!(matches!(read(bytes), Err(Unreadable::Io(_))), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
