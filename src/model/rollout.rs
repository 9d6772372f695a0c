use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Id, Mac, Timestamp};

/// Bringing an image to phones, a few at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// What people call it.
    pub name: String,
    /// The image that phones should run.
    pub firmware: Id,
    /// Which phones it is for.
    pub scope: RolloutScope,
    /// How fast, when, and how much may go wrong.
    pub plan: RolloutPlan,
    /// How it stands.
    pub state: RolloutState,
    /// The phones whose turn it is.
    pub wave: Wave,
    /// How each phone stands.
    pub phones: BTreeMap<Mac, Turn>,
    /// The release that each phone ran when it was told of the image first, or was found to be away: its way back. Of one
    /// that went another way since, when it was told again.
    pub before: BTreeMap<Mac, String>,
    /// When it was planned.
    pub created: Timestamp,
    /// When it was last started, later than all that were started before it, whatever the clock said; when it was
    /// planned, before that. Of two that reach a phone, the one that was started later decides about it.
    pub started: Timestamp,
}

/// Phones that have their turn together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// 0 for the canaries, then counted up.
    pub number: u32,
    /// Those in it.
    pub phones: Vec<Mac>,
}

/// Which phones a roll-out is for: those that fit all of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RolloutScope {
    /// Those of this organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Id>,
    /// Those of this group: its members, or those of its brand or model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
    /// Those of this model, as its brand spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// These; none means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub phones: Vec<Mac>,
}

/// How fast a roll-out goes, when, and how much may go wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RolloutPlan {
    /// Phones that go first, alone, at least one of each model. None of them may fail.
    pub canary: u32,
    /// Phones of each wave after that.
    pub wave: u32,
    /// Phones that may be updating at once.
    pub at_once: u32,
    /// When updates may begin; any time when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<UpdateWindow>,
    /// How long a phone may take to come back with the new release, in seconds.
    pub patience: u64,
    /// Phones that may fail after the canaries. One more stops the roll-out.
    pub may_fail: u32,
}

/// When updates may begin, by the clock on the wall of the branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct UpdateWindow {
    /// First minute of the day, from 0.
    pub from: u16,
    /// Minute of the day at which it ends; before `from` it ends on the next day.
    pub until: u16,
    /// Days on which it begins, Monday first; none means every day.
    pub days: [bool; 7],
    /// The time zone of the branch, as `Europe/Berlin`.
    pub zone: String,
}

/// How a roll-out stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RolloutState {
    /// Made, and not started.
    Planned,
    /// Phones are being updated.
    Running,
    /// No phone is told of the image any more.
    Stopped {
        /// When.
        at: Timestamp,
        /// Why, when it stopped by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Every phone had its turn. Its image stays what these phones should run.
    Finished {
        /// When.
        at: Timestamp,
    },
}

/// How a phone stands in a roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "turn")]
pub enum Turn {
    /// Its turn is to come.
    Waiting,
    /// It is told of the image, and has not come back with it.
    Updating {
        /// Since when.
        since: Timestamp,
        /// The release that it ran when it was told: another one than before on a later step of the ladder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// When it began to fetch the image, once it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fetched: Option<Timestamp>,
        /// How often it had put the update off before.
        #[serde(default)]
        put_off: u8,
    },
    /// It was heard in its turn and was not seen to fetch the image, as phones that are on a call. Its turn comes again.
    PutOff {
        /// How often.
        times: u8,
    },
    /// It runs the image's release.
    Done {
        /// When it was seen to.
        at: Timestamp,
    },
    /// It did not come back with the image's release in time.
    Failed {
        /// When that was noticed.
        at: Timestamp,
        /// What is known of it, as the end of a sentence.
        why: String,
    },
    /// It was not heard of when all others had their turn: it is told of the image when it comes.
    Away,
    /// The image is not for it.
    Refused {
        /// Why.
        why: String,
    },
}

impl Rollout {
    /// The most phones of one, so that its record stays small.
    pub const MOST_PHONES: usize = 2000;
}

impl RolloutPlan {
    /// How long a phone may take to come back.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

impl Default for RolloutPlan {
    /// One phone of each model first, then ten at a time; half an hour for each; two may fail.
    fn default() -> Self {
        Self { canary: 1, wave: 10, at_once: 10, window: None, patience: 1800, may_fail: 2 }
    }
}
