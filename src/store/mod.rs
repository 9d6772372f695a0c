//! What the box remembers: one writer thread over a database, and a view of it in memory.
//!
//! ```text
//!  doors ── commit(writes) ──► queue ──► writer thread ── batch ── flush ── fdatasync ──► tickets answered in order
//!    ▲                                        │                                  │
//!    └───────────── reads ◄──── view ◄────────┴── after it is durable            └─► snapshots, by a thread of its own
//! ```
//!
//! Whatever waits when the writer comes round becomes one batch: many commits, one sync. A ticket is answered when its
//! commit is on the disk for good, and readers see a commit only then. All records are in one tree of the database,
//! told apart by the first byte of their key, because a batch on one tree is atomic and a batch over many is not.
//!
//! Under the data directory stand `key` and `store/`: `lock`, `database-<n>/`, two snapshots of each part that take
//! turns, and `damaged/`, the last database that had to be given up. Each batch carries a generation, and each snapshot
//! the generation that it was taken of: a database that is older than a snapshot was rolled back by its disk, and
//! is restored just as one that does not open. A file `laid` says that the snapshots are those of a backup.
//!
//! When the disk is full or can only be read, reads go on and writes are refused. After a write that failed in mid-air
//! the database is not trusted any more: it is built anew from the view once the disk takes it.

mod copied;
mod database;
mod error;
mod histories;
mod keeper;
pub mod key;
mod levels;
mod opened;
mod read;
mod record;
mod recovery;
mod replica;
mod roster;
#[cfg(test)]
pub(crate) mod samples;
mod schema;
mod shared;
mod snapshot;
mod stage;
mod stored;
#[cfg(test)]
mod tests;
mod view;
mod write;
mod writer;

use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use nix::fcntl::{Flock, FlockArg};
use tokio::sync::{broadcast, watch};

pub use copied::{Copied, CopiedFacts};
pub use database::Disk;
pub use error::Error;
pub use key::Key;
pub use levels::Levels;
pub use read::{EventFilter, Listed, LoginOwner};
pub use roster::Roster;
pub use shared::{Altered, Hindrance, Limits, Refusal};
pub use write::{Ticket, Write};

use crate::model::Reason;
use crate::sys::clock::Clock;
use crate::sys::files;
use record::{Part, Place};
use shared::Shared;
use snapshot::Slots;
use view::View;
use writer::{Message, Writer};

/// Name of the directory of the store in the data directory.
const STORE_DIRECTORY: &str = "store";
/// Name of the setting that says for how many seconds the box has run since the store was put back from snapshots. As
/// long as it is there, what was newer than those may still be missed.
pub const GAPS: &str = "store.gaps";

/// What a store is opened with.
#[derive(Debug)]
pub struct Options {
    /// The data directory; made when it is not there.
    pub directory: PathBuf,
    /// The key of the secrets.
    pub key: Key,
    /// The clock. Its floor is raised to the last trusted time that was stored.
    pub clock: Clock,
    /// What the disk is like.
    pub disk: Disk,
}

/// What opening the store had to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The database was broken, older than it had been, or gone, and is back from a snapshot: what is to be told of it.
    /// One that was made of a backup is what somebody wanted, and nothing is told. What is newer than the snapshots is
    /// missing in either case ([`Store::gaps`]).
    pub restored: Option<Reason>,
}

/// A handle of the store. Clones are cheap and share it.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<Link>,
}

/// The way to the writer thread.
#[derive(Debug)]
struct Link {
    queue: SyncSender<Message>,
    life: watch::Receiver<Life>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Running,
    Closed,
    Failed,
}

impl Store {
    /// Opens the store, or makes it, or restores it from its snapshots.
    ///
    /// # Errors
    /// When another process has it, the disk has too little room, a newer program wrote it, the key is another one, it
    /// is damaged and no snapshot is whole, or the operating system refuses.
    pub fn open(options: Options) -> Result<(Self, Opened), Error> {
        Self::open_within(options, Limits::default())
    }

    /// Opens the store with bounds other than the usual ones.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_within(options: Options, limits: Limits) -> Result<(Self, Opened), Error> {
        let Options { directory, key, clock, disk } = options;
        let directory = directory.join(STORE_DIRECTORY);
        files::create_private_directory(&directory).map_err(|e| Error::io("making", &directory, &e))?;
        let lock = lock(&directory.join("lock"))?;
        let found = recovery::recover(&directory, &key, disk, &limits)?;
        clock.raise_floor(found.stamp.time);

        let view = load(&directory, &found)?;
        let shared = Shared::new(
            view,
            found.restored.clone(),
            (key, clock, limits),
            (found.stamp.schema, found.stamp.check.clone()),
        );
        let shared = Arc::new(shared);
        let keeper = start_keeper(&shared, &directory, (found.documents, found.leases), found.saved)?;

        let (queue, inbox) = sync_channel(shared.limits.queue.max(1));
        let (birth, life) = watch::channel(Life::Running);
        let writer = Writer {
            inbox,
            shared: shared.clone(),
            keeper,
            database: Some(found.database),
            stamp: found.stamp,
            number: found.number,
            former: None,
            directory,
            disk,
            looked: None,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let ending = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.run()));
                drop(lock);
                if let Ok(Err(error)) = &ending {
                    tracing::error!(%error, "the store failed");
                }
                birth.send_replace(if matches!(ending, Ok(Ok(()))) { Life::Closed } else { Life::Failed });
            })
            .map_err(|e| Error::Io { doing: "starting the writer thread".into(), what: e.to_string() })?;
        let writer = Arc::new(Link { queue, life, thread: Mutex::new(Some(thread)) });
        Ok((Self { shared, writer }, Opened { restored: found.restored }))
    }

    /// Hands writes over to be stored together or not at all. Never blocks: a full queue refuses with
    /// [`Error::Busy`].
    pub fn commit(&self, writes: Vec<Write>) -> Ticket {
        let (answer, ticket) = Ticket::new();
        match self.writer.queue.try_send(Message::Commit(writes, answer)) {
            Ok(()) => ticket,
            Err(TrySendError::Full(_)) => Ticket::refused(Error::Busy),
            Err(TrySendError::Disconnected(_)) => Ticket::refused(Error::Closed),
        }
    }

    /// Stores what was committed before, takes the snapshots that are due, and ends. Blocks until that is done; what
    /// is committed later is refused.
    pub fn close(&self) {
        let thread = self.writer.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A writer that died needs no telling.
        let _ = self.writer.queue.send(Message::Close);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }

    /// The last time in which the disk took nothing, if there was any since the store was opened, to be watched.
    pub fn refusal(&self) -> watch::Receiver<Option<Refusal>> {
        self.shared.refusal.subscribe()
    }

    /// Says from now on which documents were stored that hold settings of many phones.
    pub fn altered(&self) -> broadcast::Receiver<Altered> {
        self.shared.altered.subscribe()
    }

    /// Resolves when the writer died, and never when it was closed. The process must end then, with exit code 70:
    /// what the database holds is not certain any more, and opening it again finds out.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut life = self.writer.life.clone();
        async move {
            let ended = life.wait_for(|life| *life != Life::Running).await.map(|life| *life);
            if ended.is_ok_and(|life| life == Life::Closed) {
                std::future::pending().await
            }
        }
    }
}

fn lock(path: &Path) -> Result<Flock<File>, Error> {
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(|e| Error::io("opening", path, &e))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match io::Error::from(errno) {
        error if error.kind() == io::ErrorKind::WouldBlock => Error::InUseElsewhere { path: path.into() },
        error => Error::io("locking", path, &error),
    })
}

/// The view of what was found.
fn load(directory: &Path, found: &recovery::Recovered) -> Result<View, Error> {
    let mut view = View::default();
    view.generation = found.stamp.generation;
    view.skip_events(found.next_event);
    for (key, bytes) in &found.records {
        let place = Place::from_key(key).ok_or_else(|| Error::Damaged {
            path: directory.into(),
            what: "a record has a key of no known kind".into(),
        })?;
        view.apply((place, Some(bytes.clone())))?;
    }
    Ok(view)
}

/// Starts taking snapshots. The first one of the documents is taken at once when there is none, so that there is a
/// way back from the first moment on. What changed after the newest snapshot is saved now and not in time: a box that
/// loses its power a few seconds after each start gets its snapshots, too.
fn start_keeper(
    shared: &Arc<Shared>,
    directory: &Path,
    (mut documents, leases): (Slots, Slots),
    (mut saved_documents, saved_leases): (u64, u64),
) -> Result<keeper::Keeper, Error> {
    let generation = shared.view().generation;
    if documents.is_empty() {
        keeper::save(shared, Part::Documents, &mut documents)
            .map_err(|e| Error::io("writing a snapshot in", directory, &e))?;
        saved_documents = generation;
    }
    let keeper = keeper::Keeper::start(shared.clone(), documents, leases)?;
    for (part, saved) in [(Part::Documents, saved_documents), (Part::Leases, saved_leases)] {
        if saved < generation {
            keeper.overdue(part);
        }
    }
    Ok(keeper)
}
