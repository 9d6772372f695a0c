use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{decode, encode, form};
use crate::model::{self, FirmwareSource, Id, Mac, RolloutPlan, RolloutScope, RolloutState, Timestamp, Turn, Wave};
use crate::store::Error;
use crate::store::record::{Bytes, Place};

/// What is known of an image. `path` is what the index keeps unique.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Firmware {
    v: u8,
    version: u64,
    origin: Id,
    path: String,
    brand: String,
    models: Vec<String>,
    release: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<[u8; 32]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    source: FirmwareSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    needs: Option<String>,
    notes: String,
    pinned: bool,
    created: Timestamp,
}

impl Firmware {
    /// The record of `firmware` at `version`.
    pub(in crate::store) fn pack(firmware: &model::Firmware, version: u64) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            version,
            origin: firmware.origin,
            path: firmware.path(),
            brand: firmware.brand.clone(),
            models: firmware.models.clone(),
            release: firmware.release.clone(),
            name: firmware.name.clone(),
            sha256: firmware.sha256,
            size: firmware.size,
            source: firmware.source.clone(),
            needs: firmware.needs.clone(),
            notes: firmware.notes.clone(),
            pinned: firmware.pinned,
            created: firmware.created,
        };
        encode(&Place::Firmware(firmware.id), &record)
    }

    /// The image in a record.
    pub(in crate::store) fn unpack(id: Id, bytes: &[u8]) -> Result<model::Firmware, Error> {
        let record: Self = decode(&Place::Firmware(id), bytes)?;
        Ok(model::Firmware {
            id,
            version: record.version,
            origin: record.origin,
            brand: record.brand,
            models: record.models,
            release: record.release,
            name: record.name,
            sha256: record.sha256,
            size: record.size,
            source: record.source,
            needs: record.needs,
            notes: record.notes,
            pinned: record.pinned,
            created: record.created,
        })
    }
}

/// A roll-out.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Rollout {
    v: u8,
    version: u64,
    origin: Id,
    name: String,
    firmware: Id,
    scope: RolloutScope,
    plan: RolloutPlan,
    state: RolloutState,
    #[serde(default)]
    wave: Wave,
    phones: BTreeMap<Mac, Turn>,
    #[serde(default)]
    before: BTreeMap<Mac, String>,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<Timestamp>,
}

impl Rollout {
    /// The record of `rollout` at `version`.
    pub(in crate::store) fn pack(rollout: &model::Rollout, version: u64) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            version,
            origin: rollout.origin,
            name: rollout.name.clone(),
            firmware: rollout.firmware,
            scope: rollout.scope.clone(),
            plan: rollout.plan.clone(),
            state: rollout.state.clone(),
            wave: rollout.wave.clone(),
            phones: rollout.phones.clone(),
            before: rollout.before.clone(),
            created: rollout.created,
            started: Some(rollout.started),
        };
        encode(&Place::Rollout(rollout.id), &record)
    }

    /// The roll-out in a record.
    pub(in crate::store) fn unpack(id: Id, bytes: &[u8]) -> Result<model::Rollout, Error> {
        let record: Self = decode(&Place::Rollout(id), bytes)?;
        Ok(model::Rollout {
            id,
            version: record.version,
            origin: record.origin,
            name: record.name,
            firmware: record.firmware,
            scope: record.scope,
            plan: record.plan,
            state: record.state,
            wave: record.wave,
            phones: record.phones,
            before: record.before,
            created: record.created,
            // In records of before, the one that was planned later decided.
            started: record.started.unwrap_or(record.created),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_out_of_before_counts_as_started_when_it_was_planned() {
        let (id, created) = (Id::from_bytes([1; 16]), Timestamp::from_secs(1_700_000_000));
        let rollout = model::Rollout {
            id,
            version: 3,
            origin: Id::from_bytes([0; 16]),
            name: "new one".into(),
            firmware: Id::from_bytes([9; 16]),
            scope: RolloutScope::default(),
            plan: RolloutPlan::default(),
            state: RolloutState::Running,
            wave: Wave::default(),
            phones: BTreeMap::new(),
            before: BTreeMap::new(),
            created,
            started: Timestamp::from_secs(1_700_000_600),
        };
        let bytes = Rollout::pack(&rollout, 3).unwrap();
        assert_eq!(Rollout::unpack(id, &bytes).unwrap(), rollout);
        let mut record: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        record.as_object_mut().unwrap().remove("started").unwrap();
        let before = serde_json::to_vec(&record).unwrap();
        assert_eq!(Rollout::unpack(id, &before).unwrap(), model::Rollout { started: created, ..rollout });
    }
}
