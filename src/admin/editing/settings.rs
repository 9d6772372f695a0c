//! Settings of one level as somebody wants them, and what holds for a phone with where it comes from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::admin::problem::FieldError;
use crate::admin::{Admin, types};
use crate::brands::Registry;
use crate::model::settings::{Key, Level, Override, Resolved, TOPICS, Value};
use crate::model::{Phone, Scope, Settings};

/// Most keys of one level.
const MOST_KEYS: usize = 1000;
/// Most raw settings of one level.
const MOST_OVERRIDES: usize = 500;
/// What lets a phone go; it has a call of its own.
const RELEASE: &str = Phone::RELEASE;

/// What is to be changed at one level: the body of `PATCH …/settings`. What is not named stays.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsEdit {
    /// Values by name; null unsets, so that what a level above says holds again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Json>,
    /// All keys of the level, in place of those that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Key>>,
    /// Single keys, each in place of the one that is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put_keys: Vec<Key>,
    /// Places of keys to be given back to the levels above, as `[module, position]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop_keys: Vec<(u8, u16)>,
    /// Raw settings of single brands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideEdit>,
}

/// A raw setting of one brand as somebody wants it.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverrideEdit {
    /// Folder name of the brand.
    pub brand: String,
    /// Name of the setting in the brand's own words.
    pub setting: String,
    /// Its value; null takes the raw setting away.
    pub value: Option<String>,
}

impl std::fmt::Debug for OverrideEdit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OverrideEdit").field("setting", &self.setting).finish_non_exhaustive()
    }
}

impl SettingsEdit {
    /// Makes the change, or names all that is wrong and changes nothing.
    pub(in crate::admin) fn apply(&self, settings: &mut Settings, registry: &Registry) -> Result<(), Vec<FieldError>> {
        self.applied(settings, Some(registry))
    }

    /// The same, whatever brands there are.
    pub(in crate::admin) fn apply_plain(&self, settings: &mut Settings) -> Result<(), Vec<FieldError>> {
        self.applied(settings, None)
    }

    fn applied(&self, settings: &mut Settings, registry: Option<&Registry>) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut changed = settings.clone();
        for (key, value) in &self.set {
            if key == RELEASE {
                errors.push(FieldError::new(key, "A phone is let go by a call of its own."));
            } else if let Err(misfit) = changed.set_json(key, value) {
                errors.push(FieldError::new(key, format!("It {misfit}.")));
            }
        }
        if let Some(keys) = &self.keys {
            changed.keys.clone_from(keys);
        }
        for (module, position) in &self.drop_keys {
            changed.keys.retain(|key| key.place() != (*module, *position));
        }
        for key in &self.put_keys {
            changed.keys.retain(|known| known.place() != key.place());
            changed.keys.push(key.clone());
        }
        changed.keys.sort_by_key(Key::place);
        check_keys(&changed.keys, &mut errors);
        for entry in &self.overrides {
            put_override(entry, &mut changed.overrides, registry, &mut errors);
        }
        if changed.overrides.len() > MOST_OVERRIDES {
            errors.push(FieldError::new("overrides", format!("There are more than {MOST_OVERRIDES}.")));
        }
        if errors.is_empty() {
            *settings = changed;
            Ok(())
        } else {
            Err(errors)
        }
    }
}

fn check_keys(keys: &[Key], errors: &mut Vec<FieldError>) {
    if keys.len() > MOST_KEYS {
        errors.push(FieldError::new("keys", format!("There are more than {MOST_KEYS}.")));
    }
    let mut before = None;
    for key in keys {
        let (module, position) = key.place();
        let field = || format!("keys[{module}/{position}]");
        if !key.is_sound() {
            errors.push(FieldError::new(field(), "Its place or one of its texts is out of bounds."));
        }
        if before.replace(key.place()) == Some(key.place()) {
            errors.push(FieldError::new(field(), "There are two of this place."));
        }
    }
}

fn put_override(
    entry: &OverrideEdit,
    known: &mut Vec<Override>,
    registry: Option<&Registry>,
    errors: &mut Vec<FieldError>,
) {
    let field = format!("overrides[{} {}]", entry.brand, entry.setting);
    if let Some(registry) = registry
        && let Some(error) = no_brand(&entry.brand, &entry.setting, registry)
    {
        errors.push(error);
        return;
    }
    known.retain(|other| (&*other.brand, &*other.name) != (entry.brand.as_str(), entry.setting.as_str()));
    let Some(value) = &entry.value else { return };
    let made = Override {
        brand: entry.brand.as_str().into(),
        name: entry.setting.as_str().into(),
        value: value.as_str().into(),
    };
    if made.is_sound() {
        known.push(made);
    } else {
        errors.push(FieldError::new(
            field,
            "This cannot stand in a file: no line breaks, and a name as the brand has them.",
        ));
    }
}

/// What is wrong with a raw setting of a brand that is not there.
pub(in crate::admin) fn no_brand(brand: &str, setting: &str, registry: &Registry) -> Option<FieldError> {
    let error = || FieldError::new(format!("overrides[{brand} {setting}]"), format!("There is no brand \"{brand}\"."));
    registry.brand(brand).is_none().then(error)
}

/// Every setting there is.
pub(in crate::admin) fn catalogue() -> types::Catalogue {
    let definition = |definition: &crate::model::settings::Definition| types::Definition {
        key: definition.key.into(),
        meaning: definition.meaning.into(),
        kind: definition.kind.words(),
        example: definition.example.into(),
        secret: definition.kind.is_secret(),
    };
    let topic = |topic: &crate::model::settings::Topic| types::Topic {
        name: topic.name.into(),
        meaning: topic.meaning.into(),
        settings: topic.settings.iter().map(definition).collect(),
    };
    types::Catalogue { topics: TOPICS.iter().map(topic).collect() }
}

/// What is set at one level, as the API shows it.
pub(in crate::admin) fn level(of: String, version: u64, level: Level, settings: &Settings) -> types::Settings {
    shown(of, version, &Resolved::of([(level, settings)]), |_, _| None)
}

fn shown(
    of: String,
    version: u64,
    resolved: &Resolved<'_>,
    name: impl Fn(Level, &dyn Fn(&Settings) -> bool) -> Option<String>,
) -> types::Settings {
    let settings = resolved.values().filter(|(key, ..)| *key != RELEASE).map(|(key, value, level)| types::Setting {
        key: key.to_owned(),
        value: value.to_json().unwrap_or(Json::Null),
        secret: matches!(value, Value::Secret(_)),
        from: level.word().into(),
        name: name(level, &|settings| settings.get(key).is_some()),
    });
    let keys = resolved.keys().map(|(key, level)| types::PlacedKey {
        key: key.clone(),
        from: level.word().into(),
        name: name(level, &|settings| settings.keys.iter().any(|other| other.place() == key.place())),
    });
    let overrides = resolved.all_overrides().map(|(entry, level)| types::Override {
        brand: entry.brand.to_string(),
        setting: entry.name.to_string(),
        from: level.word().into(),
    });
    types::Settings {
        version,
        of,
        settings: settings.collect(),
        keys: keys.collect(),
        overrides: overrides.collect(),
        unfit: Vec::new(),
    }
}

impl Admin {
    /// What holds for a phone, each value with where it comes from.
    pub(in crate::admin) fn settings_of(&self, phone: &Phone) -> types::Settings {
        let store = &self.0.store;
        let levels = store.levels(phone);
        let groups = store.groups(phone.organisation);
        let name = |level: Level, has: &dyn Fn(&Settings) -> bool| match level {
            Level::Organisation => store.organisation(phone.organisation).map(|organisation| organisation.name.clone()),
            Level::Group => groups.iter().find(|group| Some(group.id) == phone.group).map(|group| group.name.clone()),
            Level::Model => groups
                .iter()
                .filter(|group| group.scope.chooses(phone) && has(&group.settings))
                // As they are laid over each other: those of a model over those of the brand, later ones over earlier
                // ones.
                .max_by_key(|group| (matches!(group.scope, Scope::Model { model: Some(_), .. }), group.id))
                .map(|group| group.name.clone()),
            Level::Generated | Level::Phone | Level::Line => None,
        };
        let mut shown = shown(format!("phone {}", called(phone)), phone.version, &levels.resolve(), name);
        shown.unfit = self.unfit(phone);
        shown
    }
}

/// What people call a phone.
pub(in crate::admin) fn called(phone: &Phone) -> String {
    if phone.name.is_empty() { phone.mac.to_string() } else { phone.name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::KeyKind;

    fn key(position: u16) -> Key {
        let text = || "".into();
        Key { module: 0, position, kind: KeyKind::Blf, value: text(), label: text(), line: None, extension: text() }
    }

    fn apply(edit: &SettingsEdit, settings: &mut Settings) -> Result<(), Vec<String>> {
        let applied = edit.apply(settings, &Registry::builtin().unwrap());
        applied.map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_changes() {
        let mut settings = Settings::NONE.with("screen.title", "before").unwrap();
        let edit: SettingsEdit = serde_json::from_str(
            r#"{"set": {"screen.title": "after", "regional.language": "german", "screen.tile": "x"},
                "keys": [{"position": 1, "kind": "blf"}, {"position": 1, "kind": "dnd"}, {"position": 0, "kind": "dnd"}],
                "overrides": [{"brand": "nobody", "setting": "a", "value": "b"}]}"#,
        )
        .unwrap();
        let errors = apply(&edit, &mut settings).unwrap_err();
        assert_eq!(errors, ["regional.language", "screen.tile", "keys[0/0]", "keys[0/1]", "overrides[nobody a]"]);
        assert_eq!(settings, Settings::NONE.with("screen.title", "before").unwrap());
        let release = SettingsEdit { set: [(RELEASE.into(), Json::Bool(true))].into(), ..SettingsEdit::default() };
        assert_eq!(apply(&release, &mut settings).unwrap_err(), [RELEASE]);
    }

    #[test]
    fn keys_are_put_and_dropped_one_by_one() {
        let mut settings = Settings::NONE;
        let put = SettingsEdit { put_keys: vec![key(3), key(1)], ..SettingsEdit::default() };
        apply(&put, &mut settings).unwrap();
        let drop = SettingsEdit { put_keys: vec![key(2)], drop_keys: vec![(0, 3)], ..SettingsEdit::default() };
        apply(&drop, &mut settings).unwrap();
        assert_eq!(settings.keys.iter().map(|key| key.position).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn no_secret_is_shown() {
        let settings = Settings::NONE.with("access.admin_password", "hunter2").unwrap();
        let text = serde_json::to_string(&level("x".into(), 1, Level::Phone, &settings)).unwrap();
        assert!(text.contains("access.admin_password") && !text.contains("hunter2"), "{text}");
    }
}
