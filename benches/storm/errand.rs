//! What a phone asks for.

use std::time::Duration;

use block66::phonesim::{Exchange, Report};

/// How the names end under which phones look for newer software: those of Poly; of Snom, and of the Gigaset phones that
/// do as they do; and of the Gigaset N510, a list of images. Others ask for an image alone that their file names, and
/// here none does.
const SOFTWARE: [&str; 3] = [".ld", "-firmware.htm", "master.bin"];

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// An address, from the first DISCOVER to the ACK, with all that were sent again.
    Address,
    /// A connection and the TLS handshake on it, before the request; it is part of each request over HTTPS, too.
    Handshake,
    /// The certificate of the authority.
    Authority,
    /// Anything that is refused without a login: the phone asks once more, with its login.
    Login,
    /// A file without TLS.
    Plain,
    /// A file over HTTPS, the handshake included.
    Secure,
    /// A phone book.
    Book,
    /// Whether there is newer software. There is no image on either side.
    Software,
    /// Something else that is not there.
    Absent,
}

impl Errand {
    /// All of them, in the order of a table.
    pub(crate) const ALL: [Self; 9] = [
        Self::Address,
        Self::Handshake,
        Self::Authority,
        Self::Login,
        Self::Plain,
        Self::Secure,
        Self::Book,
        Self::Software,
        Self::Absent,
    ];

    /// What a phone asked for since it was switched on, and how long each took; nothing where there was no answer.
    pub(crate) fn all_of(report: &Report) -> Vec<(Self, Duration)> {
        let exchanges = report.exchanges.iter();
        let address = report.leased_in.map(|took| (Self::Address, took));
        let handshakes = exchanges.clone().filter_map(|exchange| Some((Self::Handshake, exchange.handshake?)));
        let requests = exchanges.filter_map(|exchange| Some((Self::of(exchange)?, exchange.took)));
        address.into_iter().chain(handshakes).chain(requests).collect()
    }

    /// What an exchange was for, by its name and its answer.
    fn of(exchange: &Exchange) -> Option<Self> {
        let path = exchange.url.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        Some(match exchange.status? {
            401 => Self::Login,
            _ if SOFTWARE.iter().any(|end| name.ends_with(end)) => Self::Software,
            404 => Self::Absent,
            _ if name.starts_with("ca.") => Self::Authority,
            _ if name.contains("book") => Self::Book,
            _ if exchange.url.starts_with("https:") => Self::Secure,
            _ => Self::Plain,
        })
    }

    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "an address (DHCP)",
            Self::Handshake => "a TLS handshake",
            Self::Authority => "the CA",
            Self::Login => "what is refused without the login (401)",
            Self::Plain => "a file without TLS",
            Self::Secure => "a file over HTTPS, handshake included",
            Self::Book => "a phone book",
            Self::Software => "a look whether there is newer software",
            Self::Absent => "what is not there",
        }
    }
}
