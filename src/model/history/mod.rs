//! What was changed of a phone's entry, by whom, from what to what: so that it can be shown, and undone.
//!
//! A [`Change`] holds the parts that differ, each as it was before and after, secrets included: whoever keeps one keeps
//! it sealed, and whoever shows one shows its [`Difference`]s, in which a secret is only said to be another one. A
//! [`History`] keeps the newest changes of one phone in bounded room.

mod difference;
mod part;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use difference::Difference;
pub use part::Part;

use super::{Phone, Secret, Timestamp};
use part::parts;

/// In which way an entry was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Somebody edited it.
    Edited,
    /// A list was imported.
    Imported,
    /// Another device was put in its place, or its first one.
    Replaced,
    /// Another system configured it.
    Partner,
    /// This change was taken back.
    Undone(u64),
}

/// Who changes an entry, when and in which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// The time.
    pub at: Timestamp,
    /// The account or token; none for the box's console and for the box itself.
    pub by: Option<String>,
    /// In which way.
    pub how: How,
}

/// A change of a phone's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Counts the changes of this phone, from 1 on; never used again.
    pub number: u64,
    /// By whom, when and how.
    pub hand: Hand,
    /// The version of the phone that it made.
    pub version: u64,
    /// What differs; none where it would not have fitted into the history of a phone.
    pub altered: Option<Vec<Altered>>,
}

/// A part of an entry that a change altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Altered {
    /// Which.
    pub part: Part,
    /// What it was, as JSON; none where it was not there.
    pub before: Option<Secret>,
    /// What it became.
    pub after: Option<Secret>,
}

/// The newest changes of a phone, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// How many changes there were before the ones that are kept.
    pub forgotten: u64,
    /// Those that are kept.
    pub changes: VecDeque<Change>,
}

/// Why a change cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Irreversible {
    /// These parts were changed again since, or would move to other places by it.
    ChangedSince(Vec<Part>),
    /// It put another device in place: only another replacement takes that back.
    OtherDevice,
    /// The phone would be in a group of another organisation than its own.
    ForeignGroup,
    /// It was too large to be kept.
    NotKept,
    /// What it was cannot be read by this program.
    Unreadable(Part),
}

/// What differs between two states of one phone's entry. Logins and first contact are no part of it: they are the box's
/// own.
pub fn between(before: &Phone, after: &Phone) -> Vec<Altered> {
    let (old, mut new) = (parts(before), parts(after));
    let mut altered: Vec<Altered> = Vec::new();
    for (part, value) in old {
        let now = new.remove(&part);
        if now.as_ref() != Some(&value) {
            altered.push(Altered { part, before: Some(value), after: now });
        }
    }
    altered.extend(new.into_iter().map(|(part, value)| Altered { part, before: None, after: Some(value) }));
    altered.sort_by(|one, other| one.part.cmp(&other.part));
    altered
}

impl Change {
    /// Takes the change back in `phone`, which may have been changed elsewhere since.
    ///
    /// # Errors
    /// Why it cannot be; then nothing changes.
    pub fn undo(&self, phone: &mut Phone) -> Result<(), Irreversible> {
        let altered = self.altered.as_deref().ok_or(Irreversible::NotKept)?;
        if altered.iter().any(|altered| altered.part == Part::Device) {
            return Err(Irreversible::OtherDevice);
        }
        let now = parts(phone);
        let since = altered.iter().filter(|altered| now.get(&altered.part) != altered.after.as_ref());
        let since: Vec<Part> = since.map(|altered| altered.part.clone()).collect();
        if !since.is_empty() {
            return Err(Irreversible::ChangedSince(since));
        }
        *phone = part::put(phone, altered)?;
        Ok(())
    }

    /// What it altered, as it may be shown.
    pub fn differences(&self) -> Vec<Difference> {
        self.altered.iter().flatten().flat_map(Difference::of).collect()
    }

    /// Bytes that it takes.
    fn size(&self) -> usize {
        let of = |value: &Option<Secret>| value.as_ref().map_or(0, |value| value.expose().len());
        let altered = self.altered.iter().flatten();
        altered.map(|altered| of(&altered.before) + of(&altered.after) + Part::ROOM).sum::<usize>() + Self::ROOM
    }

    /// What a change takes besides what it altered, in bytes: more than that is, mostly.
    const ROOM: usize = 128;
}

impl History {
    /// Most changes of a phone that are kept.
    pub const MOST: usize = 30;
    /// Most bytes that they take together.
    pub const MOST_BYTES: usize = 16 * 1024;

    /// The secrets that it holds, so that they can be looked for where none may stand.
    pub fn secrets(&self) -> Vec<Secret> {
        self.changes.iter().flat_map(|change| change.altered.iter().flatten()).flat_map(difference::secrets).collect()
    }

    /// The number of the next change.
    pub fn next(&self) -> u64 {
        self.changes.back().map_or(self.forgotten, |change| change.number).saturating_add(1)
    }

    /// The change with this number, if it is kept.
    pub fn change(&self, number: u64) -> Option<&Change> {
        self.changes.iter().find(|change| change.number == number)
    }

    /// Adds a change that made this version of the phone; the oldest ones go where there is no room. Of a change that
    /// would not fit alone only that it was is kept.
    pub fn add(&mut self, hand: Hand, version: u64, altered: Vec<Altered>) {
        let mut change = Change { number: self.next(), hand, version, altered: Some(altered) };
        if change.size() > Self::MOST_BYTES {
            change.altered = None;
        }
        self.changes.push_back(change);
        let mut size: usize = self.changes.iter().map(Change::size).sum();
        while self.changes.len() > Self::MOST || size > Self::MOST_BYTES {
            let Some(oldest) = self.forget_oldest() else { break };
            size -= oldest.size();
        }
    }

    /// Takes the oldest change out, if any is kept. Its number is not used again.
    pub fn forget_oldest(&mut self) -> Option<Change> {
        let oldest = self.changes.pop_front()?;
        self.forgotten = oldest.number;
        Some(oldest)
    }
}
