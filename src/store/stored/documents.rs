use serde::{Deserialize, Serialize};

use super::sparse::Sparse;
use super::vault::Vault;
use super::{decode, encode, form};
use crate::model::{self, Id, Policy, ResourceKind, Timestamp};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// An organisation; the password of its login is sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Organisation {
    v: u8,
    version: u64,
    origin: Id,
    name: String,
    login: Login,
    policy: Policy,
    #[serde(default, skip_serializing_if = "Sparse::is_empty")]
    set: Sparse,
    /// What the settings hold that is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets: Option<String>,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Login {
    user: String,
    password: String,
}

impl Organisation {
    /// The record of `organisation` at `version`.
    pub(in crate::store) fn seal(organisation: &model::Organisation, version: u64, key: &Key) -> Result<Bytes, Error> {
        let place = Place::Organisation(organisation.id);
        let (document, mut vault) = (place.name(), Vault::default());
        let login = &organisation.login;
        let record = Self {
            v: form(),
            version,
            origin: organisation.origin,
            name: organisation.name.clone(),
            login: Login { user: login.user.clone(), password: key.seal(&login.password, &document, "login")? },
            policy: organisation.policy,
            set: Sparse::pack(&organisation.settings, &mut vault),
            secrets: vault.seal(&document, key)?,
            created: organisation.created,
        };
        encode(&place, &record)
    }

    /// The organisation in a record.
    pub(in crate::store) fn open(id: Id, bytes: &[u8], key: &Key) -> Result<model::Organisation, Error> {
        let place = Place::Organisation(id);
        let document = place.name();
        let record: Self = decode(&place, bytes)?;
        let mut vault = Vault::open(record.secrets.as_deref(), &document, key)?;
        let password = key.open(&record.login.password, &document, "login")?;
        Ok(model::Organisation {
            id,
            version: record.version,
            origin: record.origin,
            name: record.name,
            login: model::Login { user: record.login.user, password },
            policy: record.policy,
            settings: record.set.unpack(&mut vault, &document)?,
            created: record.created,
        })
    }
}

/// A phone book.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct PhoneBook {
    v: u8,
    version: u64,
    origin: Id,
    organisation: Id,
    #[serde(default)]
    number: u32,
    name: String,
    contacts: Vec<(String, Vec<String>)>,
    created: Timestamp,
}

impl PhoneBook {
    /// The record of `book` at `version`.
    pub(in crate::store) fn pack(book: &model::PhoneBook, version: u64) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            version,
            origin: book.origin,
            organisation: book.organisation,
            number: book.number,
            name: book.name.clone(),
            contacts: book.contacts.iter().map(|c| (c.name.clone(), c.numbers.clone())).collect(),
            created: book.created,
        };
        encode(&Place::PhoneBook(book.id), &record)
    }

    /// The phone book in a record.
    pub(in crate::store) fn unpack(id: Id, bytes: &[u8]) -> Result<model::PhoneBook, Error> {
        let record: Self = decode(&Place::PhoneBook(id), bytes)?;
        Ok(model::PhoneBook {
            id,
            version: record.version,
            origin: record.origin,
            organisation: record.organisation,
            number: record.number,
            name: record.name,
            contacts: record.contacts.into_iter().map(|(name, numbers)| model::Contact { name, numbers }).collect(),
            created: record.created,
        })
    }
}

/// What is known of a resource.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Resource {
    v: u8,
    version: u64,
    origin: Id,
    organisation: Id,
    name: String,
    kind: ResourceKind,
    sha256: [u8; 32],
    size: u64,
    created: Timestamp,
}

impl Resource {
    /// The record of `resource` at `version`.
    pub(in crate::store) fn pack(resource: &model::Resource, version: u64) -> Result<Bytes, Error> {
        let record = Self {
            v: form(),
            version,
            origin: resource.origin,
            organisation: resource.organisation,
            name: resource.name.clone(),
            kind: resource.kind,
            sha256: resource.sha256,
            size: resource.size,
            created: resource.created,
        };
        encode(&Place::Resource(resource.id), &record)
    }

    /// The resource in a record.
    pub(in crate::store) fn unpack(id: Id, bytes: &[u8]) -> Result<model::Resource, Error> {
        let record: Self = decode(&Place::Resource(id), bytes)?;
        Ok(model::Resource {
            id,
            version: record.version,
            origin: record.origin,
            organisation: record.organisation,
            name: record.name,
            kind: record.kind,
            sha256: record.sha256,
            size: record.size,
            created: record.created,
        })
    }
}
