use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Mac;

/// Events, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// What to say for `before` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<u64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the journal.
    pub sequence: u64,
    /// When it happened first.
    pub at: String,
    /// When it happened last.
    pub last: String,
    /// How often.
    pub count: u32,
    /// Where.
    pub door: String,
    /// The phone it is about.
    pub mac: Option<Mac>,
    /// What people call that phone.
    pub phone: Option<String>,
    /// Who spoke to us; of what was done on the page or with the API, for administrators alone.
    pub address: Option<String>,
    /// The file that was asked for.
    pub file: Option<String>,
    /// What the other side called itself.
    pub user_agent: Option<String>,
    /// The account or the token of whoever did it: for administrators alone.
    #[serde(default)]
    pub by: Option<String>,
    /// Stable code of the reason.
    pub code: String,
    /// `done`, `not-needed`, `refused` or `failed`.
    pub outcome: String,
    /// The reason in a sentence.
    pub says: String,
    /// What to do first.
    pub advice: Option<String>,
}
