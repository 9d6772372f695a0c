//! What stands in the database: types of their own, each with the number of its form.
//!
//! A field added later gets a default; a field that changes its meaning gets a new form number and a migration.
//! Documents are JSON; leases, of which there are many and which change often, are a few packed bytes.

mod documents;
mod firmware;
mod first_phone;
mod group;
mod head;
mod history;
mod journal;
mod lease;
mod phone;
mod settings;
mod sparse;
mod vault;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) use documents::{Organisation, PhoneBook, Resource};
pub(super) use firmware::{Firmware, Rollout};
pub(super) use group::{Group, GroupHead};
pub(super) use head::{Claim, Head, Holder};
pub(super) use history::{History, HistoryHead};
pub(super) use journal::{Event, EventHead, Journey};
pub(super) use lease::{decode as decode_lease, encode as encode_lease};
pub(super) use phone::Phone;
pub(super) use settings::{Secret, Setting};

use super::Error;
use super::record::{Bytes, Place};

/// The largest value of one record, in bytes: some 5,000 contacts of a phone book.
pub(super) const LARGEST: usize = 512 << 10;

/// The form number that a new record is written with.
fn form() -> u8 {
    1
}

/// The bytes of a JSON record.
pub(super) fn encode(place: &Place, record: &impl Serialize) -> Result<Bytes, Error> {
    let unfit = |why| Error::Unfit { what: place.name(), why };
    let bytes = serde_json::to_vec(record).map_err(|_| unfit("it has no JSON form"))?;
    if bytes.len() > LARGEST {
        return Err(unfit("it is larger than 512 KiB"));
    }
    Ok(bytes.into())
}

/// The JSON record in these bytes.
pub(super) fn decode<T: DeserializeOwned>(place: &Place, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|_| Error::Unfit { what: place.name(), why: "its record cannot be read" })
}
