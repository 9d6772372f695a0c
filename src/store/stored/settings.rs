use serde::{Deserialize, Serialize};

use super::{decode, encode, form};
use crate::model;
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// A setting.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Setting {
    v: u8,
    value: serde_json::Value,
}

impl Setting {
    /// The record of a setting.
    pub(in crate::store) fn pack(place: &Place, value: serde_json::Value) -> Result<Bytes, Error> {
        encode(place, &Self { v: form(), value })
    }

    /// The value in a record.
    pub(in crate::store) fn unpack(place: &Place, bytes: &[u8]) -> Result<serde_json::Value, Error> {
        decode(place, bytes).map(|record: Self| record.value)
    }
}

/// A secret setting, sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Secret {
    v: u8,
    value: String,
}

impl Secret {
    /// The record of a secret setting.
    pub(in crate::store) fn seal(place: &Place, value: &model::Secret, key: &Key) -> Result<Bytes, Error> {
        encode(place, &Self { v: form(), value: key.seal(value, &place.name(), "value")? })
    }

    /// The secret in a record.
    pub(in crate::store) fn open(place: &Place, bytes: &[u8], key: &Key) -> Result<model::Secret, Error> {
        key.open(&decode::<Self>(place, bytes)?.value, &place.name(), "value")
    }
}
