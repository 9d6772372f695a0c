use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr};

use super::field::Field;
use super::none;
use crate::brands::manifest;

/// A brand's maps, by name.
#[derive(Debug, Clone, Default)]
pub(in crate::brands) struct Maps(BTreeMap<String, Arc<Map>>);

impl Maps {
    pub(in crate::brands) fn new(written: BTreeMap<String, manifest::Map>) -> Self {
        Self(written.into_iter().map(|(name, map)| (name, Arc::new(Map::new(map)))).collect())
    }

    /// The map of this name.
    pub(in crate::brands) fn get(&self, name: &str) -> Option<&Map> {
        self.0.get(name).map(AsRef::as_ref)
    }
}

impl Object for Maps {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).map(|map| Value::from_dyn_object(Arc::clone(map)))
    }
}

/// From the neutral model's words to a brand's own, as its `brand.toml` says.
#[derive(Debug, Clone, Default)]
pub(in crate::brands) struct Map {
    entries: BTreeMap<String, Value>,
    default: Option<Value>,
}

impl Map {
    fn new(written: manifest::Map) -> Self {
        let value = |word| match word {
            manifest::Word::Number(number) => Value::from(number),
            manifest::Word::Text(text) => Value::from(text),
        };
        let entries = written.to.into_iter().map(|(word, to)| (word.to_ascii_lowercase(), value(to)));
        Self { entries: entries.collect(), default: written.default.map(value) }
    }

    /// What stands for this word, in any case; else for its part before a hyphen, as `de` for `de-AT`; else the
    /// default; else none.
    pub(super) fn get(&self, word: &str) -> Value {
        let word = word.to_ascii_lowercase();
        let general = || word.split_once('-').and_then(|(general, _)| self.entries.get(general));
        self.entries.get(&word).or_else(general).or(self.default.as_ref()).cloned().unwrap_or_else(none)
    }
}

impl Object for Map {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match (key.downcast_object_ref::<Field>(), key.as_str()) {
            (Some(field), _) => self.get(field.text()),
            (None, Some(word)) => self.get(word),
            // Yes and no, and numbers, stand in brand.toml as text.
            (None, None) if !key.is_none() => self.get(&key.to_string()),
            (None, None) => self.default.clone().unwrap_or_else(none),
        })
    }
}
