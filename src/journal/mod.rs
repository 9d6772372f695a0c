//! What happened: events with reasons, phones' journeys, and the live feed of both.
//!
//! Any part records an event and goes on; it is never held up. One thread folds repeats together, moves the
//! journeys on, hands both to the store and tells whoever listens.
//!
//! However much happens, the thread comes round ten times a second at most. What is new is stored then; that something
//! happened once more is stored along with it, or after two seconds: a phone that asks again and again costs no sync of
//! the disk each time. Of a source that sends ever different things most are only counted (`floods`), so that it cannot
//! push out of the record what happened before.

mod floods;
mod fold;
mod heard;
mod journey;
mod queue;
mod strangers;
mod writer;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::broadcast;

pub use self::heard::Heard;

use self::fold::Fold;
use self::queue::Queue;
use self::strangers::Strangers;
use self::writer::Writer;
use crate::model::{Event, Journey, Mac};
use crate::store::Store;

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
        let writer = Writer::new(fold, strangers, store, feed.clone());
        let thread = thread::Builder::new().name("journal".into()).spawn({
            let queue = queue.clone();
            move || writer.run(&queue)
        })?;
        Ok((Self { queue: queue.clone(), feed }, Running { queue, thread }))
    }

    /// Records an event. Never waits: when the queue is full the event is dropped and counted.
    pub fn record(&self, event: Event) {
        self.queue.push(event);
    }

    /// Everything that is recorded from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Live> {
        self.feed.subscribe()
    }

    /// How many events were lost because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.queue.dropped()
    }
}

impl Running {
    /// Hands what was recorded to the store, then ends the thread.
    pub fn close(self) {
        self.queue.close();
        if self.thread.join().is_err() {
            tracing::error!("the journal's thread had died");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::model::{Door, Reason, Timestamp};
    use crate::store::{Write, samples};
    use crate::sys::clock::Clock;

    fn lease_for(mac: Mac) -> Event {
        let reason = Reason::Leased { network: "office".into(), address: Ipv4Addr::new(10, 66, 0, 9) };
        Event::new(Timestamp::from_secs(1), Door::Dhcp, reason).about(mac)
    }

    #[test]
    fn a_flood_of_strangers_leaves_few_journeys_and_those_of_the_list() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(samples::options(directory.path(), Clock::new(Timestamp::default()))).unwrap();
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
