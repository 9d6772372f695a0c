//! What happened: events with reasons, phones' journeys, and the live feed of both.
//!
//! Any part records an event and goes on; it is never held up. One thread folds repeats together, moves the
//! journeys on, hands both to the store and tells whoever listens.

mod fold;
mod journey;
mod strangers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::broadcast;

use self::fold::Fold;
use self::strangers::Strangers;
use crate::model::{Event, Journey, Mac, Reason};
use crate::store::{Store, Write};

/// Events that wait for the journal's thread, at most. The last quarter is kept for hand-outs of secrets.
const QUEUE: usize = 8192;
/// Events that one commit stores, at most: what a flood leaves in memory while it is stored.
const MOST_AT_ONCE: usize = 1024;
/// Events that a slow listener may lag behind before it misses some.
const FEED: usize = 1024;

/// Where everything that happens is recorded. Clones write to the same journal.
#[derive(Clone)]
pub struct Journal {
    queue: Arc<Queue>,
    feed: broadcast::Sender<Live>,
}

/// News from the journal.
#[derive(Debug, Clone)]
pub enum Live {
    /// An event, new or counted once more.
    Event {
        /// Its place in the journal.
        sequence: u64,
        /// The event.
        event: Event,
    },
    /// A phone's lights changed.
    Journey {
        /// The phone.
        mac: Mac,
        /// All of its lights.
        journey: Journey,
    },
}

/// Ends the journal's thread when the box goes down.
pub struct Running {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    arrived: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct QueueState {
    waiting: VecDeque<Event>,
    closed: bool,
}

impl Journal {
    /// Opens the journal over `store` and starts its thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(store: Store) -> std::io::Result<(Self, Running)> {
        let queue = Arc::new(Queue::default());
        let (feed, _) = broadcast::channel(FEED);
        let unlisted = store.journeys().into_iter().filter(|mac| store.listed(*mac).is_none());
        let strangers = Strangers::known(unlisted);
        let fold = Fold::starting_at(store.next_event_sequence());
        let writer = Writer { fold, strangers, store, feed: feed.clone() };
        let thread = thread::Builder::new().name("journal".into()).spawn({
            let queue = queue.clone();
            move || writer.run(&queue)
        })?;
        Ok((Self { queue: queue.clone(), feed }, Running { queue, thread }))
    }

    /// Records an event. Never waits: when the queue is full the event is dropped and counted.
    pub fn record(&self, event: Event) {
        let limit = if hands_out_secret(&event.reason) { QUEUE } else { QUEUE / 4 * 3 };
        let mut state = self.queue.lock();
        if state.waiting.len() < limit && !state.closed {
            state.waiting.push_back(event);
            self.queue.arrived.notify_one();
        } else {
            self.queue.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything that is recorded from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.feed.subscribe()
    }

    /// How many events were lost because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }
}

impl Running {
    /// Hands what was recorded to the store, then ends the thread.
    pub fn close(self) {
        self.queue.lock().closed = true;
        self.queue.arrived.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the journal's thread had died");
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for events; none when the journal is closed and empty.
    fn take(&self) -> Option<VecDeque<Event>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.arrived.wait_timeout(state, Duration::from_secs(1)).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.waiting.len() > MOST_AT_ONCE {
            return Some(state.waiting.drain(..MOST_AT_ONCE).collect());
        }
        Some(std::mem::take(&mut state.waiting))
    }
}

struct Writer {
    fold: Fold,
    strangers: Strangers,
    store: Store,
    feed: broadcast::Sender<Live>,
}

impl Writer {
    fn run(mut self, queue: &Queue) {
        while let Some(events) = queue.take() {
            let mut changed = BTreeMap::new();
            let mut journeys: BTreeMap<Mac, Journey> = BTreeMap::new();
            for event in events {
                if let Some(mac) = event.mac {
                    let known = || journeys.get(&mac).cloned().or_else(|| self.store.journey(mac)).unwrap_or_default();
                    if let Some(journey) = journey::advance(known(), &event) {
                        journeys.insert(mac, journey);
                    }
                }
                let (sequence, event) = self.fold.add(event);
                changed.insert(sequence, event);
            }
            let forgotten = self.meet(&mut journeys);
            let mut writes = Vec::with_capacity(changed.len() + journeys.len() + forgotten.len());
            for (&sequence, event) in &changed {
                writes.push(Write::PutEvent { sequence, event: event.clone() });
            }
            for (&mac, journey) in &journeys {
                writes.push(Write::PutJourney { mac, journey: journey.clone() });
            }
            writes.extend(forgotten.into_iter().map(Write::DeleteJourney));
            // Waiting here folds a flood into few commits; the queue takes what comes meanwhile.
            if let Err(error) = self.store.commit(writes).wait() {
                tracing::warn!(%error, "events could not be stored");
            }
            for (sequence, event) in changed {
                let _ = self.feed.send(Live::Event { sequence, event });
            }
            for (mac, journey) in journeys {
                let _ = self.feed.send(Live::Journey { mac, journey });
            }
        }
    }
}

impl Writer {
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

fn hands_out_secret(reason: &Reason) -> bool {
    matches!(reason, Reason::FirstContactGiven | Reason::Success { own_file: true, .. })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::{Door, Timestamp};
    use crate::store::{Disk, Key, Options, samples};
    use crate::sys::clock::Clock;

    fn lease_for(mac: Mac) -> Event {
        let reason = Reason::Leased { network: "office".into(), address: Ipv4Addr::new(10, 66, 0, 9) };
        Event::new(Timestamp::from_secs(1), Door::Dhcp, reason).about(mac)
    }

    #[test]
    fn a_flood_of_strangers_leaves_few_journeys_and_those_of_the_list() {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            directory: directory.path().into(),
            key: Key::new(&[7; 32]),
            clock: Clock::new(Timestamp::default()),
            disk: Disk::default(),
        };
        let (store, _) = Store::open(options).unwrap();
        let phone = samples::phone(1, 1);
        let organisation = Write::PutOrganisation { organisation: samples::organisation(1), expect: None };
        let listed = phone.mac;
        store.commit(vec![organisation, Write::PutPhone { phone, expect: None }]).wait().unwrap();
        let stranger = |number: u16| {
            let [high, low] = number.to_be_bytes();
            Mac::new([2, 0, 0, 0, high, low])
        };
        // The second time with what the first left behind.
        for run in 0..2_u16 {
            let (journal, running) = Journal::open(store.clone()).unwrap();
            journal.record(lease_for(listed));
            for number in 0..1500 {
                journal.record(lease_for(stranger(run * 1500 + number)));
            }
            running.close();
            assert_eq!(store.journeys().len(), 1001);
            assert!(store.journey(listed).is_some());
            assert!(store.journey(stranger(run * 1500 + 1499)).is_some());
            assert!(store.journey(stranger(run * 1500)).is_none());
        }
    }
}
