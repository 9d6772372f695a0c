//! What outlasts a power cut: settings, CAs, and which files were applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Breed;
use super::breed::{File, Meaning, Settings};
use crate::model::Secret;

/// The flash memory. Each change of it is whole or not at all.
#[derive(Debug, Clone)]
pub(super) struct Flash {
    breed: &'static Breed,
    pub(super) settings: Settings,
    /// Installed CAs, DER.
    pub(super) authorities: Vec<Vec<u8>>,
    /// MD5 of the files that were applied completely \[facts\].
    pub(super) applied: Option<[u8; 16]>,
    /// Labels of everything named by a file that was fetched.
    pub(super) fetched: BTreeSet<String>,
    /// Whether the own file that is applied came for a login; where the phone trusts CAs, over verified HTTPS too.
    pub(super) by_login: bool,
    /// What else phones of its brand remember.
    pub(super) memory: BTreeMap<String, String>,
}

impl Flash {
    /// The factory state.
    pub(super) fn new(breed: &'static Breed) -> Self {
        Self {
            breed,
            settings: Settings::new(),
            authorities: Vec::new(),
            applied: None,
            fetched: BTreeSet::new(),
            by_login: false,
            memory: BTreeMap::new(),
        }
    }

    /// Takes a file's settings over; what it does not name stays as it is.
    pub(super) fn apply(&mut self, file: &File) {
        for (key, value) in &file.settings {
            match value {
                Some(value) => self.settings.insert(key.clone(), value.clone()),
                None => self.settings.remove(key),
            };
        }
    }

    /// What the settings mean.
    pub(super) fn meaning(&self) -> Meaning {
        (self.breed.meaning)(&self.settings)
    }

    pub(super) fn holding(&self) -> Holding {
        let meaning = self.meaning();
        Holding {
            accounts: meaning.accounts,
            authorities: self.authorities.clone(),
            server_url: meaning.server_url,
            login: meaning.login.map(|(user, password)| (user, Secret::new(password))),
            polling: meaning.polling,
        }
    }
}

/// What a phone holds, for comparison with what the box believes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// The accounts that are switched on.
    pub accounts: Vec<Account>,
    /// Installed CAs, DER.
    pub authorities: Vec<Vec<u8>>,
    /// The provisioning URL that it learned.
    pub server_url: Option<String>,
    /// The HTTP login that it learned.
    pub login: Option<(String, Secret)>,
    /// How often it looks for its files by itself, in phone time.
    pub polling: Option<Duration>,
}

/// A SIP account that is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number on the phone, from 1.
    pub number: u16,
    /// User part of its address.
    pub user: String,
    /// Name for Digest.
    pub auth_user: String,
    /// Digest password.
    pub password: Secret,
    /// Name shown.
    pub display: String,
    /// SIP server.
    pub server: String,
}
