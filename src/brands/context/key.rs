use minijinja::Value;

use super::field::{field, name};
use super::maps::Map;
use super::{map, none};
use crate::model::settings::{Key, KeyKind, Resolved};

/// The keys of the phone or of one of its modules, by position.
pub(super) struct Board {
    keys: Vec<(u16, Value)>,
    /// The last place that somebody thought of, if only to clear it.
    last: u16,
    module: u8,
}

impl Board {
    /// The boards of a phone: the phone itself, and each module up to the last that has a key.
    pub(super) fn all(resolved: &Resolved<'_>, lines: &[Value], types: Option<&Map>) -> Vec<Self> {
        let all = || resolved.keys().map(|(key, _)| key);
        let last = all().map(|key| key.module).max().unwrap_or_default();
        let board = |module| {
            let on_it = || all().filter(|key| key.module == module);
            let working = on_it().filter(|key| key.kind != KeyKind::None);
            Self {
                keys: working.map(|key| (key.position, one(key, lines, types))).collect(),
                last: on_it().map(|key| key.position).max().unwrap_or_default(),
                module,
            }
        };
        (0..=last).map(board).collect()
    }

    /// Its keys.
    pub(super) fn keys(&self) -> Value {
        self.keys.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Every place on it, of which it has at least `places`, and the key that stands there; none at all where nobody
    /// thought of a key, so that what users put there themselves stays.
    pub(super) fn slots(&self, places: u16) -> Value {
        let slot = |number: u16| {
            let key = self.keys.iter().find(|(position, _)| *position == number).map(|(_, key)| key.clone());
            map([("number", Value::from(number)), ("key", key.unwrap_or_else(none))])
        };
        let places = if self.last == 0 { 0 } else { places.max(self.last) };
        (1..=places).map(slot).collect()
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
