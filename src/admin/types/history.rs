use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::outlets::Line;

/// What was changed of a phone's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneHistory {
    /// How many changes there were before the oldest of these.
    pub forgotten: u64,
    /// The changes, newest first.
    pub changes: Vec<PhoneChange>,
}

/// A change of a phone's entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneChange {
    /// Its number, which no other change of the phone ever has.
    pub change: u64,
    /// When.
    pub at: String,
    /// The account or token that made it; none for the console, for the box itself, and for who is no administrator.
    pub by: Option<String>,
    /// In which way: `edited`, `imported`, `replaced`, `partner` or `undone`.
    pub how: String,
    /// The change that it took back.
    pub undoes: Option<u64>,
    /// The same in words.
    pub says: String,
    /// The version of the phone that it made.
    pub version: u64,
    /// The parts of the entry that it altered; none where it was too large to be kept.
    pub parts: Vec<String>,
    /// Whether it can be taken back as the phone is now.
    pub can_undo: bool,
    /// Why not.
    pub why_not: Option<String>,
    /// What was before and what is after: in the answer about one change alone.
    pub differences: Vec<PhoneDifference>,
}

/// What a field was and what it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhoneDifference {
    /// The part of the entry, as `line 2`.
    pub part: String,
    /// The field of it, where it has several.
    pub field: Option<String>,
    /// Both in words.
    pub label: String,
    /// What it was; none where there was nothing, and of a secret.
    pub before: Option<String>,
    /// What it became.
    pub after: Option<String>,
    /// Whether it is a secret: it is another one, and neither is shown.
    pub secret: bool,
}

/// All that happened to a phone and all that it said, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Some of it.
    pub entries: Vec<TimelineEntry>,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

/// Something that happened, or that the phone said by syslog. What a phone says is a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // there are few at a time, and most are the larger one
pub enum TimelineEntry {
    /// The box saw it or did it.
    Event(Event),
    /// The phone said it of itself.
    Said(Line),
}
