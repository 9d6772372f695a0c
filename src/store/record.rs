//! The keys under which records stand in the database and in snapshots.
//!
//! All records are in one tree: the first byte says of which kind a record is, and a batch on one tree is atomic
//! with no further care. Keys are big-endian, so that they sort as what they stand for.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::model::{Id, Mac};

/// A stored value, in the encoding of its kind. Shared between the view and whoever reads it.
pub(super) type Bytes = Arc<[u8]>;

/// A change of one record: its new value, or none any more.
pub(super) type Change = (Place, Option<Bytes>);

/// The longest name of a network or a setting, in bytes.
pub(super) const LONGEST_NAME: usize = 64;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    /// What the database is and how far it got.
    Stamp,
    Organisation(Id),
    Phone(Id),
    PhoneBook(Id),
    Group(Id),
    Resource(Id),
    Firmware(Id),
    Rollout(Id),
    Setting(Box<str>),
    Secret(Box<str>),
    Lease(Arc<str>, Ipv4Addr),
    Journey(Mac),
    Event(u64),
}

/// What is stored, and saved, in the same rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// What people typed in: saved soon after each change.
    Documents,
    /// What phones do: saved every few minutes. It comes back by itself.
    Leases,
    /// What happened: not saved outside the database.
    Events,
}

impl Place {
    /// How the names of the secret settings begin in which the histories of phones are.
    pub(super) const HISTORIES: &str = "phone.history.";

    /// How the names of the settings begin that say since when files of phones have been as they are.
    pub(super) const SERVED: &str = "served.";

    /// The same for one phone.
    pub(super) fn served(phone: Id) -> String {
        format!("{}{phone}.", Self::SERVED)
    }

    /// The key of the record.
    pub(super) fn to_key(&self) -> Vec<u8> {
        let (kind, rest): (u8, &[u8]) = match self {
            Self::Stamp => (b'!', &[]),
            Self::Organisation(id) => (b'o', &id.to_bytes()),
            Self::Phone(id) => (b'p', &id.to_bytes()),
            Self::PhoneBook(id) => (b'b', &id.to_bytes()),
            Self::Group(id) => (b'g', &id.to_bytes()),
            Self::Resource(id) => (b'r', &id.to_bytes()),
            Self::Firmware(id) => (b'f', &id.to_bytes()),
            Self::Rollout(id) => (b'w', &id.to_bytes()),
            Self::Setting(name) => (b's', name.as_bytes()),
            Self::Secret(name) => (b'x', name.as_bytes()),
            Self::Journey(mac) => (b'j', &mac.octets()),
            Self::Event(sequence) => (b'e', &sequence.to_be_bytes()),
            Self::Lease(network, address) => {
                let mut key = Vec::with_capacity(network.len() + 6);
                key.push(b'l');
                key.extend_from_slice(network.as_bytes());
                key.push(0);
                key.extend_from_slice(&address.octets());
                return key;
            }
        };
        let mut key = Vec::with_capacity(rest.len() + 1);
        key.push(kind);
        key.extend_from_slice(rest);
        key
    }

    /// The place whose key this is.
    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        let (&kind, rest) = key.split_first()?;
        let id = || rest.try_into().ok().map(Id::from_bytes);
        let name = || std::str::from_utf8(rest).ok();
        Some(match kind {
            b'!' if rest.is_empty() => Self::Stamp,
            b'o' => Self::Organisation(id()?),
            b'p' => Self::Phone(id()?),
            b'b' => Self::PhoneBook(id()?),
            b'g' => Self::Group(id()?),
            b'r' => Self::Resource(id()?),
            b'f' => Self::Firmware(id()?),
            b'w' => Self::Rollout(id()?),
            b's' => Self::Setting(name()?.into()),
            b'x' => Self::Secret(name()?.into()),
            b'j' => Self::Journey(Mac::new(rest.try_into().ok()?)),
            b'e' => Self::Event(u64::from_be_bytes(rest.try_into().ok()?)),
            b'l' => {
                let (network, address) = rest.split_last_chunk::<4>()?;
                let (&0, network) = network.split_last()? else { return None };
                Self::Lease(std::str::from_utf8(network).ok()?.into(), Ipv4Addr::from(*address))
            }
            _ => return None,
        })
    }

    /// The part that the record belongs to; the stamp belongs to none.
    pub(super) fn part(&self) -> Option<Part> {
        match self {
            Self::Stamp => None,
            Self::Lease(..) | Self::Journey(_) => Some(Part::Leases),
            Self::Event(_) => Some(Part::Events),
            _ => Some(Part::Documents),
        }
    }

    /// Whether what is made for many phones may depend on it.
    pub(super) fn is_shared(&self) -> bool {
        match self {
            Self::Organisation(_) | Self::PhoneBook(_) | Self::Group(_) => true,
            Self::Secret(_) => !self.is_history(),
            _ => false,
        }
    }

    /// Whether it is the history of a phone.
    pub(super) fn is_history(&self) -> bool {
        matches!(self, Self::Secret(name) if name.starts_with(Self::HISTORIES))
    }

    /// The record in the words of an error message; also what its secrets are bound to.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Stamp => "stamp".into(),
            Self::Organisation(id) => format!("organisation {id}"),
            Self::Phone(id) => format!("phone {id}"),
            Self::PhoneBook(id) => format!("phone book {id}"),
            Self::Group(id) => format!("group {id}"),
            Self::Resource(id) => format!("resource {id}"),
            Self::Firmware(id) => format!("firmware {id}"),
            Self::Rollout(id) => format!("roll-out {id}"),
            Self::Setting(name) => format!("setting {name}"),
            Self::Secret(name) => format!("secret {name}"),
            Self::Lease(network, address) => format!("lease {address} of {network}"),
            Self::Journey(mac) => format!("journey of {mac}"),
            Self::Event(sequence) => format!("event {sequence}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_and_sort() {
        let places = [
            Place::Stamp,
            Place::Organisation(Id::from_bytes([1; 16])),
            Place::Phone(Id::from_bytes([2; 16])),
            Place::PhoneBook(Id::from_bytes([3; 16])),
            Place::Group(Id::from_bytes([5; 16])),
            Place::Resource(Id::from_bytes([4; 16])),
            Place::Firmware(Id::from_bytes([5; 16])),
            Place::Rollout(Id::from_bytes([6; 16])),
            Place::Setting("admin.setup-code".into()),
            Place::Secret("admin.password".into()),
            Place::Lease("office".into(), Ipv4Addr::new(10, 66, 0, 10)),
            Place::Journey(Mac::new([0x80, 0x5e, 0xc0, 1, 2, 3])),
            Place::Event(7),
        ];
        for place in &places {
            assert_eq!(Place::from_key(&place.to_key()).as_ref(), Some(place));
        }
        assert!(Place::Event(255).to_key() < Place::Event(256).to_key());
        for bad in [&b""[..], b"!x", b"?", b"pshort", b"loffice", b"l\0abc", b"loffice1234", b"s\xff"] {
            assert_eq!(Place::from_key(bad), None, "{bad:?}");
        }
    }
}
