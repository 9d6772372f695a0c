use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Named};
use crate::admin::reading::standing::Standing;
use crate::model::{AnaloguePort, Handset, Mac, Transport};

/// A page of the list of phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phones {
    /// Those of this page, by name.
    pub phones: Vec<Phone>,
    /// How many match the question.
    pub matching: usize,
    /// How many of these come before this page.
    pub offset: usize,
    /// What to say for `after` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<String>,
}

/// A phone on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phone {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Its address.
    pub mac: Mac,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub organisation: Named,
    /// The group that it was put into.
    #[serde(default)]
    pub group: Option<Named>,
    /// Whether it waits for a device: its address is made up.
    #[serde(default)]
    pub unassigned: bool,
    /// Whether it is to be let go.
    #[serde(default)]
    pub letting_go: bool,
    /// Its brand, once known.
    pub brand: Option<String>,
    /// Its model, once known.
    pub model: Option<String>,
    /// Firmware that it said it runs.
    pub firmware: Option<String>,
    /// The address that is leased to it.
    pub address: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The same in a sentence.
    pub says: String,
    /// What to do first.
    pub advice: Option<String>,
    /// Whether letting it start over is the remedy.
    pub start_over: bool,
    /// Whether it may still learn its login.
    pub first_contact: FirstContact,
    /// Its way into service.
    pub journey: Vec<Light>,
    /// Its SIP accounts.
    pub lines: Vec<Line>,
    /// Its cordless handsets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handsets: Vec<Handset>,
    /// Its analogue ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<AnaloguePort>,
    /// When it was put on the list.
    pub created: String,
    /// What happened to it last. Only when one phone is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// Whether a phone may still learn its login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstContact {
    /// `waiting`, `open`, `over`, `closed` or `reset`.
    pub state: String,
    /// Since when.
    pub since: Option<String>,
    /// The same in a sentence.
    pub says: String,
}

/// A step of a phone's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Light {
    /// Stable name of the step.
    pub step: String,
    /// Its name for people.
    pub label: String,
    /// How it went: `none` while it was not tried, else `done`, `not-needed`, `refused` or `failed`.
    pub state: String,
    /// When.
    pub at: Option<String>,
    /// Why.
    pub says: String,
}

/// A SIP account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// User part of its address.
    pub user: String,
    /// Name for Digest, when it differs.
    pub auth_user: Option<String>,
    /// Name shown to others.
    pub display: String,
    /// SIP server.
    pub server: String,
    /// Port of the SIP server, when it is not the usual one.
    pub port: Option<u16>,
    /// How messages travel.
    pub transport: Transport,
    /// Seconds that a registration lasts.
    pub expires: u32,
    /// Number of the voice mail.
    pub voicemail: Option<String>,
    /// What else is set for this line alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, serde_json::Value>,
}
