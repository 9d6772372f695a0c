//! Repeats within a minute are one event with a count.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::Event;

/// How long after its first time an event may be counted once more.
const WINDOW: Duration = Duration::from_secs(60);
/// Events that are looked through for a repeat. A flood of different events pushes old ones out: they are then
/// stored anew, which is only less tidy.
const LOOK_BACK: usize = 256;

/// Whether `event` is only `earlier` once more. After the clock was set back none is: it would stand hours ahead.
pub(super) fn is_once_more(earlier: &Event, event: &Event) -> bool {
    earlier.repeats(event) && event.at >= earlier.at && event.at.since(earlier.at) < WINDOW
}

/// Gives each event its place in the journal.
pub(super) struct Fold {
    next: u64,
    recent: VecDeque<(u64, Event)>,
}

impl Fold {
    pub(super) fn starting_at(next: u64) -> Self {
        Self { next, recent: VecDeque::with_capacity(LOOK_BACK) }
    }

    /// Whether `event` is one of those of the last minute once more.
    pub(super) fn knows(&self, event: &Event) -> bool {
        self.recent.iter().rev().any(|(_, earlier)| is_once_more(earlier, event))
    }

    /// The place of `event` and what stands there now: `event` itself, or its first time counted once more. The last
    /// value says whether the place is new.
    pub(super) fn add(&mut self, event: Event) -> (u64, Event, bool) {
        let repeated = |(_, earlier): &&mut (u64, Event)| is_once_more(earlier, &event);
        if let Some((sequence, earlier)) = self.recent.iter_mut().rev().find(repeated) {
            earlier.count = earlier.count.saturating_add(event.count);
            earlier.last = event.last;
            return (*sequence, earlier.clone(), false);
        }
        if self.recent.len() == LOOK_BACK {
            self.recent.pop_front();
        }
        let sequence = self.next;
        self.next += 1;
        self.recent.push_back((sequence, event.clone()));
        (sequence, event, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, Reason, Timestamp};

    fn knock(seconds: i64, file: &str) -> Event {
        Event::new(Timestamp::from_secs(seconds), Door::Https, Reason::WrongCredentials).for_file(file)
    }

    #[test]
    fn repeats_within_a_minute_are_counted() {
        let mut fold = Fold::starting_at(7);
        assert_eq!(fold.add(knock(0, "a.cfg")).0, 7);
        assert_eq!(fold.add(knock(1, "b.cfg")).0, 8);
        let (sequence, event, new) = fold.add(knock(59, "a.cfg"));
        assert!(!new);
        assert_eq!((sequence, event.count, event.at.secs(), event.last.secs()), (7, 2, 0, 59));
        assert_eq!(fold.add(knock(60, "a.cfg")).0, 9);
        assert_eq!(fold.add(knock(61, "a.cfg")).1.count, 2);
        let many = Event { count: 5, last: Timestamp::from_secs(63), ..knock(62, "a.cfg") };
        let (sequence, event, _) = fold.add(many);
        assert_eq!((sequence, event.count, event.last.secs()), (9, 7, 63), "counted on the way");
    }

    #[test]
    fn what_happens_after_the_clock_was_set_back_has_a_place_of_its_own() {
        let mut fold = Fold::starting_at(7);
        assert_eq!(fold.add(knock(3600, "a.cfg")).0, 7);
        let (sequence, event, new) = fold.add(knock(0, "a.cfg"));
        assert_eq!((sequence, event.count, event.at.secs(), new), (8, 1, 0, true));
        assert_eq!(fold.add(knock(1, "a.cfg")).0, 8, "and repeats are counted there");
    }

    #[test]
    fn a_flood_of_different_events_takes_bounded_room() {
        let mut fold = Fold::starting_at(0);
        for n in 0..10_000 {
            fold.add(knock(0, &format!("{n}.cfg")));
        }
        assert_eq!(fold.recent.len(), LOOK_BACK);
        assert_eq!(fold.add(knock(0, "9999.cfg")).1.count, 2);
    }
}
