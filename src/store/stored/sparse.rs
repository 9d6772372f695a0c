use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::vault::Vault;
use crate::model::Secret;
use crate::model::settings::{self, Key, KeyKind, Override, Settings, definition};
use crate::store::Error;

/// The settings of one level. Secrets are in the vault of the document, in the order in which they stand here.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Sparse {
    /// By key; null where the value is in the vault.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    values: BTreeMap<String, Json>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<Row>,
    /// Brand and name; the values are in the vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<(Box<str>, Box<str>)>,
}

/// A key: most are on the phone itself, work on its usual line and say no more than this.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Row {
    Usual(u16, KeyKind, Box<str>, Box<str>),
    Whole(Key),
}

impl Sparse {
    /// The record of these settings; their secrets go into the vault.
    pub(super) fn pack(settings: &Settings, vault: &mut Vault) -> Self {
        let value = |(key, value): (&str, &settings::Value)| {
            if let Some(secret) = value.as_secret() {
                vault.put(secret);
            }
            (key.to_owned(), value.to_json().unwrap_or(Json::Null))
        };
        let values = settings.iter().map(value).collect();
        for entry in &settings.overrides {
            vault.put(&Secret::new(entry.value.as_ref()));
        }
        let key = |key: &Key| match (key.module, key.line, key.extension.is_empty()) {
            (0, None, true) => Row::Usual(key.position, key.kind, key.value.clone(), key.label.clone()),
            _ => Row::Whole(key.clone()),
        };
        Self {
            values,
            keys: settings.keys.iter().map(key).collect(),
            overrides: settings.overrides.iter().map(|entry| (entry.brand.clone(), entry.name.clone())).collect(),
        }
    }

    /// Whether nothing is set.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.keys.is_empty() && self.overrides.is_empty()
    }

    /// The settings in a record. One that this program does not know, or whose value does not fit any more, is left
    /// out.
    pub(super) fn unpack(self, vault: &mut Vault, document: &str) -> Result<Settings, Error> {
        let mut settings = Settings::NONE;
        for (key, value) in self.values {
            let set = match &value {
                Json::Null => settings.set_secret(&key, vault.take(document)?),
                value => settings.set_json(&key, value),
            };
            if let Err(why) = set {
                tracing::warn!(document, key, %why, "a stored setting is left out");
            }
        }
        settings.keys = self.keys.into_iter().map(Row::open).collect();
        for (brand, name) in self.overrides {
            let value = vault.take(document)?.expose().into();
            settings.overrides.push(Override { brand, name, value });
        }
        Ok(settings)
    }
}

impl Row {
    fn open(self) -> Key {
        match self {
            Self::Whole(key) => key,
            Self::Usual(position, kind, value, label) => {
                Key { module: 0, position, kind, value, label, line: None, extension: "".into() }
            }
        }
    }
}

/// The settings of a line in a record.
pub(super) fn of_line(values: BTreeMap<String, Json>, document: &str) -> Settings {
    let mut settings = Settings::NONE;
    for (key, value) in values {
        if let Err(why) = settings.set_json(&key, &value) {
            tracing::warn!(document, key, %why, known = definition(&key).is_some(), "a stored setting is left out");
        }
    }
    settings
}
