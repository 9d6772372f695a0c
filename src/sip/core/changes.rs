//! A change to a phone makes it fetch again.

use std::collections::HashMap;
use std::time::Duration;

use super::Core;
use super::tell::fetched;
use crate::brands::Told;
use crate::model::{Event, Mac, Reason};
use crate::sip::orders::Refusal;
use crate::store::EventFilter;

/// How long after the last change to a phone it is told: changes come in bunches.
const QUIET: Duration = Duration::from_secs(2);
/// How long a phone waits that is changed again and again.
const LONGEST: Duration = Duration::from_secs(20);

/// Events that are looked through, at most, when some were missed.
const CATCH_UP: usize = 16_384;

/// Phones whose change is waiting to be told.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<Mac, Change>);

#[derive(Debug, Clone, Copy)]
struct Change {
    first: Duration,
    due: Duration,
}

impl Changes {
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.values().map(|change| change.due).min()
    }

    fn add(&mut self, mac: Mac, now: Duration) {
        let change = self.0.entry(mac).or_insert(Change { first: now, due: now });
        change.due = (now + QUIET).min(change.first + LONGEST).max(now);
    }
}

impl Core {
    /// Something was recorded.
    pub(super) fn hear(&mut self, event: &Event) {
        let Some(mac) = event.mac else { return };
        if let Some(revision) = fetched(event) {
            let revision = revision.to_owned();
            self.saw_fetch(event, mac, &revision);
        }
        match event.reason {
            Reason::PhoneChanged => {
                let now = self.now().monotonic;
                self.changes.add(mac, now);
            }
            Reason::PhoneRemoved => drop(self.changes.0.remove(&mac)),
            _ => {}
        }
    }

    /// Looks through what was recorded faster than it could be heard.
    pub(super) fn catch_up(&mut self) {
        let filter = EventFilter { mac: None, after: Some(self.heard), limit: CATCH_UP };
        let missed = self.parts.store.events(&filter);
        for (sequence, event) in missed.into_iter().rev() {
            self.heard = self.heard.max(sequence);
            self.hear(&event);
        }
    }

    pub(super) fn changes_due(&mut self) {
        let now = self.now().monotonic;
        let due: Vec<Mac> =
            self.changes.0.iter().filter(|(_, change)| change.due <= now).map(|(mac, _)| *mac).collect();
        for mac in due {
            self.changes.0.remove(&mac);
            if !self.wants_to_be_told(mac) {
                continue;
            }
            let outdated = self.parts.store.journey(mac).and_then(|journey| journey.revision);
            if let Err(Refusal::Busy(_)) = self.tell(mac, Told::Resync, outdated) {
                self.changes.add(mac, now);
            }
        }
    }

    /// A phone that never fetched does so soon by itself; and policy may leave changes to the daily look.
    fn wants_to_be_told(&self, mac: Mac) -> bool {
        self.parts.settings.resync_on_change
            && self.parts.store.listed(mac).is_some()
            && self.parts.store.journey(mac).is_some_and(|journey| journey.revision.is_some())
    }
}
