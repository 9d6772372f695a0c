use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use super::floods::Floods;
use super::fold::Fold;
use super::queue::{Queue, hands_out_secret};
use super::strangers::Strangers;
use super::{Live, journey};
use crate::model::{Door, Event, Journey, Mac, Outcome};
use crate::store::{Store, Write};

/// Time between two rounds, at least.
const PACE: Duration = Duration::from_millis(100);
/// How long it may take until it is stored that something happened once more.
const REPEATS: Duration = Duration::from_secs(2);

/// What the journal's thread works with.
pub(super) struct Writer {
    fold: Fold,
    floods: Floods,
    begun: Instant,
    strangers: Strangers,
    store: Store,
    feed: broadcast::Sender<Live>,
    /// Events that were counted once more, and since when that is not stored.
    counted: BTreeMap<u64, Event>,
    since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(fold: Fold, strangers: Strangers, store: Store, feed: broadcast::Sender<Live>) -> Self {
        let (floods, begun) = (Floods::default(), Instant::now());
        Self { fold, floods, begun, strangers, store, feed, counted: BTreeMap::new(), since: None }
    }

    /// Writes down what comes, until the queue is closed and empty.
    pub(super) fn run(mut self, queue: &Queue) {
        let mut next = Instant::now();
        while let Some(events) = queue.take(next, REPEATS) {
            next = Instant::now() + PACE;
            self.round(events);
        }
        self.store_all(BTreeMap::new(), BTreeMap::new());
    }

    fn round(&mut self, events: impl IntoIterator<Item = Event>) {
        let mut new = BTreeMap::new();
        let mut journeys: BTreeMap<Mac, Journey> = BTreeMap::new();
        for event in events {
            if let Some(mac) = event.mac {
                let known = || journeys.get(&mac).cloned().or_else(|| self.store.journey(mac)).unwrap_or_default();
                if let Some(journey) = journey::advance(known(), &event) {
                    journeys.insert(mac, journey);
                }
            }
            let event = if self.anybody_could_cause(&event) && !self.fold.knows(&event) {
                self.floods.tame(event, self.begun.elapsed())
            } else {
                event
            };
            let (sequence, event, is_new) = self.fold.add(event);
            if is_new || new.contains_key(&sequence) {
                new.insert(sequence, event);
            } else {
                let _ = self.feed.send(Live::Event { sequence, event: event.clone() });
                self.counted.insert(sequence, event);
                self.since.get_or_insert_with(Instant::now);
            }
        }
        let overdue = self.since.is_some_and(|since| since.elapsed() >= REPEATS);
        if overdue || !new.is_empty() || !journeys.is_empty() {
            self.store_all(new, journeys);
        }
    }

    /// Whether somebody without a login can have as many different events of this kind as he likes. What phones of the
    /// list achieve, and what is said in their name without an address, is bounded by their number.
    fn anybody_could_cause(&self, event: &Event) -> bool {
        let done = event.address.is_none() || event.reason.outcome() == Outcome::Done;
        let of_the_list = || done && event.mac.is_some_and(|mac| self.store.listed(mac).is_some());
        !matches!(event.door, Door::Admin | Door::Box) && !hands_out_secret(&event.reason) && !of_the_list()
    }

    /// Stores what is new and what was counted, all in one commit, and tells of what is new.
    fn store_all(&mut self, new: BTreeMap<u64, Event>, mut journeys: BTreeMap<Mac, Journey>) {
        let forgotten = self.meet(&mut journeys);
        let counted = std::mem::take(&mut self.counted);
        self.since = None;
        let mut writes = Vec::with_capacity(counted.len() + new.len() + journeys.len() + forgotten.len());
        for (&sequence, event) in counted.iter().chain(&new) {
            writes.push(Write::PutEvent { sequence, event: event.clone() });
        }
        for (&mac, journey) in &journeys {
            writes.push(Write::PutJourney { mac, journey: journey.clone() });
        }
        writes.extend(forgotten.into_iter().map(Write::DeleteJourney));
        if writes.is_empty() {
            return;
        }
        // Waiting here folds a flood into few commits; the queue takes what comes meanwhile.
        if let Err(error) = self.store.commit(writes).wait() {
            tracing::warn!(%error, "events could not be stored");
        }
        for (sequence, event) in new {
            let _ = self.feed.send(Live::Event { sequence, event });
        }
        for (mac, journey) in journeys {
            let _ = self.feed.send(Live::Journey { mac, journey });
        }
    }

    /// Notes whose journeys went on. Whose are to be forgotten for it; those are taken out.
    fn meet(&mut self, journeys: &mut BTreeMap<Mac, Journey>) -> Vec<Mac> {
        for mac in journeys.keys().filter(|mac| self.store.listed(**mac).is_none()) {
            self.strangers.met(*mac);
        }
        let too_many = std::iter::from_fn(|| self.strangers.too_many());
        // Somebody who was listed meanwhile is a stranger no more.
        let forgotten: Vec<_> = too_many.filter(|mac| self.store.listed(*mac).is_none()).collect();
        for mac in &forgotten {
            journeys.remove(mac);
        }
        forgotten
    }
}
