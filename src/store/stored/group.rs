use serde::{Deserialize, Serialize};

use super::sparse::Sparse;
use super::vault::Vault;
use super::{decode, encode, form};
use crate::model::{self, Id, Scope, Timestamp};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// Settings that several phones share; those that are secret are sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Group {
    v: u8,
    version: u64,
    origin: Id,
    organisation: Id,
    name: String,
    scope: Scope,
    #[serde(default, skip_serializing_if = "Sparse::is_empty")]
    set: Sparse,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets: Option<String>,
    created: Timestamp,
}

/// Which phones a group is for: read without opening a secret.
#[derive(Deserialize)]
pub(in crate::store) struct GroupHead {
    pub(in crate::store) organisation: Id,
    pub(in crate::store) scope: Scope,
}

impl Group {
    /// The record of `group` at `version`.
    pub(in crate::store) fn seal(group: &model::Group, version: u64, key: &Key) -> Result<Bytes, Error> {
        let place = Place::Group(group.id);
        let mut vault = Vault::default();
        let record = Self {
            v: form(),
            version,
            origin: group.origin,
            organisation: group.organisation,
            name: group.name.clone(),
            scope: group.scope.clone(),
            set: Sparse::pack(&group.settings, &mut vault),
            secrets: vault.seal(&place.name(), key)?,
            created: group.created,
        };
        encode(&place, &record)
    }

    /// The group in a record.
    pub(in crate::store) fn open(id: Id, bytes: &[u8], key: &Key) -> Result<model::Group, Error> {
        let place = Place::Group(id);
        let document = place.name();
        let record: Self = decode(&place, bytes)?;
        let mut vault = Vault::open(record.secrets.as_deref(), &document, key)?;
        Ok(model::Group {
            id,
            version: record.version,
            origin: record.origin,
            organisation: record.organisation,
            name: record.name,
            scope: record.scope,
            settings: record.set.unpack(&mut vault, &document)?,
            created: record.created,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples;

    #[test]
    fn comes_back_whole_with_nothing_in_the_clear() {
        let key = Key::new(&[7; 32]);
        for scope in [
            Scope::Members,
            Scope::Model { brand: "toy".into(), model: None },
            Scope::Model { brand: "toy".into(), model: Some("X1".into()) },
        ] {
            let mut group = model::Group { scope, ..samples::group(1) };
            group.settings.set_text("ldap.password", "ldap-secret").unwrap();
            let bytes = Group::seal(&group, 4, &key).unwrap();
            assert!(!std::str::from_utf8(&bytes).unwrap().contains("ldap-secret"));
            group.version = 4;
            assert_eq!(Group::open(group.id, &bytes, &key).unwrap(), group);
        }
    }
}
