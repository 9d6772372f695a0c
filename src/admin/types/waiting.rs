use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Named;
use crate::model::Mac;

/// Phones that came and are on no list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingPhones {
    /// The phones, the latest first.
    pub waiting: Vec<Waiting>,
    /// The pairing window.
    pub pairing: Pairing,
}

/// A phone that came and is on no list. All that it said is a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// Its address.
    pub mac: Mac,
    /// Folder name of the brand that it seems to be of.
    pub brand: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The firmware that it runs.
    pub firmware: Option<String>,
    /// Where it spoke from.
    pub address: Option<String>,
    /// Whether that address is known to be its own.
    pub in_place: bool,
    /// The door that it came to last.
    pub door: String,
    /// What it asked for last.
    pub asked: String,
    /// When it came first since the box started.
    pub first: String,
    /// When it came last.
    pub last: String,
    /// How often it came.
    pub count: u32,
}

/// The time in which phones that come are put on the list by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pairing {
    /// Whether it is open.
    pub open: bool,
    /// When it closes.
    #[serde(default)]
    pub until: Option<String>,
    /// Whose phones they become.
    #[serde(default)]
    pub organisation: Option<Named>,
    /// The group that they are put into.
    #[serde(default)]
    pub group: Option<Named>,
    /// Users of the lines that are still to be given; a phone that comes when none is left is a guest without a line.
    #[serde(default)]
    pub free_lines: Vec<String>,
}
