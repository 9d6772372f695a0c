use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Id, Mac, Phone, Policy};

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// HTTPS.
    Tls,
    /// Plain HTTP: anybody on the way reads along.
    Plain,
    /// TFTP: plain, and with no way to log in.
    Tftp,
}

/// What kind of file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum File {
    /// The file of one phone, with its secrets.
    Own,
    /// What one phone sent up. It is kept and given back whole, or not at all, and may hold its secrets.
    Kept,
    /// About one phone and without secrets: its phone book.
    Personal,
    /// One organisation's, without secrets: a picture, a sound.
    Shared,
    /// A file that many phones share, whosever they are. It never holds a secret.
    Common,
}

/// A request, as far as access depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// How it came in.
    pub channel: Channel,
    /// What it asks for.
    pub file: File,
    /// Where it came from.
    pub address: IpAddr,
    /// Whether this MAC was asked for a login at this address within [`Ask::UNANSWERED`] and has sent none since,
    /// neither right nor wrong. Phones send a login only when asked: this tells one that has none from one
    /// that was not asked yet.
    pub unanswered: bool,
}

impl Ask {
    /// How long a challenge that got no answer is remembered.
    pub const UNANSWERED: Duration = Duration::from_secs(5 * 60);
}

/// What the login that came with a request proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoginProof {
    /// None was sent.
    None,
    /// It is nobody's, or its password is wrong.
    Wrong,
    /// The login of this phone.
    Phone(Id),
    /// The login that was made for this phone and that it never used before (`Phone::pending_login`).
    Pending(Id),
    /// The login of this organisation.
    Organisation(Id),
}

/// What the LAN says about the claim that an address belongs to a MAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lan {
    /// The address is known to belong to another MAC.
    Disagrees,
    /// Nothing is known of the address: it is behind a relay, or the addresses come from another server.
    Unknown,
    /// Our lease or the neighbour table says the same.
    Agrees,
}

/// Everything that speaks for or against the asker being the phone that it claims to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// The login.
    pub login: LoginProof,
    /// The MAC that a verified client certificate names. Counts over TLS only.
    pub certificate: Option<Mac>,
    /// The LAN.
    pub lan: Lan,
}

/// The phone on the list that the request is about, and what its organisation asks for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The phone.
    pub phone: &'a Phone,
    /// Policy of its organisation.
    pub policy: Policy,
}

/// Compares a claimed MAC with the one that holds the lease of the asker's address and with the one that the
/// neighbour table has for it. One disagreement outweighs an agreement.
pub fn lan(claimed: Mac, lease: Option<Mac>, neighbour: Option<Mac>) -> Lan {
    let mut known = [lease, neighbour].into_iter().flatten().peekable();
    match (known.peek().is_some(), known.all(|mac| mac == claimed)) {
        (false, _) => Lan::Unknown,
        (true, true) => Lan::Agrees,
        (true, false) => Lan::Disagrees,
    }
}
