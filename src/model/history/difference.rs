use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::{Altered, Part};
use crate::model::Secret;
use crate::model::settings::definition;

/// What a field was and what it became, as it may be shown to anybody who may look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part that it stands in.
    pub part: Part,
    /// The field of it; none where the part has but one.
    pub field: Option<String>,
    /// What it was; none where it was not there, and where it is secret.
    pub before: Option<String>,
    /// What it became.
    pub after: Option<String>,
    /// Whether it is a secret, of which it is only said that it is another one.
    pub secret: bool,
}

/// The field of a line that nobody may see.
const PASSWORD: &str = "password";
/// Fields of a key and of a raw setting that are in the name of the part already.
const PLACE: [&str; 2] = ["module", "position"];

impl Difference {
    /// What a part's fields differ in.
    pub(super) fn of(altered: &Altered) -> Vec<Self> {
        let Altered { part, before, after } = altered;
        let whole = |secret: bool| {
            let shown =
                |value: &Option<Secret>| value.as_ref().filter(|_| !secret).and_then(json).map(|value| said(&value));
            let (before, after) = (shown(before), shown(after));
            vec![Self { part: part.clone(), field: None, before, after, secret }]
        };
        match part {
            _ if is_secret(part) => whole(true),
            Part::Line(_) | Part::Handset(_) | Part::Port(_) | Part::Key(..) => {
                fields(part, before.as_ref(), after.as_ref())
            }
            _ => whole(false),
        }
    }
}

/// Whether all of a part is secret. A setting that no definition knows is shown to nobody.
fn is_secret(part: &Part) -> bool {
    match part {
        Part::Raw(..) => true,
        Part::Setting(name) => definition(name).is_none_or(|known| known.kind.is_secret()),
        _ => false,
    }
}

/// The secrets in a part, as they were and as they became.
pub(super) fn secrets(altered: &Altered) -> Vec<Secret> {
    let values = [&altered.before, &altered.after].into_iter().flatten().filter_map(json);
    let secret = |value: Json| match value {
        Json::String(text) if is_secret(&altered.part) => Some(Secret::new(text)),
        Json::Object(mut fields) => match fields.remove(PASSWORD) {
            Some(Json::String(text)) => Some(Secret::new(text)),
            _ => None,
        },
        _ => None,
    };
    values.filter_map(secret).collect()
}

fn json(value: &Secret) -> Option<Json> {
    serde_json::from_str(value.expose()).ok()
}

fn fields(part: &Part, before: Option<&Secret>, after: Option<&Secret>) -> Vec<Difference> {
    let flat = |value: Option<&Secret>| match value.and_then(json) {
        Some(Json::Object(fields)) => flattened(fields),
        _ => Map::new(),
    };
    let (before, after) = (flat(before), flat(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let difference = |name: &String| {
        let secret = name == PASSWORD;
        let shown = |fields: &Map<String, Json>| fields.get(name).filter(|_| !secret).map(said);
        Difference {
            part: part.clone(),
            field: Some(name.clone()),
            before: shown(&before),
            after: shown(&after),
            secret,
        }
    };
    changed.filter(|name| !PLACE.contains(&name.as_str())).map(difference).collect()
}

/// Fields with those of the settings in them beside the others.
fn flattened(fields: Map<String, Json>) -> Map<String, Json> {
    let mut flat = Map::new();
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("settings", Json::Object(settings)) => flat.extend(settings),
            (_, value) => drop(flat.insert(name, value)),
        }
    }
    flat
}

/// A value as people write it.
fn said(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(entries) => entries.iter().map(said).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
