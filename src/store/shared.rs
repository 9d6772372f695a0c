use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use super::key::Key;
use super::opened::Opened;
use super::view::View;
use crate::model::{Id, Reason, Timestamp};
use crate::sys::clock::Clock;

/// Bounds of the store. The defaults are right for a box; tests and benchmarks choose others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Events that are kept; the oldest ones give way.
    pub events: usize,
    /// Bytes that what was changed of all phones may take together; the oldest changes give way.
    pub histories: usize,
    /// Commits that may wait for the writer. One more is refused with [`Error::Busy`](super::Error::Busy).
    pub queue: usize,
    /// Time within which a changed document is in a snapshot.
    pub documents_saved_within: Duration,
    /// Time within which a changed lease or journey is in a snapshot.
    pub leases_saved_within: Duration,
    /// Bytes that must be free on the disk to open the store, or to build the database anew.
    pub room_to_open: u64,
    /// Bytes that are left free: below, writes are refused, so that the database never meets a full disk by itself.
    pub room_to_write: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 20_000,
            histories: 16 << 20,
            queue: 4096,
            documents_saved_within: Duration::from_secs(5),
            leases_saved_within: Duration::from_secs(600),
            room_to_open: 32 << 20,
            room_to_write: 16 << 20,
        }
    }
}

/// News of settings that a slow listener may lag behind before it misses some.
const NEWS: usize = 64;

/// Why the disk takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// It is full.
    Full,
    /// It can only be read.
    ReadOnly,
}

/// A time in which the disk took nothing and nothing could be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Hindrance,
    /// When the first write was refused.
    pub since: Timestamp,
    /// When it took something again; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// A document was stored that holds settings of many phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Altered {
    /// This organisation.
    Organisation(Id),
    /// This group.
    Group(Id),
}

/// What handles, writer and snapshots share.
#[derive(Debug)]
pub(super) struct Shared {
    view: RwLock<View>,
    pub(super) opened: Opened,
    restored: Option<Reason>,
    /// The last one, if there was any since the store was opened.
    pub(super) refusal: watch::Sender<Option<Refusal>>,
    /// Whether a start from this disk would find too little room.
    tight: AtomicBool,
    /// Where settings of many phones changed.
    pub(super) altered: broadcast::Sender<Altered>,
    pub(super) key: Key,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    /// Number of the schema of all records.
    pub(super) schema: u32,
    /// A text sealed with the key.
    pub(super) check: String,
}

impl Shared {
    pub(super) fn new(
        view: View,
        restored: Option<Reason>,
        (key, clock, limits): (Key, Clock, Limits),
        (schema, check): (u32, String),
    ) -> Self {
        let refusal = watch::Sender::new(None);
        let (view, opened) = (RwLock::new(view), Opened::default());
        let (altered, _) = broadcast::channel(NEWS);
        let tight = AtomicBool::new(false);
        Self { view, opened, restored, refusal, tight, altered, key, clock, limits, schema, check }
    }

    /// What is stored. Not to be asked for while one is held: a commit that waits in between would wait for ever, and all
    /// others with it.
    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what keeps the disk from taking anything, if something does; returns whether that is news.
    pub(super) fn set_hindrance(&self, why: Option<Hindrance>) -> bool {
        if self.hindrance() == why {
            return false;
        }
        let now = self.clock.now().wall;
        self.refusal.send_modify(|refusal| match (refusal, why) {
            (Some(refusal), None) => refusal.until = Some(now),
            (Some(refusal @ Refusal { until: None, .. }), Some(why)) => refusal.why = why,
            (refusal, why) => *refusal = why.map(|why| Refusal { why, since: now, until: None }),
        });
        true
    }

    /// What kept the disk from taking anything when it was last written to.
    pub(super) fn hindrance(&self) -> Option<Hindrance> {
        self.refusal.borrow().filter(|refusal| refusal.until.is_none()).map(|refusal| refusal.why)
    }

    /// Says whether a start from this disk would find too little room.
    pub(super) fn set_tight(&self, tight: bool) {
        if self.tight.swap(tight, Ordering::Relaxed) != tight && tight {
            tracing::error!("there is too little room on the disk for another start");
        }
    }

    /// What is wrong with the store at present.
    pub(super) fn alarms(&self) -> Vec<Reason> {
        let hindered = self.hindrance().map(|why| match why {
            Hindrance::Full => Reason::DiskFull,
            Hindrance::ReadOnly => Reason::DiskReadOnly,
        });
        let hindered = hindered.or_else(|| self.tight.load(Ordering::Relaxed).then_some(Reason::DiskTight));
        hindered.into_iter().chain(self.restored.clone()).collect()
    }
}
