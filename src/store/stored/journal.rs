use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{decode, encode, form};
use crate::model::{self, Door, Id, Light, Mac, Reason, Step, Timestamp};
use crate::store::Error;
use crate::store::record::{Bytes, Place};

/// An event.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Event {
    v: u8,
    at: Timestamp,
    last: Timestamp,
    count: u32,
    door: Door,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac: Option<Mac>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    organisation: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    reason: Reason,
}

/// What the index needs of an event.
#[derive(Deserialize)]
pub(in crate::store) struct EventHead {
    #[serde(default)]
    pub(in crate::store) mac: Option<Mac>,
}

impl Event {
    /// The record of an event.
    pub(in crate::store) fn pack(place: &Place, event: &model::Event) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            at: event.at,
            last: event.last,
            count: event.count,
            door: event.door,
            mac: event.mac,
            address: event.address,
            organisation: event.organisation,
            file: event.file.clone(),
            agent: event.user_agent.clone(),
            by: event.by.clone(),
            reason: event.reason.clone(),
        };
        encode(place, &record)
    }

    /// The event in a record.
    pub(in crate::store) fn unpack(sequence: u64, bytes: &[u8]) -> Result<model::Event, Error> {
        let record: Self = decode(&Place::Event(sequence), bytes)?;
        Ok(model::Event {
            at: record.at,
            last: record.last,
            count: record.count,
            door: record.door,
            mac: record.mac,
            address: record.address,
            organisation: record.organisation,
            file: record.file,
            user_agent: record.agent,
            by: record.by,
            reason: record.reason,
        })
    }
}

/// How far a phone has come.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Journey {
    v: u8,
    lights: BTreeMap<Step, Light>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    firmware: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    resources: BTreeMap<Box<str>, bool>,
}

impl Journey {
    /// The record of a journey.
    pub(in crate::store) fn pack(place: &Place, journey: &model::Journey) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            lights: journey.lights.clone(),
            revision: journey.revision.clone(),
            firmware: journey.firmware.clone(),
            resources: journey.resources.clone(),
        };
        encode(place, &record)
    }

    /// The journey in a record.
    pub(in crate::store) fn unpack(mac: Mac, bytes: &[u8]) -> Result<model::Journey, Error> {
        let record: Self = decode(&Place::Journey(mac), bytes)?;
        Ok(model::Journey {
            lights: record.lights,
            revision: record.revision,
            firmware: record.firmware,
            resources: record.resources,
        })
    }
}
