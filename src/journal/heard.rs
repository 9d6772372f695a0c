//! How far a listener of the live feed has heard, and what it missed.

use crate::model::Event;
use crate::store::{EventFilter, Store};

/// Events that are looked through, at most, when some were missed.
const CATCH_UP: usize = 16_384;

/// How far a listener has heard.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    newest: u64,
    /// The newest that was looked up.
    caught_up: u64,
}

impl Heard {
    /// Of somebody who listens from now on.
    pub fn from_now(store: &Store) -> Self {
        Self { newest: store.next_event_sequence().saturating_sub(1), caught_up: 0 }
    }

    /// Whether what the feed brings is news: what was looked up is none, unless it happened once more.
    pub fn is_news(&mut self, sequence: u64, event: &Event) -> bool {
        self.newest = self.newest.max(sequence);
        sequence > self.caught_up || event.count > 1
    }

    /// What was recorded faster than it could be heard, the oldest first; of very much, the newest.
    pub fn missed(&mut self, store: &Store) -> Vec<Event> {
        let filter = EventFilter { mac: None, after: Some(self.newest), limit: CATCH_UP };
        let found = store.events(&filter);
        self.newest = found.first().map_or(self.newest, |(sequence, _)| *sequence);
        self.caught_up = self.newest;
        found.into_iter().rev().map(|(_, event)| event).collect()
    }
}
