use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admin::editing::draft::PhoneDraft;
use crate::admin::import::Action;
use crate::model::Mac;

/// A list of phones as an import takes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// The phones, by name. Passwords are empty, and other secrets and values of raw settings null, unless they were
    /// asked for.
    pub phones: Vec<PhoneDraft>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    /// Whether nothing was stored.
    pub dry_run: bool,
    /// Phones that are new.
    pub added: usize,
    /// Phones that are changed.
    pub changed: usize,
    /// Phones of which the list says the same already.
    pub kept: usize,
    /// What an administrator may want to look at.
    pub warnings: Vec<String>,
    /// Each phone of the file.
    pub phones: Vec<Imported>,
}

/// What an import did, or would do, to one phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// First row that names it.
    pub row: usize,
    /// What happens to it.
    pub action: Action,
    /// Its address.
    pub mac: Mac,
    /// Whether it waits for its device: its address is made up.
    #[serde(default)]
    pub unassigned: bool,
    /// What people call it.
    pub name: String,
    /// Users of its lines.
    pub lines: Vec<String>,
}
