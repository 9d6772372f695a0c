use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Named;
use crate::model::settings::Key;

/// Every setting there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Catalogue {
    /// The topics, in the order in which they are shown.
    pub topics: Vec<Topic>,
}

/// Settings that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Topic {
    /// The first part of their names.
    pub name: String,
    /// What they are about.
    pub meaning: String,
    /// The settings.
    pub settings: Vec<Definition>,
}

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Definition {
    /// Its name.
    pub key: String,
    /// What it means.
    pub meaning: String,
    /// What it may hold, in words.
    pub kind: String,
    /// A value that it could have.
    pub example: String,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// What is set at one level or, for a phone, what holds for it and where each value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// Counts every change of the document that this level is.
    pub version: u64,
    /// The level, in words: `organisation Branch`, `group Sales`, `phone Reception`.
    pub of: String,
    /// The values, by name.
    pub settings: Vec<Setting>,
    /// Keys by module and position.
    pub keys: Vec<PlacedKey>,
    /// Raw settings of single brands.
    pub overrides: Vec<Override>,
    /// What the phone cannot do of all this. Only for a phone.
    #[serde(default)]
    pub unfit: Vec<String>,
}

/// One setting and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value; null where it is a secret.
    pub value: Value,
    /// Whether it is a secret.
    #[serde(default)]
    pub secret: bool,
    /// Where it comes from: `generated`, `organisation`, `group`, `model` or `phone`.
    pub from: String,
    /// The organisation or group that it comes from.
    #[serde(default)]
    pub name: Option<String>,
}

/// A key and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedKey {
    /// The key.
    pub key: Key,
    /// Where it comes from.
    pub from: String,
    /// The organisation or group that it comes from.
    #[serde(default)]
    pub name: Option<String>,
}

/// A raw setting of one brand, without its value, which counts as secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// Folder name of the brand.
    pub brand: String,
    /// Name of the setting in the brand's own words.
    pub setting: String,
    /// Where it comes from.
    pub from: String,
}

/// Groups of phones that share settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Groups {
    /// The groups, by organisation and name.
    pub groups: Vec<Group>,
}

/// A group of phones that share settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Group {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Name.
    pub name: String,
    /// Whose it is.
    pub organisation: Named,
    /// The brand whose phones it is for; none where phones are put into it one by one.
    #[serde(default)]
    pub brand: Option<String>,
    /// The model that it is for; all of the brand where there is none.
    #[serde(default)]
    pub model: Option<String>,
    /// How many phones it is for.
    pub phones: usize,
    /// How many values, keys and raw settings it sets.
    pub settings: usize,
}
