//! The liberties that phones take, put right on the bytes, before a parser sees them.
//!
//! Keep-alives, leading line ends, LF alone as a line end, folded lines, blanks before the colon, short names
//! (RFC 3261 section 7.3.3), a version in lower case, a status without its blank, several Vias on one line, bytes that
//! are no UTF-8, a missing blank line at the end of the head, and more body than Content-Length says.

use super::{LONGEST, LONGEST_HEAD, MOST_HEADERS, Malformed};

/// A message in order: every line as the standard has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plain {
    /// Request line or status line, without its end.
    pub(super) start: String,
    /// Header fields under their long names; values on one line, with no control character in them.
    pub(super) headers: Vec<(String, String)>,
    /// As many bytes as Content-Length says, or all there are when it says nothing.
    pub(super) body: Vec<u8>,
}

/// Short names and what they stand for (RFC 3261 section 20, RFC 6665, RFC 3515, RFC 3892, RFC 4028).
const SHORT: [(&str, &str); 14] = [
    ("a", "Accept-Contact"),
    ("b", "Referred-By"),
    ("c", "Content-Type"),
    ("e", "Content-Encoding"),
    ("f", "From"),
    ("i", "Call-ID"),
    ("k", "Supported"),
    ("l", "Content-Length"),
    ("m", "Contact"),
    ("o", "Event"),
    ("r", "Refer-To"),
    ("t", "To"),
    ("u", "Allow-Events"),
    ("v", "Via"),
];

pub(super) fn normalise(bytes: &[u8]) -> Result<Option<Plain>, Malformed> {
    if bytes.len() > LONGEST {
        return Err(Malformed::TooLong);
    }
    if is_keep_alive(bytes) {
        return Ok(None);
    }
    let begins = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(bytes.len());
    let bytes = bytes.get(begins..).unwrap_or_default();
    let (lines, body) = split(bytes)?;
    let mut lines = lines.into_iter();
    let start = start_line(&text(lines.next().ok_or(Malformed::StartLine)?)?)?;
    let headers = fields(&unfold(lines)?)?;
    let body = cut(&headers, body)?;
    Ok(Some(Plain { start, headers, body }))
}

fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes == b"jaK" || bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | b'\t' | 0))
}

/// The lines of the head, and what follows it. A head that is not ended by a blank line is all there is.
fn split(bytes: &[u8]) -> Result<(Vec<&[u8]>, &[u8]), Malformed> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    loop {
        if bytes.len() - rest.len() > LONGEST_HEAD {
            return Err(Malformed::TooLong);
        }
        let (line, after) = match rest.iter().position(|&byte| byte == b'\n') {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default()),
            // Datagrams of some phones end with NULs.
            None => (rest.trim_ascii_end(), &[][..]),
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if after.is_empty() { trim_nuls(line) } else { line };
        if line.is_empty() || rest.is_empty() {
            return Ok((lines, after));
        }
        if lines.len() > MOST_HEADERS * 4 {
            return Err(Malformed::TooManyHeaders);
        }
        lines.push(line);
        rest = after;
    }
}

fn trim_nuls(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

/// Printable text of a line: bytes that are no UTF-8, and control characters, become question marks.
fn text(line: &[u8]) -> Result<String, Malformed> {
    if line.contains(&b'\r') {
        return Err(Malformed::Header);
    }
    let text = String::from_utf8_lossy(line);
    Ok(text
        .chars()
        .map(|letter| match letter {
            '\t' => ' ',
            char::REPLACEMENT_CHARACTER => '?',
            letter if letter.is_control() => '?',
            letter => letter,
        })
        .collect())
}

/// `METHOD URI SIP/2.0` or `SIP/2.0 STATUS PHRASE`, with single blanks.
fn start_line(line: &str) -> Result<String, Malformed> {
    const VERSION: &str = "SIP/2.0";
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let first = words.next().ok_or(Malformed::StartLine)?;
    if first.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("SIP/")) {
        if !first.eq_ignore_ascii_case(VERSION) {
            return Err(Malformed::Version);
        }
        let status = words.next().ok_or(Malformed::StartLine)?;
        let three = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        if !three || !("100"..="699").contains(&status) {
            return Err(Malformed::StartLine);
        }
        let phrase: Vec<&str> = words.collect();
        return Ok(format!("{VERSION} {status} {}", phrase.join(" ")));
    }
    let (Some(uri), Some(version), None) = (words.next(), words.next(), words.next()) else {
        return Err(Malformed::StartLine);
    };
    if !version.eq_ignore_ascii_case(VERSION) {
        let named = version.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("SIP/"));
        return Err(if named { Malformed::Version } else { Malformed::StartLine });
    }
    Ok(format!("{first} {uri} {VERSION}"))
}

/// Each header field on one line.
fn unfold<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<Vec<String>, Malformed> {
    let mut unfolded: Vec<String> = Vec::new();
    for line in lines {
        let folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        let line = text(line)?;
        match unfolded.last_mut() {
            Some(last) if folded => {
                last.push(' ');
                last.push_str(line.trim());
            }
            None if folded => return Err(Malformed::Header),
            _ => unfolded.push(line),
        }
    }
    Ok(unfolded)
}

fn fields(lines: &[String]) -> Result<Vec<(String, String)>, Malformed> {
    let mut fields = Vec::with_capacity(lines.len());
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Malformed::Header)?;
        let name = name.trim_end();
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Malformed::Header);
        }
        let long = SHORT.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)).map_or(name, |(_, long)| long);
        if long.eq_ignore_ascii_case("Via") {
            fields.extend(split_list(value).map(|one| (long.to_owned(), one.to_owned())));
        } else {
            fields.push((long.to_owned(), value.trim().to_owned()));
        }
    }
    // The length is not counted: a message is written with one, whether or not it came with one.
    let counted = fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")).count();
    if counted > MOST_HEADERS {
        return Err(Malformed::TooManyHeaders);
    }
    Ok(fields)
}

/// The entries of a list with commas, none of which counts inside quotes or brackets.
pub(super) fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let mut depth = 0_u32;
    value
        .split(move |letter| {
            match letter {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '<' if !quoted => depth += 1,
                '>' if !quoted => depth = depth.saturating_sub(1),
                ',' => return !quoted && depth == 0,
                _ => {}
            }
            false
        })
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// Characters of a token (RFC 3261 section 25.1).
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// As much of the body as Content-Length says.
fn cut(headers: &[(String, String)], body: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut said: Option<usize> = None;
    for (_, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length")) {
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let length = value.parse().ok().filter(|_| plain).ok_or(Malformed::Length)?;
        if said.is_some_and(|earlier| earlier != length) {
            return Err(Malformed::Length);
        }
        said = Some(length);
    }
    match said {
        Some(length) => body.get(..length).map(<[u8]>::to_vec).ok_or(Malformed::CutOff),
        None => Ok(body.to_vec()),
    }
}
