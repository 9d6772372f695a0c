use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::field::{field, name};
use super::none;
use crate::model::settings::{self, Definition, Kind, Resolved, TOPICS};

/// The settings of one topic, or of one line: those that are set, and `none` for those that are not. A name that is
/// no setting is undefined, so that a template which misspells it fails.
#[derive(Debug)]
pub(super) struct Topic {
    definitions: &'static [Definition],
    values: BTreeMap<&'static str, Value>,
}

impl Topic {
    /// Every topic but that of lines, which stand on their own. Without `secrets` those are not there.
    pub(super) fn all<'a>(
        resolved: Option<&'a Resolved<'a>>,
        secrets: bool,
    ) -> impl Iterator<Item = (&'static str, Value)> + 'a {
        TOPICS.iter().filter(|topic| topic.name != LINE).map(move |topic| {
            let values = resolved.map(|resolved| values(topic.settings, resolved, secrets)).unwrap_or_default();
            (topic.name, Value::from_object(Self { definitions: topic.settings, values }))
        })
    }

    /// What lines inherit.
    pub(super) fn of_lines(resolved: &Resolved<'_>) -> BTreeMap<&'static str, Value> {
        values(line_definitions(), resolved, false)
    }

    /// One line: its own values and what it inherits.
    pub(super) fn line(values: BTreeMap<&'static str, Value>) -> Value {
        Value::from_object(Self { definitions: line_definitions(), values })
    }
}

/// The topic whose settings are each line's.
pub(super) const LINE: &str = "line";

pub(super) fn line_definitions() -> &'static [Definition] {
    TOPICS.iter().find(|topic| topic.name == LINE).map_or(&[], |topic| topic.settings)
}

fn values(definitions: &'static [Definition], resolved: &Resolved<'_>, secrets: bool) -> BTreeMap<&'static str, Value> {
    let set = |definition: &'static Definition| {
        let value = resolved.get(definition.key)?;
        Some((definition.name(), setting(definition, value, definition.key)))
    };
    definitions.iter().filter(|definition| secrets || !definition.kind.is_secret()).filter_map(set).collect()
}

/// A setting's value as templates see it. `what` names it where it is refused.
pub(super) fn setting(definition: &Definition, value: &settings::Value, what: &str) -> Value {
    let text = |kind: &Kind, text: &str| match kind {
        Kind::Text(_) => name(what.to_owned(), text),
        // These may hold what some format cannot say.
        Kind::Url | Kind::Dial | Kind::DigitMap => field(what.to_owned(), text),
        Kind::Multicast => multicast(text),
        // Of these every letter is known to be harmless, so that templates may compare them.
        _ => Value::from(text),
    };
    match (value, &definition.kind) {
        (settings::Value::Flag(flag), _) => Value::from(*flag),
        (settings::Value::Number(number), _) => Value::from(*number),
        (settings::Value::Secret(secret), _) => field(what.to_owned(), secret.expose()),
        (settings::Value::List(entries), Kind::List(of, _)) => entries.iter().map(|entry| text(of, entry)).collect(),
        (settings::Value::List(_), _) => none(),
        (settings::Value::Text(entry), kind) => text(kind, entry),
    }
}

fn multicast(text: &str) -> Value {
    let (address, port) = text.split_once(':').unwrap_or((text, ""));
    Value::from(BTreeMap::from([
        ("address", Value::from(address)),
        ("port", port.parse::<u16>().map_or_else(|_| none(), Value::from)),
    ]))
}

impl Object for Topic {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let is_setting = || self.definitions.iter().any(|definition| definition.name() == key);
        self.values.get(key).cloned().or_else(|| is_setting().then(none))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let own = self.values.keys().copied();
        let others = self.definitions.iter().map(Definition::name).filter(|name| !self.values.contains_key(name));
        Enumerator::Values(own.chain(others).map(Value::from).collect())
    }
}
