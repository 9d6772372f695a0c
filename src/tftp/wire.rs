//! PURE. The packets of TFTP (RFC 1350) and its options (RFC 2347).

use std::fmt::Write as _;

/// Longest packet that a client's request may be (RFC 2347).
pub const LONGEST_REQUEST: usize = 512;
/// Most options of a request that are looked at.
const MOST_OPTIONS: usize = 16;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// It wants a file.
    Read(Request),
    /// It wants to leave a file.
    Write(Request),
    /// It has all blocks up to this one; 0 is for the options.
    Acknowledged(u16),
    /// It gives up.
    Error {
        /// Its number.
        code: u16,
        /// Its words.
        text: String,
    },
}

/// A request for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Name of the file, as sent.
    pub name: String,
    /// How it is to be sent.
    pub mode: Mode,
    /// Options by name in lower case, as sent.
    pub options: Vec<(String, String)>,
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bytes as they are.
    Octet,
    /// Text, with line ends of RFC 764.
    NetAscii,
}

/// What a client is told when it gets no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is none of this name.
    NotFound,
    /// Not for this client, or not at all.
    NotAllowed,
    /// Not now.
    Busy,
    /// The request makes no sense.
    Malformed,
    /// Options that both sides cannot agree on.
    Options,
    /// It could not be read to its end.
    Broken,
    /// It is larger than what may be left.
    TooLarge,
}

/// Why a packet was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too short, or a field does not end.
    #[error("it ends too early")]
    Short,
    /// No such operation, or none that a client may send.
    #[error("no such operation")]
    Operation,
    /// A mode that nobody uses any more.
    #[error("no such mode")]
    Mode,
    /// Text with control characters in it, or not in UTF-8.
    #[error("its name is not text")]
    Text,
    /// An option twice (RFC 2347), or too many.
    #[error("its options make no sense")]
    Options,
}

impl Packet {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let (operation, rest) = bytes.split_first_chunk::<2>().ok_or(Malformed::Short)?;
        match u16::from_be_bytes(*operation) {
            1 => Request::read(rest).map(Self::Read),
            2 => Request::read(rest).map(Self::Write),
            4 => Ok(Self::Acknowledged(u16::from_be_bytes(*rest.first_chunk().ok_or(Malformed::Short)?))),
            5 => {
                let (code, text) = rest.split_first_chunk::<2>().ok_or(Malformed::Short)?;
                let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
                let text: String =
                    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(100).collect();
                Ok(Self::Error { code: u16::from_be_bytes(*code), text })
            }
            _ => Err(Malformed::Operation),
        }
    }
}

impl Request {
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        // Padding after the last field is seen, and harmless.
        let end = bytes.iter().rposition(|byte| *byte == 0).ok_or(Malformed::Short)?;
        let mut fields = bytes.get(..end).unwrap_or_default().split(|byte| *byte == 0);
        let name = text(fields.next().ok_or(Malformed::Short)?)?;
        let mode = text(fields.next().ok_or(Malformed::Short)?)?;
        let mode = match mode.to_ascii_lowercase().as_str() {
            "octet" | "binary" => Mode::Octet,
            "netascii" | "ascii" => Mode::NetAscii,
            _ => return Err(Malformed::Mode),
        };
        let mut options: Vec<(String, String)> = Vec::new();
        while let Some(option) = fields.next() {
            if option.is_empty() {
                break;
            }
            let option = text(option)?.to_ascii_lowercase();
            let value = text(fields.next().ok_or(Malformed::Short)?)?;
            if options.len() == MOST_OPTIONS || options.iter().any(|(known, _)| *known == option) {
                return Err(Malformed::Options);
            }
            options.push((option, value));
        }
        if name.is_empty() {
            return Err(Malformed::Short);
        }
        Ok(Self { name, mode, options })
    }
}

fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::Text)?;
    if text.chars().any(char::is_control) { Err(Malformed::Text) } else { Ok(text.to_owned()) }
}

/// Makes a packet of a block: its first four bytes, which are left free for it, become operation and number.
pub(super) fn number(block: &mut [u8], number: u16) {
    if let Some(head) = block.first_chunk_mut::<4>() {
        let [high, low] = number.to_be_bytes();
        *head = [0, 3, high, low];
    }
}

/// Says that a block has come; 0 is for the request to leave a file.
pub(super) fn acknowledgement(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![0, 4, high, low]
}

/// The options that were agreed on (RFC 2347).
pub(super) fn options(agreed: &[(&str, u64)]) -> Vec<u8> {
    let mut packet = vec![0, 6];
    for (name, value) in agreed {
        let mut field = String::new();
        let _ = write!(field, "{name}\0{value}\0");
        packet.extend_from_slice(field.as_bytes());
    }
    packet
}

/// Tells a client that it gets no file, or no more of it.
pub fn error(refusal: Refusal) -> Vec<u8> {
    let (code, text): (u16, &str) = match refusal {
        Refusal::NotFound => (1, "File not found"),
        Refusal::NotAllowed => (2, "Access violation"),
        Refusal::Busy => (0, "Not now, try again later"),
        Refusal::Malformed => (4, "Illegal TFTP operation"),
        Refusal::Options => (8, "Option negotiation failed"),
        Refusal::Broken => (0, "The file could not be read"),
        Refusal::TooLarge => (3, "Disk full or allocation exceeded"),
    };
    let mut packet = vec![0, 5];
    packet.extend_from_slice(&code.to_be_bytes());
    packet.extend_from_slice(text.as_bytes());
    packet.push(0);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let request = Request { name: "sip.ld".into(), mode: Mode::Octet, options: Vec::new() };
        assert_eq!(Packet::read(b"\0\x01sip.ld\0octet\0"), Ok(Packet::Read(request.clone())));
        assert_eq!(Packet::read(b"\0\x02sip.ld\0OCTET\0"), Ok(Packet::Write(request.clone())));
        // RFC 2347, with options of RFC 2348, 2349 and 7440.
        let options = [("blksize", "1428"), ("tsize", "0"), ("windowsize", "8")];
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        assert_eq!(
            Packet::read(b"\0\x01sip.ld\0octet\0BLKSIZE\x001428\0tsize\x000\0windowsize\x008\0"),
            Ok(Packet::Read(Request { options, ..request.clone() }))
        );
        assert_eq!(Packet::read(b"\0\x01sip.ld\0octet\0\0\0\0"), Ok(Packet::Read(request)), "padded");
        assert_eq!(Packet::read(b"\0\x04\x12\x34"), Ok(Packet::Acknowledged(0x1234)));
        let gone = Packet::Error { code: 0, text: "bye".into() };
        assert_eq!(Packet::read(b"\0\x05\0\0bye\0"), Ok(gone.clone()));
        assert_eq!(Packet::read(b"\0\x05\0\0bye"), Ok(gone));
    }

    #[test]
    fn refuses_the_rest() {
        for (bytes, expected) in [
            (&b""[..], Malformed::Short),
            (b"\0", Malformed::Short),
            (b"\0\x01", Malformed::Short),
            (b"\0\x01sip.ld", Malformed::Short),
            (b"\0\x01sip.ld\0octet", Malformed::Short),
            (b"\0\x01\0octet\0", Malformed::Short),
            (b"\0\x01sip.ld\0mail\0", Malformed::Mode),
            (b"\0\x01sip\x01.ld\0octet\0", Malformed::Text),
            (b"\0\x01\xff\xfe\0octet\0", Malformed::Text),
            (b"\0\x01a\0octet\0blksize\0", Malformed::Short),
            (b"\0\x01a\0octet\0blksize\x008\0BLKSIZE\x009\0", Malformed::Options),
            (b"\0\x03\0\x01abc", Malformed::Operation),
            (b"\0\x06tsize\x000\0", Malformed::Operation),
            (b"\0\x04\x12", Malformed::Short),
        ] {
            assert_eq!(Packet::read(bytes), Err(expected), "{bytes:?}");
        }
        let many: String = (0..17).map(|n| format!("o{n}\0v\0")).collect();
        assert_eq!(Packet::read(format!("\0\x01a\0octet\0{many}").as_bytes()), Err(Malformed::Options));
    }

    #[test]
    fn writes_what_the_standards_show() {
        let mut block = *b"????abc";
        number(&mut block, 258);
        assert_eq!(block, *b"\0\x03\x01\x02abc");
        assert_eq!(options(&[("blksize", 1432), ("tsize", 7)]), b"\0\x06blksize\x001432\0tsize\x007\0");
        assert_eq!(error(Refusal::NotFound), b"\0\x05\0\x01File not found\0");
    }
}
