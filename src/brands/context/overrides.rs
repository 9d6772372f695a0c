use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::field::field;
use super::map;
use crate::model::settings::Override;

/// The raw settings of the phone's brand, by name.
#[derive(Debug)]
pub(in crate::brands) struct Overrides(BTreeMap<String, Value>);

impl Overrides {
    pub(super) fn value<'a>(entries: impl IntoIterator<Item = &'a Override>) -> Value {
        let value = |entry: &Override| field(format!("the override {}", entry.name), &entry.value);
        Value::from_object(Self(entries.into_iter().map(|entry| (entry.name.to_string(), value(entry))).collect()))
    }

    /// Whether this setting is written by an override.
    pub(in crate::brands) fn names(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// All of them.
    pub(in crate::brands) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl Object for Overrides {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let entry =
            |(name, value): (&String, &Value)| map([("name", Value::from(name.as_str())), ("value", value.clone())]);
        Enumerator::Values(self.0.iter().map(entry).collect())
    }
}
