use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::catalogue::definition;
use super::key::Key;
use super::overrides::Override;
use super::value::{Misfit, Value};
use crate::model::Secret;

/// The settings that are set at one level: what is not there is inherited from the level above.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
    /// Keys of the phone and of its expansion modules. A key at the same place of a lower level takes the place of
    /// this.
    pub keys: Vec<Key>,
    /// Raw settings of single brands, which win over everything.
    pub overrides: Vec<Override>,
}

impl Settings {
    /// Nothing is set.
    pub const NONE: Self = Self { values: BTreeMap::new(), keys: Vec::new(), overrides: Vec::new() };

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.keys.is_empty() && self.overrides.is_empty()
    }

    /// What is set under this key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// All that is set, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(key, value)| (*key, value))
    }

    /// All that is set as JSON has it, but for secrets.
    pub fn to_json(&self) -> BTreeMap<String, Json> {
        self.iter().filter_map(|(key, value)| Some((key.to_owned(), value.to_json()?))).collect()
    }

    /// Sets one from text; an empty text unsets it.
    ///
    /// # Errors
    /// The key is no setting, or the text does not fit it; then nothing changes.
    pub fn set_text(&mut self, key: &str, text: &str) -> Result<(), Misfit> {
        let definition = definition(key).ok_or(Misfit::Unknown)?;
        if text.is_empty() {
            self.values.remove(definition.key);
            return Ok(());
        }
        self.values.insert(definition.key, Value::from_text(&definition.kind, text)?);
        Ok(())
    }

    /// Sets one from JSON; null unsets it.
    ///
    /// # Errors
    /// The key is no setting, or the value does not fit it; then nothing changes.
    pub fn set_json(&mut self, key: &str, json: &serde_json::Value) -> Result<(), Misfit> {
        let definition = definition(key).ok_or(Misfit::Unknown)?;
        if json.is_null() {
            self.values.remove(definition.key);
            return Ok(());
        }
        self.values.insert(definition.key, Value::from_json(&definition.kind, json)?);
        Ok(())
    }

    /// Sets a secret, which is taken as it is.
    ///
    /// # Errors
    /// The key is no setting, or is none that holds a secret; then nothing changes.
    pub fn set_secret(&mut self, key: &str, secret: Secret) -> Result<(), Misfit> {
        let definition = definition(key).ok_or(Misfit::Unknown)?;
        if !definition.kind.is_secret() {
            return Err(Misfit::Wanted(definition.kind.words()));
        }
        self.values.insert(definition.key, Value::Secret(secret));
        Ok(())
    }

    /// Unsets one; whether it was set.
    pub fn unset(&mut self, key: &str) -> bool {
        self.values.remove(key).is_some()
    }

    /// The same with one more set from text; for literals that are known to fit.
    ///
    /// # Errors
    /// As [`Settings::set_text`].
    pub fn with(mut self, key: &str, text: &str) -> Result<Self, Misfit> {
        self.set_text(key, text)?;
        Ok(self)
    }
}
