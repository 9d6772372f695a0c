//! What a phone asks for.

use block66::phonesim::Exchange;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// The certificate of the authority.
    Authority,
    /// A file without TLS.
    Plain,
    /// A file over HTTPS, the handshake included.
    Secure,
    /// A phone book.
    Book,
    /// Software, or whether there is any.
    Software,
    /// Something that is not there.
    Absent,
}

impl Errand {
    /// All of them, in the order of a table.
    pub(crate) const ALL: [Self; 6] =
        [Self::Authority, Self::Plain, Self::Secure, Self::Book, Self::Software, Self::Absent];

    /// What an exchange was for, by its name and its answer; nothing where there was no answer.
    pub(crate) fn of(exchange: &Exchange) -> Option<Self> {
        let path = exchange.url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        Some(match exchange.status? {
            404 => Self::Absent,
            _ if name.starts_with("ca.") => Self::Authority,
            _ if name.contains("book") => Self::Book,
            _ if [".rom", ".bin", ".ld", ".img", ".fw", ".swu"].iter().any(|end| name.ends_with(end)) => Self::Software,
            _ if exchange.url.starts_with("https:") => Self::Secure,
            _ => Self::Plain,
        })
    }

    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authority => "the CA",
            Self::Plain => "a file without TLS",
            Self::Secure => "a file over HTTPS, handshake included",
            Self::Book => "a phone book",
            Self::Software => "software",
            Self::Absent => "what is not there",
        }
    }
}
