use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{decode, encode, form};
use crate::model::history::{self, Altered, Hand, How, Part};
use crate::model::{Id, Secret, Timestamp};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// The history of a phone, as it is sealed. It stands among the secret settings and is sealed as a whole: what a phone
/// had before is as secret as what it has.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct History {
    forgotten: u64,
    changes: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    number: u64,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    how: How,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    altered: Option<Vec<Piece>>,
}

/// The record that holds it: what has to be known of a history without opening it stands beside the sealed text.
#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
    value: String,
}

/// What is known of a history without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct HistoryHead {
    /// Bytes of its record.
    pub(in crate::store) bytes: usize,
    /// When the oldest change that it holds was made; none where it holds none any more.
    pub(in crate::store) oldest: Option<Timestamp>,
}

impl HistoryHead {
    /// Of a record.
    pub(in crate::store) fn of(place: &Place, bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self { bytes: bytes.len(), oldest: decode::<Record>(place, bytes)?.oldest })
    }
}

/// A part that was altered: what it was before and after.
type Piece = (Part, Option<Value>, Option<Value>);

/// A value as it is written out in the sealed record.
struct Value(Secret);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(Secret::new(text)))
    }
}

impl History {
    /// Where the history of a phone stands.
    pub(in crate::store) fn place(phone: Id) -> Place {
        Place::Secret(format!("{}{phone}", Place::HISTORIES).into())
    }

    /// Its record.
    pub(in crate::store) fn seal(place: &Place, history: &history::History, key: &Key) -> Result<Bytes, Error> {
        let value = |secret: &Option<Secret>| secret.clone().map(Value);
        let row = |change: &history::Change| Row {
            number: change.number,
            at: change.hand.at,
            by: change.hand.by.clone(),
            how: change.hand.how,
            version: change.version,
            altered: change.altered.as_ref().map(|altered| {
                altered.iter().map(|one| (one.part.clone(), value(&one.before), value(&one.after))).collect()
            }),
        };
        let record = Self { forgotten: history.forgotten, changes: history.changes.iter().map(row).collect() };
        let unfit = |_| Error::Unfit { what: place.name(), why: "it has no JSON form" };
        let text = Secret::new(serde_json::to_string(&record).map_err(unfit)?);
        let oldest = history.changes.front().map(|change| change.hand.at);
        encode(place, &Record { v: form(), oldest, value: key.seal(&text, &place.name(), "value")? })
    }

    /// The history in a record.
    pub(in crate::store) fn open(place: &Place, bytes: &[u8], key: &Key) -> Result<history::History, Error> {
        let text = key.open(&decode::<Record>(place, bytes)?.value, &place.name(), "value")?;
        let unfit = |_| Error::Unfit { what: place.name(), why: "its record cannot be read" };
        let record: Self = serde_json::from_str(text.expose()).map_err(unfit)?;
        let change = |row: Row| history::Change {
            number: row.number,
            hand: Hand { at: row.at, by: row.by, how: row.how },
            version: row.version,
            altered: row.altered.map(|altered| {
                let secret = |value: Option<Value>| value.map(|value| value.0);
                let one = |(part, before, after)| Altered { part, before: secret(before), after: secret(after) };
                altered.into_iter().map(one).collect()
            }),
        };
        let changes: VecDeque<_> = record.changes.into_iter().map(change).collect();
        Ok(history::History { forgotten: record.forgotten, changes })
    }
}
