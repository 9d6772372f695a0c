use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Mac;

/// Roll-outs of firmware, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rollouts {
    /// The roll-outs.
    pub rollouts: Vec<Rollout>,
}

/// A roll-out of firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    /// Identity.
    pub id: String,
    /// Counts every change of it.
    pub revision: u64,
    /// Its name.
    pub name: String,
    /// Its image: identity, brand and release.
    pub image: RolloutImage,
    /// Whom it is for, in words.
    pub scope: String,
    /// How fast, when, and how much may go wrong.
    pub plan: RolloutPlan,
    /// `planned`, `running`, `stopped` or `finished`.
    pub state: String,
    /// The same in a sentence.
    pub says: String,
    /// Since when it is stopped or finished.
    pub at: Option<String>,
    /// Why no phone's turn comes for now, while it runs.
    pub holds: Option<String>,
    /// The wave whose turn it is: 0 are the canaries.
    pub wave: u32,
    /// How many phones stand how.
    pub counts: RolloutCounts,
    /// How each phone stands. Only when one roll-out is asked for.
    #[serde(default)]
    pub phones: Vec<RolloutPhone>,
    /// When it was planned.
    pub created: String,
}

/// The image of a roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutImage {
    /// Identity; it may have been taken out of the catalogue since.
    pub id: String,
    /// Folder name of its brand.
    pub brand: String,
    /// The release in it.
    pub version: String,
}

/// How fast a roll-out goes, when, and how much may go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutPlan {
    /// Phones that go first, at least one of each model. None of them may fail.
    pub canary: u32,
    /// Phones of each wave after that.
    pub wave: u32,
    /// Phones that may be updating at once.
    pub at_once: u32,
    /// Seconds that a phone may take to come back with the new release.
    pub patience: u64,
    /// Phones that may fail after the first ones. One more stops the roll-out.
    pub may_fail: u32,
    /// Hours of the branch in which updates may begin, as `22:00-06:00`; any time when left out.
    pub hours: Option<String>,
    /// Days on which these hours begin, as `mon`; every day when there are none.
    pub days: Vec<String>,
    /// Time zone of the branch, as `Europe/Berlin`; that of the organisation when left out.
    pub zone: Option<String>,
}

/// How many phones of a roll-out stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutCounts {
    /// Those whose turn is to come.
    pub waiting: usize,
    /// Those that are told of the image and have not come back with it.
    pub updating: usize,
    /// Those that put it off.
    pub put_off: usize,
    /// Those that run it.
    pub done: usize,
    /// Those that did not come back with it.
    pub failed: usize,
    /// Those that were not there.
    pub away: usize,
    /// Those that it is not for.
    pub refused: usize,
}

/// How a phone stands in a roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutPhone {
    /// Its address.
    pub mac: Mac,
    /// What people call it.
    pub name: String,
    /// Its model, once known.
    pub model: Option<String>,
    /// What it runs, as it said.
    pub runs: Option<String>,
    /// `waiting`, `updating`, `put-off`, `done`, `failed`, `away` or `refused`.
    pub turn: String,
    /// The same in a sentence.
    pub says: String,
    /// Since when.
    pub at: Option<String>,
    /// Whether it is in the wave whose turn it is.
    pub in_wave: bool,
}

/// What came of bringing phones back to the release that they had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolledBack {
    /// The roll-outs that began, one for each release.
    pub rollouts: Vec<Rollout>,
    /// Phones that cannot go back.
    pub stay: Vec<Staying>,
}

/// A phone that cannot go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Staying {
    /// Its address.
    pub mac: Mac,
    /// Why.
    pub why: String,
}

/// Who runs what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Versions {
    /// By brand, model and release.
    pub versions: Vec<Version>,
    /// How many phones run an older release than the newest one in the catalogue for them.
    pub behind: usize,
}

/// Phones of one model that run one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// Folder name of their brand, once known.
    pub brand: Option<String>,
    /// Their model, once known.
    pub model: Option<String>,
    /// What they run, once they said it.
    pub version: Option<String>,
    /// How many they are.
    pub phones: usize,
    /// The newest image for them, when it is newer.
    pub newer: Option<RolloutImage>,
}
