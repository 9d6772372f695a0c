//! The database on the disk: the only file that knows sled.
//!
//! sled 0.34.7 is good at what it does here, within rules. `flush` writes and does not sync, so each batch is followed
//! by `fdatasync` on its one data file. Opening changes what it opens, so it is given copies (see `replica`). Values
//! that make a page of more than 128 KiB would go to files of their own that nobody syncs, so longer values are
//! stored in pieces. Whoever waits for a write that fails may be forgotten, so somebody asks after it (`Reminder`).
//! After a failed write nothing is certain any more: the caller must drop the database and build it anew from what is
//! known to be good.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::is_full;
use super::record::{Bytes, Change, Place};
use crate::model::Timestamp;
use crate::sys::files;

/// Bytes of a value that stand in one record. A leaf of sled holds some 17 records, so that it stays a page.
const PIECE: usize = 4096;
/// All that is stored is in memory already, as the view has it: a larger cache made nothing faster.
const CACHE: u64 = 2 << 20;
const SYNC_EVERY_MS: u64 = 1000;

/// Time until a lock that an earlier handle left behind must be gone, and between two tries.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_RETRY: Duration = Duration::from_millis(2);

/// Time between two looks whether a batch is being written.
const REMINDED_EACH: Duration = Duration::from_secs(1);

/// What the disk of the store is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disk {
    /// Time that each sync takes in addition to what it takes by itself. Zero in a box; in tests and benchmarks it
    /// stands in for slow flash on a machine with a fast disk.
    pub sync_delay: Duration,
}

/// What the database is and how far it got; stored with each batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Number of the schema of all records.
    pub(super) schema: u32,
    /// Counts the batches.
    pub(super) generation: u64,
    /// The last time that was known to be right.
    pub(super) time: Timestamp,
    /// A text sealed with the key in use, to tell a wrong key from a damaged record.
    pub(super) check: String,
}

/// All records of a database, in the order of their keys.
pub(super) type Records = BTreeMap<Vec<u8>, Bytes>;

/// Why the database cannot be used.
#[derive(Debug)]
pub(super) enum Fault {
    /// There is no room for it.
    Full,
    /// It is not what it was when it was written.
    Damaged(String),
    /// The operating system refused.
    Io(io::Error),
}

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    db: Arc<sled::Db>,
    reminder: Reminder,
    data: File,
    disk: Disk,
    /// Values of more than one piece, and how many.
    pieces: HashMap<Vec<u8>, u8>,
}

impl Database {
    /// Opens the database in `directory`, with all that is in it.
    pub(super) fn open(directory: &Path, disk: Disk) -> Result<(Self, Stamp, Records), Fault> {
        let (mut database, mut records) = guarded(|| {
            let mut database = Self::open_bare(directory, disk)?;
            let records = database.read()?;
            Ok((database, records))
        })?;
        let stamp = records.remove(&Place::Stamp.to_key()).ok_or_else(|| Fault::Damaged("it has no stamp".into()))?;
        let stamp = serde_json::from_slice(&stamp).map_err(|_| Fault::Damaged("its stamp cannot be read".into()))?;
        database.pieces.shrink_to_fit();
        Ok((database, stamp, records))
    }

    /// Makes a database of these records in `directory`, which must not exist: it is there whole or not at all.
    pub(super) fn create<'r>(
        directory: &Path,
        disk: Disk,
        stamp: &Stamp,
        records: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<Self, Fault> {
        let beside = beside(directory);
        remove_directory(&beside)?;
        Self::fill(&beside, disk, stamp, records).inspect_err(|_| {
            // What is there of it takes the room that the next one needs.
            let _ = remove_directory(&beside);
        })?;
        std::fs::rename(&beside, directory)?;
        files::sync_directory(directory.parent().unwrap_or(directory))?;
        // Opened again under its final name: sled keeps the path that it was opened with.
        guarded(|| {
            let mut database = Self::open_bare(directory, disk)?;
            database.read()?;
            Ok(database)
        })
    }

    fn fill<'r>(
        beside: &Path,
        disk: Disk,
        stamp: &Stamp,
        records: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    ) -> Result<(), Fault> {
        guarded(|| {
            let mut database = Self::open_bare(beside, disk)?;
            let mut batch = sled::Batch::default();
            for (count, (key, value)) in records.enumerate() {
                database.put(&mut batch, key, Some(value));
                if count % 1000 == 999 {
                    database.write(std::mem::take(&mut batch))?;
                }
            }
            database.put(&mut batch, &Place::Stamp.to_key(), Some(&encode(stamp)));
            database.write(batch)
        })?;
        for name in ["db", "conf"] {
            File::open(beside.join(name))?.sync_all()?;
        }
        for made in [beside.join("blobs").as_path(), beside] {
            files::sync_directory(made)?;
        }
        Ok(())
    }

    fn open_bare(directory: &Path, disk: Disk) -> Result<Self, Fault> {
        let config = sled::Config::new()
            .path(directory)
            .cache_capacity(CACHE)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(Some(SYNC_EVERY_MS));
        let begin = Instant::now();
        let db = loop {
            match config.open() {
                // A database that was dropped just now may keep its lock until a thread of the engine comes round. No
                // other process has it: that is what the lock of the store is for.
                Err(error) if is_locked(&error) && begin.elapsed() < LOCK_PATIENCE => thread::sleep(LOCK_RETRY),
                opened => break opened?,
            }
        };
        // The engine has written a snapshot of its own, and will rely on it: its name must be durable first.
        files::sync_directory(directory)?;
        let data = File::options().write(true).open(directory.join("db"))?;
        let db = Arc::new(db);
        Ok(Self { reminder: Reminder::of(&db), db, data, disk, pieces: HashMap::new() })
    }

    fn read(&mut self) -> Result<Records, Fault> {
        let mut records = Records::new();
        let mut value: Vec<u8> = Vec::new();
        let mut open: Option<(Vec<u8>, u8)> = None;
        for record in self.db.iter() {
            let (key, bytes) = record?;
            let (&piece, key) = key.split_last().ok_or_else(|| Fault::Damaged("a record has no key".into()))?;
            match &mut open {
                Some((last_key, last)) if last_key == key && Some(piece) == last.checked_add(1) => *last = piece,
                _ if piece == 0 => self.close(&mut records, open.replace((key.to_vec(), 0)), &mut value),
                _ => return Err(Fault::Damaged("a piece of a record is missing".into())),
            }
            value.extend_from_slice(&bytes);
        }
        self.close(&mut records, open, &mut value);
        Ok(records)
    }

    fn close(&mut self, records: &mut Records, open: Option<(Vec<u8>, u8)>, value: &mut Vec<u8>) {
        let Some((key, last)) = open else { return };
        if last > 0 {
            self.pieces.insert(key.clone(), last);
        }
        records.insert(key, value.as_slice().into());
        value.clear();
    }

    /// Stores a batch: all of it, or nothing of it. When this returns it is on the disk for good.
    pub(super) fn apply(&mut self, changes: &[Change], stamp: &Stamp) -> Result<(), Fault> {
        guarded(|| {
            let mut batch = sled::Batch::default();
            for (place, value) in changes {
                self.put(&mut batch, &place.to_key(), value.as_deref());
            }
            self.put(&mut batch, &Place::Stamp.to_key(), Some(&encode(stamp)));
            self.write(batch)?;
            if !self.disk.sync_delay.is_zero() {
                thread::sleep(self.disk.sync_delay);
            }
            Ok(self.data.sync_data()?)
        })
    }

    /// Has the engine write a batch, without a sync.
    fn write(&self, batch: sled::Batch) -> Result<(), Fault> {
        self.reminder.under_way.store(true, Ordering::Relaxed);
        let written = self.db.apply_batch(batch).and_then(|()| self.db.flush());
        self.reminder.under_way.store(false, Ordering::Relaxed);
        written.map(drop).map_err(Fault::from)
    }

    fn put(&mut self, batch: &mut sled::Batch, key: &[u8], value: Option<&[u8]>) {
        let piece_key = |piece: u8| [key, &[piece]].concat();
        let mut last = None;
        for (piece, part) in (0..=u8::MAX).zip(value.into_iter().flat_map(parts)) {
            batch.insert(piece_key(piece), part);
            last = Some(piece);
        }
        let old = self.pieces.get(key).copied().unwrap_or(0);
        for piece in last.map_or(0, |last| last.saturating_add(1))..=old {
            batch.remove(piece_key(piece));
        }
        match last {
            Some(last) if last > 0 => drop(self.pieces.insert(key.to_vec(), last)),
            _ if old > 0 => drop(self.pieces.remove(key)),
            _ => {}
        }
    }
}

/// A value in pieces; an empty one is one empty piece.
fn parts(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = value.is_empty().then_some(value);
    empty.into_iter().chain(value.chunks(PIECE))
}

fn encode(stamp: &Stamp) -> Vec<u8> {
    serde_json::to_vec(stamp).unwrap_or_default()
}

/// Where a database is made before it gets its name.
pub(super) fn beside(directory: &Path) -> PathBuf {
    directory.with_extension("new")
}

/// Takes a database out of the way, for good before this returns, and then deletes it. After an error it goes on where
/// it was.
pub(super) fn retire(directory: &Path) -> io::Result<()> {
    let old = directory.with_extension("old");
    if directory.try_exists()? {
        remove_directory(&old)?;
        std::fs::rename(directory, &old)?;
    }
    files::sync_directory(directory.parent().unwrap_or(directory))?;
    remove_directory(&old)
}

/// Deletes a directory that may be there or not.
pub(super) fn remove_directory(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Runs something on sled; its panics are faults like others. sled panics on some files that it did not write.
fn guarded<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Fault::Damaged("the engine panicked".into())))
}

/// Asks after batches that take long. The engine may forget whoever waits for a write that fails: some of its writes are
/// begun by whoever leaves a buffer last, and of those it only keeps the error (`exit_reservation`). The next one who
/// flushes finds that error and wakes all; this is the next one.
#[derive(Debug)]
struct Reminder {
    /// Whether a batch is being written.
    under_way: Arc<AtomicBool>,
    /// Ends it with the database.
    _end: mpsc::Sender<()>,
}

impl Reminder {
    fn of(db: &Arc<sled::Db>) -> Self {
        let (end, ended) = mpsc::channel();
        let under_way = Arc::new(AtomicBool::new(false));
        let (db, looked_at) = (Arc::downgrade(db), under_way.clone());
        let remind = move || {
            while ended.recv_timeout(REMINDED_EACH) == Err(RecvTimeoutError::Timeout) {
                if !looked_at.load(Ordering::Relaxed) {
                    continue;
                }
                let Some(db) = db.upgrade() else { return };
                // In a thread of its own, since it waits too if the write has not failed yet.
                let _ = thread::Builder::new().spawn(|| guarded(move || Ok(db.flush()?)));
            }
        };
        // Where no more threads can be had, nothing is wrong with the disk yet.
        let _ = thread::Builder::new().name("store-reminder".into()).spawn(remind);
        Self { under_way, _end: end }
    }
}

/// Whether somebody has the database open. The engine tells so only in words.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock"))
}

impl From<sled::Error> for Fault {
    fn from(error: sled::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        match error {
            error if is_locked(&error) => Self::Io(io::Error::other(error.to_string())),
            sled::Error::Io(error) if is_full(&error) => Self::Full,
            sled::Error::Io(error) if matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem) => Self::Io(error),
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full } else { Self::Io(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(generation: u64) -> Stamp {
        Stamp { schema: 1, generation, time: Timestamp::default(), check: String::new() }
    }

    fn setting(name: &str, value: Option<Vec<u8>>) -> Change {
        (Place::Setting(name.into()), value.map(Into::into))
    }

    #[test]
    fn values_grow_and_shrink_over_many_pieces_without_files_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database-1");
        let mut database = Database::create(&path, Disk::default(), &stamp(0), std::iter::empty()).unwrap();
        let mut expected = Records::new();
        for round in 0_usize..60 {
            for name in ["a", "ab", "b", "c", "d", "e", "f", "g"] {
                let length = (round * 37_813 + name.len() * 9_973) % 300_000;
                let value = (round % 7 != 3).then(|| vec![round as u8; length]);
                database.apply(&[setting(name, value.clone())], &stamp(round as u64)).unwrap();
                let key = Place::Setting(name.into()).to_key();
                match value {
                    Some(value) => drop(expected.insert(key, value.into())),
                    None => drop(expected.remove(&key)),
                }
            }
        }
        assert_eq!(std::fs::read_dir(path.join("blobs")).unwrap().count(), 0, "a value in a file that nobody syncs");
        drop(database);
        let (_, found, records) = Database::open(&path, Disk::default()).unwrap();
        assert_eq!(found, stamp(59));
        assert!(records == expected);
    }

    #[test]
    fn a_half_made_database_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database-1");
        std::fs::create_dir(beside(&path)).unwrap();
        std::fs::write(beside(&path).join("conf"), b"torn").unwrap();
        drop(Database::create(&path, Disk::default(), &stamp(5), [(&b"sa"[..], &b"1"[..])].into_iter()).unwrap());
        assert!(!beside(&path).exists());
        assert_eq!(Database::open(&path, Disk::default()).unwrap().1.generation, 5);
    }
}
