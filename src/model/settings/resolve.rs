use std::collections::BTreeMap;

use super::key::Key;
use super::overrides::Override;
use super::sparse::Settings;
use super::value::Value;

/// Where a value comes from. A later level wins over an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Made by the box for this phone.
    Generated,
    /// All phones of the organisation.
    Organisation,
    /// The phones of a site or department.
    Group,
    /// The phones of one brand or model in the organisation.
    Model,
    /// This phone.
    Phone,
    /// This line of this phone.
    Line,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Organisation => "organisation",
            Self::Group => "group",
            Self::Model => "model",
            Self::Phone => "phone",
            Self::Line => "line",
        }
    }
}

/// What holds for one phone, each value with the level that it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved<'a> {
    values: BTreeMap<&'static str, (&'a Value, Level)>,
    keys: BTreeMap<(u8, u16), (&'a Key, Level)>,
    overrides: BTreeMap<(&'a str, &'a str), (&'a Override, Level)>,
}

/// What holds where nothing is set.
static NOTHING: Resolved<'static> =
    Resolved { values: BTreeMap::new(), keys: BTreeMap::new(), overrides: BTreeMap::new() };

impl Resolved<'static> {
    /// What holds where nothing is set.
    pub fn nothing() -> &'static Self {
        &NOTHING
    }
}

impl<'a> Resolved<'a> {
    /// Lays the levels over each other, the first one lowest.
    pub fn of(levels: impl IntoIterator<Item = (Level, &'a Settings)>) -> Self {
        let mut resolved = Self::default();
        for (level, settings) in levels {
            resolved.lay(level, settings);
        }
        resolved
    }

    fn lay(&mut self, level: Level, settings: &'a Settings) {
        for (key, value) in settings.iter() {
            self.values.insert(key, (value, level));
        }
        for key in &settings.keys {
            self.keys.insert(key.place(), (key, level));
        }
        for entry in &settings.overrides {
            self.overrides.insert((&entry.brand, &entry.name), (entry, level));
        }
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&'a Value> {
        self.values.get(key).map(|(value, _)| *value)
    }

    /// All values by key, each with its level.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &'a Value, Level)> {
        self.values.iter().map(|(key, (value, level))| (*key, *value, *level))
    }

    /// All keys by place, each with its level.
    pub fn keys(&self) -> impl Iterator<Item = (&'a Key, Level)> {
        self.keys.values().copied()
    }

    /// The raw settings of all brands, each with its level.
    pub fn all_overrides(&self) -> impl Iterator<Item = (&'a Override, Level)> {
        self.overrides.values().copied()
    }

    /// Ids of the phone books to be shown, in their order, if any are named.
    pub fn books_named(&self) -> Option<&'a [Box<str>]> {
        self.get("directory.books")?.as_list().filter(|ids| !ids.is_empty())
    }

    /// The raw settings for phones of a brand, each with its level.
    pub fn overrides(&self, brand: &str) -> impl Iterator<Item = (&'a Override, Level)> {
        self.all_overrides().filter(move |(entry, _)| entry.brand.as_ref() == brand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::KeyKind;

    fn key(position: u16, value: &str) -> Key {
        Key {
            module: 0,
            position,
            kind: KeyKind::Blf,
            value: value.into(),
            label: "".into(),
            line: None,
            extension: "".into(),
        }
    }

    #[test]
    fn the_nearest_level_wins_and_says_so() {
        let organisation = Settings::default().with("regional.language", "de").unwrap();
        let mut organisation = organisation.with("network.voice_vlan", "66").unwrap();
        organisation.keys = vec![key(1, "100"), key(2, "200")];
        let group = Settings::default().with("regional.language", "fr").unwrap();
        let mut phone = Settings::default().with("features.call_waiting", "no").unwrap();
        phone.keys = vec![key(2, "201")];
        phone.overrides = vec![Override { brand: "toy".into(), name: "a".into(), value: "phone".into() }];
        organisation.overrides = vec![Override { brand: "toy".into(), name: "a".into(), value: "all".into() }];
        let resolved =
            Resolved::of([(Level::Organisation, &organisation), (Level::Group, &group), (Level::Phone, &phone)]);
        let text = |wanted| {
            let (_, value, level) = resolved.values().find(|(key, ..)| *key == wanted)?;
            Some((value.to_text().unwrap(), level))
        };
        assert_eq!(text("regional.language"), Some(("fr".into(), Level::Group)));
        assert_eq!(text("network.voice_vlan"), Some(("66".into(), Level::Organisation)));
        assert_eq!(text("features.call_waiting"), Some(("no".into(), Level::Phone)));
        assert_eq!(text("network.pc_vlan"), None);
        let keys: Vec<_> = resolved.keys().map(|(key, level)| (key.value.as_ref(), level)).collect();
        assert_eq!(keys, [("100", Level::Organisation), ("201", Level::Phone)]);
        let overrides: Vec<_> = resolved.overrides("toy").map(|(entry, _)| entry.value.as_ref()).collect();
        assert_eq!(overrides, ["phone"]);
        assert_eq!(resolved.overrides("other").count(), 0);
        assert_eq!(*Resolved::nothing(), Resolved::of([]));
    }
}
