use std::net::IpAddr;

use super::pattern::Places;
use crate::model::settings::Resolved;
use crate::model::{Contact, Login, Organisation, Phone};

/// How much a file tells the phone that asked for it. Each one is kept closer than the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// Where to find time, CA and configuration, and to ask again each minute. No secret.
    Pointer,
    /// All that is no secret: lines without their passwords, names, phone books.
    Settings,
    /// What a pointer holds, and the phone's own login.
    FirstContact,
    /// Everything: lines with their passwords, the phone's own login, daily polling.
    Full,
}

impl Content {
    /// Whether it holds anything that only this phone may see.
    pub fn is_secret(self) -> bool {
        self > Self::Settings
    }
}

/// A phone book, or what is left of it after a search.
#[derive(Debug, Clone, Copy)]
pub struct BookPage<'a> {
    /// Name as shown.
    pub name: &'a str,
    /// The number that stands in file names.
    pub number: u32,
    /// Who is in it, in the order shown.
    pub contacts: &'a [&'a Contact],
    /// What was looked for, if anything.
    pub search: Option<&'a str>,
}

/// All that a file is rendered from. The same sheet gives the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// How much of the rest may stand in the file. A common file never gets more than
    /// [`Content::Pointer`], and one marked as not secret never more than [`Content::Settings`].
    pub content: Content,
    /// The phone; needed for its own file.
    pub phone: Option<&'a Phone>,
    /// Whose phone it is.
    pub organisation: Option<&'a Organisation>,
    /// The login to hand out; needed for a content with secrets.
    pub login: Option<&'a Login>,
    /// What is set for this phone at every level; only a file with everything shows any of it.
    pub settings: &'a Resolved<'a>,
    /// The phone books that it shows.
    pub books: &'a [BookTitle<'a>],
    /// Where the firmware is that it is to run, while it runs another.
    pub firmware_url: Option<&'a str>,
    /// The CA certificate in DER; empty where it is not at hand.
    pub ca_der: &'a [u8],
    /// The box's address as the phone sees it, for SNTP.
    pub time_server: IpAddr,
    /// Where the CA certificate is, in a form that the phone can fetch before it trusts us.
    pub ca_url: &'a str,
    /// The same place as `provisioning_url` without TLS, for phones that cannot trust our CA; ends with `/`.
    pub plain_url: &'a str,
    /// Where the phone is to ask from now on; ends with `/`.
    pub provisioning_url: &'a str,
    /// What stood in the places of the name that was asked for.
    pub asked: Option<&'a Places>,
    /// The phone book; needed for the file of one.
    pub book: Option<BookPage<'a>>,
}

/// A phone book by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTitle<'a> {
    /// The number that stands in file names.
    pub number: u32,
    /// Its name.
    pub name: &'a str,
}

/// A file as it goes to the phone.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Value of the `Content-Type` header.
    pub content_type: String,
    /// The files kept for phones that it names.
    pub resources: Vec<Box<str>>,
}

impl std::fmt::Debug for Rendered {
    /// The bytes may hold secrets: only their number is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rendered {{ {} bytes of {} }}", self.bytes.len(), self.content_type)
    }
}
