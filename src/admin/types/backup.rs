use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::About;

/// A backup that was put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    /// What it says of itself.
    pub about: About,
    /// Name of the backup that was made of what was there before.
    pub undo: String,
}

/// Backups that the box keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptBackups {
    /// Oldest first.
    pub kept: Vec<KeptBackup>,
    /// When somebody last made a backup of this box; never since it began when nothing is said.
    #[serde(default)]
    pub last_made: Option<String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptBackup {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
}
