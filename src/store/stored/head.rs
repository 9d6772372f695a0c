use serde::Deserialize;

use super::decode;
use crate::model::{FirstContact, Id, Mac};
use crate::store::Error;
use crate::store::record::Place;

/// What the indexes need of a document of any kind: read without opening a secret.
#[derive(Debug, Deserialize)]
pub(in crate::store) struct Head {
    pub(in crate::store) version: u64,
    #[serde(default)]
    pub(in crate::store) organisation: Option<Id>,
    #[serde(default)]
    pub(in crate::store) group: Option<Id>,
    #[serde(default)]
    pub(in crate::store) contact: Option<FirstContact>,
    #[serde(default)]
    mac: Option<Mac>,
    #[serde(default)]
    pub(in crate::store) number: u32,
    #[serde(default)]
    pub(in crate::store) name: String,
    #[serde(default)]
    path: Option<Box<str>>,
    #[serde(default)]
    login: Option<User>,
    #[serde(default)]
    pending: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    user: String,
}

/// Something that only one document may have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) enum Claim {
    /// The MAC of a phone.
    Mac(Mac),
    /// The name of an organisation.
    Organisation(Box<str>),
    /// The name of a group in its organisation.
    Group(Id, Box<str>),
    /// The user name of a login, of phones and organisations alike.
    User(Box<str>),
    /// The path of an image: its brand, release and name.
    Image(Box<str>),
    /// The number of a phone book.
    Book(u32),
}

/// The document that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Holder {
    Phone(Id),
    Organisation(Id),
    Firmware(Id),
    PhoneBook(Id),
    Group(Id),
}

impl Head {
    /// The head of the document at `place`.
    pub(in crate::store) fn of(place: &Place, bytes: &[u8]) -> Result<Self, Error> {
        decode(place, bytes)
    }

    /// All that the document claims, with the document as the holder.
    pub(in crate::store) fn claims(&self, place: &Place) -> Vec<(Claim, Holder)> {
        let holder = match place {
            Place::Phone(id) => Holder::Phone(*id),
            Place::Organisation(id) => Holder::Organisation(*id),
            Place::Firmware(id) => Holder::Firmware(*id),
            Place::PhoneBook(id) => Holder::PhoneBook(*id),
            Place::Group(id) => Holder::Group(*id),
            _ => return Vec::new(),
        };
        let own = match holder {
            Holder::Phone(_) => self.mac.map(Claim::Mac),
            Holder::Organisation(_) => Some(Claim::Organisation(self.name.as_str().into())),
            Holder::Firmware(_) => self.path.clone().map(Claim::Image),
            Holder::Group(_) => {
                self.organisation.map(|organisation| Claim::Group(organisation, self.name.as_str().into()))
            }
            // One from before books had numbers is named by nothing.
            Holder::PhoneBook(_) => (self.number > 0).then_some(Claim::Book(self.number)),
        };
        let users = self.login.iter().chain(&self.pending).map(|login| Claim::User(login.user.as_str().into()));
        own.into_iter().chain(users).map(|claim| (claim, holder)).collect()
    }
}

impl Claim {
    /// The claim in the words of an error message.
    pub(in crate::store) fn name(&self) -> String {
        match self {
            Self::Mac(mac) => format!("MAC {mac}"),
            Self::Organisation(name) => format!("organisation name \"{name}\""),
            Self::Group(_, name) => format!("group name \"{name}\""),
            Self::User(user) => format!("login \"{user}\""),
            Self::Image(path) => format!("image \"{path}\""),
            Self::Book(number) => format!("phone book number {number}"),
        }
    }
}
