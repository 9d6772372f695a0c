//! Room for what was changed of phones, bounded for all of them together. PURE.

use std::collections::{BTreeSet, HashMap};

use super::record::Place;
use super::stored::HistoryHead;
use crate::model::Timestamp;

/// How large each history is, and which holds the oldest change.
#[derive(Debug, Default)]
pub(super) struct Histories {
    known: HashMap<Place, HistoryHead>,
    ages: BTreeSet<(Timestamp, Place)>,
    bytes: usize,
}

impl Histories {
    /// Takes over what became of a history; none where it is gone.
    pub(super) fn put(&mut self, place: &Place, head: Option<HistoryHead>) {
        if let Some(old) = self.known.remove(place) {
            self.bytes = self.bytes.saturating_sub(old.bytes);
            if let Some(at) = old.oldest {
                self.ages.remove(&(at, place.clone()));
            }
        }
        let Some(head) = head else { return };
        self.bytes += head.bytes;
        if let Some(at) = head.oldest {
            self.ages.insert((at, place.clone()));
        }
        self.known.insert(place.clone(), head);
    }

    fn bytes_of(&self, place: &Place) -> usize {
        self.known.get(place).map_or(0, |head| head.bytes)
    }
}

/// The histories as they will be: what is stored, under what is about to be.
#[derive(Debug)]
pub(super) struct Coming<'a> {
    stored: &'a Histories,
    own: Histories,
    /// Those of which `own` knows better, gone ones too.
    touched: HashMap<Place, usize>,
}

impl<'a> Coming<'a> {
    pub(super) fn over(stored: &'a Histories) -> Self {
        Self { stored, own: Histories::default(), touched: HashMap::new() }
    }

    /// What is to become of a history; none where it is to go.
    pub(super) fn put(&mut self, place: &Place, head: Option<HistoryHead>) {
        self.touched.entry(place.clone()).or_insert_with(|| self.stored.bytes_of(place));
        self.own.put(place, head);
    }

    /// Whether anything is about to change.
    pub(super) fn has_more(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> usize {
        let replaced: usize = self.touched.values().sum();
        self.stored.bytes.saturating_sub(replaced) + self.own.bytes
    }

    /// The one that holds the oldest change, if any holds one.
    pub(super) fn oldest(&self) -> Option<&Place> {
        let stored = self.stored.ages.iter().find(|(_, place)| !self.touched.contains_key(place));
        let own = self.own.ages.first();
        stored.into_iter().chain(own).min().map(|(_, place)| place)
    }
}
