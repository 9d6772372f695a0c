use minijinja::Value;

use super::field::{field, name};
use super::maps::Map;
use super::{map, none};
use crate::model::settings::{Key, KeyKind, Resolved};

/// The keys of the phone or of one of its modules, by position.
pub(super) struct Board {
    keys: Vec<(u16, Value)>,
    module: u8,
}

impl Board {
    /// The boards of a phone: the phone itself, and each module up to the last that has a key.
    pub(super) fn all(resolved: &Resolved<'_>, lines: &[Value], types: Option<&Map>) -> Vec<Self> {
        let keys = || resolved.keys().map(|(key, _)| key).filter(|key| key.kind != KeyKind::None);
        let last = keys().map(|key| key.module).max().unwrap_or_default();
        let board = |module| Self {
            keys: keys().filter(|key| key.module == module).map(|key| (key.position, one(key, lines, types))).collect(),
            module,
        };
        (0..=last).map(board).collect()
    }

    /// Its keys.
    pub(super) fn keys(&self) -> Value {
        self.keys.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Every place on it, of which it has at least `places`, and the key that stands there.
    pub(super) fn slots(&self, places: u16) -> Value {
        let last = self.keys.last().map_or(0, |(position, _)| *position);
        let slot = |number: u16| {
            let key = self.keys.iter().find(|(position, _)| *position == number).map(|(_, key)| key.clone());
            map([("number", Value::from(number)), ("key", key.unwrap_or_else(none))])
        };
        (1..=places.max(last)).map(slot).collect()
    }

    /// A module as templates see it.
    pub(super) fn module(&self, places: u16) -> Value {
        map([("number", Value::from(self.module)), ("keys", self.keys()), ("slots", self.slots(places))])
    }
}

fn one(key: &Key, lines: &[Value], types: Option<&Map>) -> Value {
    let of = |what: &str| match key.module {
        0 => format!("the {what} of key {}", key.position),
        module => format!("the {what} of key {} of module {module}", key.position),
    };
    let (kind, value, extension) = match key.kind {
        // The brand's own word for the task, and what it is about.
        KeyKind::Custom => (field(of("type"), &key.value), &key.extension, ""),
        kind => (types.map_or_else(none, |types| types.get(kind.word())), &key.value, key.extension.as_ref()),
    };
    let label = if key.label.trim().is_empty() { value } else { &key.label };
    let account = key.line.and_then(|line| lines.get(usize::from(line).checked_sub(1)?));
    map([
        ("position", Value::from(key.position)),
        ("module", Value::from(key.module)),
        ("kind", Value::from(key.kind.word())),
        ("type", kind),
        ("value", field(of("value"), value)),
        ("label", name(of("label"), label)),
        ("extension", field(of("extension"), extension)),
        ("line", key.line.map_or_else(none, Value::from)),
        ("account", account.or(lines.first()).cloned().unwrap_or_else(none)),
    ])
}
