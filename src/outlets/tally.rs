//! PURE. What of the journal's feed is told first, and how often it happened since it was told before.

use std::collections::BTreeMap;

/// The events of the feed. Each comes once for the first time, in the order of their sequences, and then again with its
/// count so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<u64, u32>,
    latest: Option<u64>,
}

/// What a message of the feed says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whether nobody was told of the event before. It may have happened several times until it is told.
    pub(super) first: bool,
    /// How often it happened since the message before.
    pub(super) times: u32,
}

impl Tally {
    /// Events whose count is known. A repeat of one that is forgotten counts as one.
    const MOST: usize = 4096;

    pub(super) fn take(&mut self, sequence: u64, count: u32) -> Told {
        let first = self.latest.is_none_or(|latest| sequence > latest);
        let before = self.counts.insert(sequence, count);
        if self.counts.len() > Self::MOST {
            self.counts.pop_first();
        }
        if first {
            self.latest = Some(sequence);
            return Told { first, times: count };
        }
        Told { first, times: before.map_or(1, |before| count.saturating_sub(before)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_several_times_before_it_was_told_is_told_once() {
        let mut tally = Tally::default();
        for (sequence, count, first, times) in
            [(7, 1, true, 1), (7, 2, false, 1), (8, 40, true, 40), (7, 5, false, 3), (8, 41, false, 1), (9, 1, true, 1)]
        {
            assert_eq!(tally.take(sequence, count), Told { first, times }, "{sequence}, {count}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut tally = Tally::default();
        for sequence in 0..10_000 {
            assert_eq!(tally.take(sequence, 2), Told { first: true, times: 2 });
        }
        assert_eq!(tally.counts.len(), Tally::MOST);
        assert_eq!(tally.take(1, 9), Told { first: false, times: 1 });
    }
}
