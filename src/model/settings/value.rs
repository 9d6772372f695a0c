use serde_json::Value as Json;

use super::check;
use super::definition::Kind;
use crate::model::Secret;

/// What a setting holds, checked against its [`Kind`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(u32),
    /// Text of any kind that is no secret.
    Text(Box<str>),
    /// Text that only its owner may see.
    Secret(Secret),
    /// Several texts.
    List(Box<[Box<str>]>),
}

/// Why a value does not fit its kind. It never holds the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Something else is needed.
    #[error("is no {0}")]
    Wanted(String),
    /// Text with a line break or another control character.
    #[error("holds a line break or control character")]
    Control,
    /// Text of more than so many bytes.
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    /// A list of more than so many.
    #[error("has more than {0} entries")]
    TooMany(usize),
    /// No setting has this name.
    #[error("is no setting")]
    Unknown,
}

/// The longest value of any setting, in bytes.
const LONGEST: usize = 1024;

impl Value {
    /// Reads a value from text, as it is typed or stands in a table. A list is separated by commas.
    pub fn from_text(kind: &Kind, text: &str) -> Result<Self, Misfit> {
        let text = if kind.is_secret() { text } else { text.trim() };
        plain(text)?;
        let wanted = || Misfit::Wanted(kind.words());
        match kind {
            Kind::Flag => match text.to_ascii_lowercase().as_str() {
                "yes" | "true" | "on" | "1" => Ok(Self::Flag(true)),
                "no" | "false" | "off" | "0" => Ok(Self::Flag(false)),
                _ => Err(wanted()),
            },
            Kind::Number { least, most } => match text.parse() {
                Ok(number) if (*least..=*most).contains(&number) => Ok(Self::Number(number)),
                _ => Err(wanted()),
            },
            Kind::Secret => Ok(Self::Secret(Secret::new(text))),
            Kind::List(of, most) => {
                let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
                list(of, *most, entries)
            }
            Kind::Text(longest) if text.len() > *longest => Err(Misfit::TooLong(*longest)),
            _ if text.is_empty() => Err(wanted()),
            _ => Ok(Self::Text(check::text(kind, text).ok_or_else(wanted)?.into())),
        }
    }

    /// Reads a value from JSON: what [`Value::to_json`] gives, or any text that [`Value::from_text`] reads.
    pub fn from_json(kind: &Kind, json: &Json) -> Result<Self, Misfit> {
        let wanted = || Misfit::Wanted(kind.words());
        match (kind, json) {
            (Kind::Flag, Json::Bool(flag)) => Ok(Self::Flag(*flag)),
            (Kind::Number { .. }, Json::Number(number)) => Self::from_text(kind, &number.to_string()),
            (Kind::List(of, most), Json::Array(entries)) => {
                let texts = entries.iter().map(|entry| entry.as_str().ok_or_else(wanted));
                let texts = texts.collect::<Result<Vec<_>, _>>()?;
                list(of, *most, texts.into_iter())
            }
            (_, Json::String(text)) => Self::from_text(kind, text),
            _ => Err(wanted()),
        }
    }

    /// The value as JSON; `None` for a secret, which leaves custody only where that is said.
    pub fn to_json(&self) -> Option<Json> {
        match self {
            Self::Flag(flag) => Some(Json::from(*flag)),
            Self::Number(number) => Some(Json::from(*number)),
            Self::Text(text) => Some(Json::from(text.as_ref())),
            Self::Secret(_) => None,
            Self::List(entries) => Some(Json::from(entries.iter().map(AsRef::as_ref).collect::<Vec<&str>>())),
        }
    }

    /// The value as one text, as [`Value::from_text`] reads it; `None` for a secret.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Flag(flag) => Some(if *flag { "yes" } else { "no" }.into()),
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.to_string()),
            Self::Secret(_) => None,
            Self::List(entries) => Some(entries.join(",")),
        }
    }

    /// Its text, where it is one that anybody may see.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its number, where it is one.
    pub fn as_number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Yes or no, where it is that.
    pub fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Its texts, where it is a list.
    pub fn as_list(&self) -> Option<&[Box<str>]> {
        match self {
            Self::List(entries) => Some(entries),
            _ => None,
        }
    }

    /// The secret, where it is one.
    pub fn as_secret(&self) -> Option<&Secret> {
        match self {
            Self::Secret(secret) => Some(secret),
            _ => None,
        }
    }
}

fn plain(text: &str) -> Result<(), Misfit> {
    if text.len() > LONGEST {
        return Err(Misfit::TooLong(LONGEST));
    }
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(Misfit::Control);
    }
    Ok(())
}

fn list<'a>(of: &Kind, most: usize, entries: impl Iterator<Item = &'a str>) -> Result<Value, Misfit> {
    let mut texts: Vec<Box<str>> = Vec::new();
    for entry in entries {
        if texts.len() == most {
            return Err(Misfit::TooMany(most));
        }
        // A comma could not be told from the one between two entries.
        if entry.contains(',') {
            return Err(Misfit::Wanted(of.words()));
        }
        match Value::from_text(of, entry)? {
            Value::Text(text) => texts.push(text),
            other => texts.push(other.to_text().unwrap_or_default().into()),
        }
    }
    Ok(Value::List(texts.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::definitions;

    #[test]
    fn every_example_fits_and_comes_back() {
        for definition in definitions() {
            let value = Value::from_text(&definition.kind, definition.example)
                .unwrap_or_else(|why| panic!("{}: {} {why}", definition.key, definition.example));
            match (value.to_text(), value.to_json()) {
                (Some(text), Some(json)) => {
                    assert_eq!(Value::from_text(&definition.kind, &text).as_ref(), Ok(&value), "{}", definition.key);
                    assert_eq!(Value::from_json(&definition.kind, &json).as_ref(), Ok(&value), "{}", definition.key);
                }
                _ => assert!(definition.kind.is_secret(), "{}", definition.key),
            }
        }
    }

    #[test]
    fn nothing_hostile_fits_any_setting() {
        for definition in definitions() {
            for text in ["a\nb", "a\rb", "a\0b", "a\u{2028}b", "x\u{7f}"] {
                assert_eq!(Value::from_text(&definition.kind, text), Err(Misfit::Control), "{}", definition.key);
            }
            let long = "x".repeat(10_000);
            assert!(Value::from_text(&definition.kind, &long).is_err(), "{}", definition.key);
            assert!(Value::from_json(&definition.kind, &serde_json::json!({})).is_err(), "{}", definition.key);
        }
    }

    #[test]
    fn flags_numbers_and_lists_are_read_as_people_write_them() {
        let number = Kind::Number { least: 1, most: 4094 };
        for (text, flag) in [("yes", true), ("On", true), ("1", true), ("FALSE", false), ("off", false)] {
            assert_eq!(Value::from_text(&Kind::Flag, text), Ok(Value::Flag(flag)));
        }
        assert_eq!(Value::from_text(&number, " 66 "), Ok(Value::Number(66)));
        for text in ["0", "4095", "-1", "6.6", "", "0x10"] {
            assert!(Value::from_text(&number, text).is_err(), "{text}");
        }
        let list = Kind::List(&Kind::Dial, 2);
        assert_eq!(Value::from_text(&list, "110, 112"), Ok(Value::List(["110".into(), "112".into()].into())));
        assert_eq!(Value::from_text(&list, "1,2,3"), Err(Misfit::TooMany(2)));
        assert_eq!(Value::from_text(&list, ""), Ok(Value::List([].into())));
    }
}
