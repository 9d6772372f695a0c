//! SIP messages between bytes and sense.
//!
//! What phones send is often not quite SIP. [`read`] puts it right first (`normalise`), has the result parsed by rsip,
//! and keeps it as a [`Message`]: a start line, header fields in their order under their long names, and a body.
//! [`Message::encode`] is the way back, and refuses whatever would end a line early.

mod framer;
mod message;
mod normalise;
mod write;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod torture;

pub use framer::Framer;
pub use message::{Header, Message, Start};
pub(crate) use message::{list, parameter, parameters};
pub use rsip::Method;
pub use write::Unfit;

/// The longest message that is read, head and body. Phones send less than 2 kB.
pub const LONGEST: usize = 16 * 1024;
/// The longest head.
pub const LONGEST_HEAD: usize = 8 * 1024;
/// The most header fields.
pub const MOST_HEADERS: usize = 64;

/// Why bytes are no SIP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// More than [`LONGEST`] bytes, or a head of more than [`LONGEST_HEAD`].
    #[error("it is too long")]
    TooLong,
    /// More than [`MOST_HEADERS`] header fields.
    #[error("it has too many header fields")]
    TooManyHeaders,
    /// Neither a request line nor a status line.
    #[error("its first line is neither a request nor a status")]
    StartLine,
    /// A method that no standard knows, or one in lower case.
    #[error("its method is not known")]
    UnknownMethod,
    /// Another version than 2.0.
    #[error("its version is not 2.0")]
    Version,
    /// A line in the head without a colon, with a strange name, or with a lone CR in it.
    #[error("a header field cannot be read")]
    Header,
    /// Content-Length is not a number, or stands there twice with two values.
    #[error("its Content-Length makes no sense")]
    Length,
    /// Fewer bytes came than Content-Length says.
    #[error("its body is cut off")]
    CutOff,
    /// A header field that every message has is missing: Via, From, To, Call-ID, CSeq (RFC 3261 section 8.1.1).
    #[error("{0} is missing")]
    Missing(&'static str),
    /// CSeq cannot be read, or its method is not the request's.
    #[error("its CSeq makes no sense")]
    CSeq,
    /// rsip found a fault that the checks above did not.
    #[error("it does not parse")]
    Parser,
}

/// Reads one datagram, or one message that a [`Framer`] cut out of a stream. `None` is a keep-alive (RFC 5626
/// section 3.5.1, and the `jaK` of some phones): there is nothing to answer.
///
/// # Errors
/// When it is no SIP message even after the usual liberties of phones were put right.
pub fn read(bytes: &[u8]) -> Result<Option<Message>, Malformed> {
    let Some(plain) = normalise::normalise(bytes)? else { return Ok(None) };
    Message::parse(plain).map(Some)
}
