//! Finding the database, or making it again from the snapshots.
//!
//! Databases are numbered directories. A new one is made beside, synced, and gets its name only when it is whole; its
//! predecessor is out of the way before anything is stored in it. So the lowest number counts, and there is a good
//! one at every moment. The engine opens copies only: an opening that is cut off has changed nothing.

use std::path::{Path, PathBuf};

use super::database::{Database, Disk, Fault, Records, Stamp, remove_directory, retire};
use super::key::Key;
use super::record::{Part, Place};
use super::replica;
use super::schema::{MIGRATIONS, migrate, newest};
use super::shared::Limits;
use super::snapshot::{self, Header, Slots};
use super::{Error, GAPS, stored};
use crate::model::{Reason, Secret, Timestamp};
use crate::sys::files;

/// Name of the file that says that the snapshots are a backup's, until the database is made of them.
pub(super) const LAID: &str = "laid";
/// Event numbers left out after a restoration, for the events that were lost with the database.
const EVENTS_LEFT_OUT: u64 = 10_000;

/// The store as it was found.
pub(super) struct Recovered {
    pub(super) database: Database,
    pub(super) number: u64,
    pub(super) stamp: Stamp,
    pub(super) records: Records,
    pub(super) next_event: u64,
    /// What is to be told, when it is back from a snapshot that nobody laid there.
    pub(super) restored: Option<Reason>,
    pub(super) documents: Slots,
    pub(super) leases: Slots,
    /// Generations of the newest snapshots of documents and of leases; 0 without one.
    pub(super) saved: (u64, u64),
}

/// Records of one source, and how new they are.
struct Source {
    generation: u64,
    time: Timestamp,
    schema: u32,
    next_event: u64,
    records: Records,
}

/// Bytes that an ordinary user may still write to the disk that holds `path`.
pub(super) fn room(path: &Path) -> Result<u64, Error> {
    files::free(path).map_err(|e| Error::io("measuring the disk of", path, &e))
}

/// The directory of the database with this number.
pub(super) fn database_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("database-{number}"))
}

/// Opens the database, or makes one of the snapshots, or of nothing when nothing was ever stored.
pub(super) fn recover(directory: &Path, key: &Key, disk: Disk, limits: &Limits) -> Result<Recovered, Error> {
    let reading = |e| Error::io("reading", directory, &e);
    let found = tidy(directory).map_err(reading)?;
    let copied = found.map_or(Ok(0), |number| replica::size(&database_path(directory, number))).map_err(reading)?;
    let (free, needed) = (room(directory)?, limits.room_to_open.saturating_add(copied));
    if free < needed {
        return Err(Error::NoRoom { path: directory.into(), free, needed });
    }
    let (documents, newest_documents) = Slots::find(directory, Part::Documents).map_err(reading)?;
    let (leases, newest_leases) = Slots::find(directory, Part::Leases).map_err(reading)?;
    let newest_of = |found: &Option<(PathBuf, Header)>| found.as_ref().map_or(0, |(_, header)| header.generation);
    let saved_parts = (newest_of(&newest_documents), newest_of(&newest_leases));
    let saved = saved_parts.0.max(saved_parts.1);

    let found_path = found.map(|number| database_path(directory, number));
    let number = found.unwrap_or_default().saturating_add(1);
    let path = database_path(directory, number);
    let (opened, damage) = match &found_path {
        None => (None, None),
        Some(original) => match open_replica(original, &path, key, disk, saved)? {
            Ok(opened) => (Some(opened), None),
            Err(damage) => (None, Some(damage)),
        },
    };
    let (stored, rolled_back) = match opened {
        Some((database, stamp, records)) if stamp.generation >= saved && stamp.schema == newest(MIGRATIONS) => {
            set_aside(directory, found_path.as_deref(), false)?;
            remove_mark(directory)?;
            // Made with the key in use once nothing needs another one, so that those may go.
            let is_done = key.sealed(&stamp.check) || records.values().any(|record| key.is_needed_still(record));
            let check = if is_done { stamp.check } else { seal_check(key)? };
            let stamp = Stamp { check, ..stamp };
            return Ok(Recovered {
                database,
                number,
                stamp,
                records,
                next_event: 0,
                restored: None,
                documents,
                leases,
                saved: saved_parts,
            });
        }
        Some((database, stamp, records)) => {
            drop(database);
            remove_directory(&path).map_err(reading)?;
            let rolled_back = stamp.generation < saved;
            (Some(Source::of_database(stamp, records)), rolled_back)
        }
        None => (None, false),
    };

    if let (None, None, None, Some(damage)) = (&stored, &newest_documents, &newest_leases, &damage) {
        let path = found_path.unwrap_or(path);
        return Err(Error::Damaged { path, what: damage.clone() });
    }
    let snapshot = newest_documents.as_ref().or(newest_leases.as_ref()).map(|(path, _)| path.clone());
    let snapshot = snapshot.filter(|_| rolled_back || stored.is_none());
    let laid = directory.join(LAID).exists();
    if let Some(snapshot) = snapshot.as_ref().filter(|_| !laid) {
        let what = damage.as_deref().unwrap_or(if rolled_back { "older than its snapshot" } else { "gone" });
        tracing::error!(what, snapshot = %snapshot.display(), "the database is restored from a snapshot");
    }
    let sources = (stored, Source::of_snapshot(newest_documents, key)?, Source::of_snapshot(newest_leases, key)?);
    let (stamp, mut records, next_event) = compose(sources, key)?;
    if snapshot.is_some() {
        // In the database from its first moment: what is newer than the snapshots is missed from now on.
        let place = Place::Setting(GAPS.into());
        records.insert(place.to_key(), stored::Setting::pack(&place, 0.into())?);
    }
    let database = rebuild(directory, number, disk, &stamp, &records)?;
    let aside = set_aside(directory, found_path.as_deref(), snapshot.is_some())?;
    remove_mark(directory)?;
    let restored = snapshot.filter(|_| !laid).map(|snapshot| match aside {
        Some(aside) => Reason::StoreRestored { aside: aside.display().to_string() },
        None => Reason::StoreGone { snapshot: snapshot.display().to_string() },
    });
    Ok(Recovered { database, number, stamp, records, next_event, restored, documents, leases, saved: saved_parts })
}

/// What was read of a database that opened.
type Open = (Database, Stamp, Records);

/// Opens a copy of the `original` at `path`. With the engine's own snapshots first: without them, when that does not
/// bring back all that was there when the last snapshot was `saved`.
///
/// The inner error says what is wrong with a database that cannot be used.
fn open_replica(
    original: &Path,
    path: &Path,
    key: &Key,
    disk: Disk,
    saved: u64,
) -> Result<Result<Open, String>, Error> {
    let mut damage = String::new();
    for with_snapshots in [true, false] {
        remove_directory(path).map_err(|e| Error::io("removing", path, &e))?;
        replica::make(original, path, with_snapshots).map_err(|e| Error::io("copying", original, &e))?;
        match Database::open(path, disk) {
            Ok((database, stamp, records)) => {
                check(key, &stamp.check)?;
                if stamp.generation >= saved || !with_snapshots {
                    return Ok(Ok((database, stamp, records)));
                }
            }
            Err(Fault::Damaged(what)) => damage = what,
            Err(fault) => return Err(refusal(original, fault)),
        }
    }
    remove_directory(path).map_err(|e| Error::io("removing", path, &e))?;
    Ok(Err(damage))
}

/// Makes the database of this number; it counts from then on.
pub(super) fn rebuild(
    directory: &Path,
    number: u64,
    disk: Disk,
    stamp: &Stamp,
    records: &Records,
) -> Result<Database, Error> {
    let path = database_path(directory, number);
    let records = records.iter().map(|(key, value)| (key.as_slice(), &**value));
    Database::create(&path, disk, stamp, records).map_err(|fault| refusal(&path, fault))
}

/// Seals the text that tells whether a key is the right one.
pub(super) fn seal_check(key: &Key) -> Result<String, Error> {
    key.seal(&Secret::new("block66"), "store", "check")
}

fn check(key: &Key, sealed: &str) -> Result<(), Error> {
    key.open(sealed, "store", "check").map(drop)
}

fn refusal(path: &Path, fault: Fault) -> Error {
    match fault {
        Fault::Full => Error::DiskFull,
        Fault::Damaged(what) => Error::Damaged { path: path.into(), what },
        Fault::Io(error) => Error::io("opening", path, &error),
    }
}

impl Source {
    fn of_database(stamp: Stamp, records: Records) -> Self {
        let Stamp { schema, generation, time, .. } = stamp;
        Self { generation, time, schema, next_event: 0, records }
    }

    fn of_snapshot(newest: Option<(PathBuf, Header)>, key: &Key) -> Result<Option<Self>, Error> {
        let Some((path, header)) = newest else { return Ok(None) };
        check(key, &header.check)?;
        let Header { schema, generation, time, next_event, .. } = header;
        let found = snapshot::read(&path).map_err(|e| Error::io("reading", &path, &e))?;
        Ok(found.map(|(_, records)| Self { generation, time, schema, next_event, records }))
    }

    fn migrated(mut self) -> Result<Self, Error> {
        if let Some(records) = migrate(self.schema, || self.records.clone(), MIGRATIONS)? {
            self.records = records;
        }
        Ok(self)
    }
}

/// Takes each part from wherever it is newest.
fn compose(
    (stored, documents, leases): (Option<Source>, Option<Source>, Option<Source>),
    key: &Key,
) -> Result<(Stamp, Records, u64), Error> {
    let mut sources = Vec::new();
    for (source, part) in [(stored, None), (documents, Some(Part::Documents)), (leases, Some(Part::Leases))] {
        sources.extend(source.map(Source::migrated).transpose()?.map(|source| (source, part)));
    }
    let mut records = Records::new();
    for part in [Part::Documents, Part::Leases, Part::Events] {
        let holding = sources.iter().filter(|(_, only)| only.is_none_or(|only| only == part));
        let Some((source, _)) = holding.max_by_key(|(source, _)| source.generation) else { continue };
        let of_part = |key: &[u8]| Place::from_key(key).and_then(|place| place.part()) == Some(part);
        records.extend(source.records.iter().filter(|(key, _)| of_part(key)).map(|(k, v)| (k.clone(), v.clone())));
    }
    let all = || sources.iter().map(|(source, _)| source);
    let next_event = all().map(|source| source.next_event).max().unwrap_or_default();
    let stamp = Stamp {
        schema: newest(MIGRATIONS),
        generation: all().map(|source| source.generation).max().map_or(0, |newest| newest.saturating_add(1)),
        time: all().map(|source| source.time).max().unwrap_or_default(),
        check: seal_check(key)?,
    };
    let left_out = if next_event == 0 { 0 } else { EVENTS_LEFT_OUT };
    Ok((stamp, records, next_event.saturating_add(left_out)))
}

/// Clears what an interrupted making left, and returns the number of the database that counts.
///
/// That is the lowest one: each is taken out of the way before its successor stores anything.
fn tidy(directory: &Path) -> std::io::Result<Option<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().and_then(|name| name.strip_prefix("database-")) else { continue };
        match name.parse::<u64>() {
            Ok(number) => numbers.push(number),
            Err(_) => remove_directory(&entry.path())?,
        }
    }
    numbers.sort_unstable();
    let mut numbers = numbers.into_iter();
    let lowest = numbers.next();
    for unused in numbers {
        remove_directory(&database_path(directory, unused))?;
    }
    Ok(lowest)
}

/// Takes the database that no longer counts out of the way: a broken one is kept, in place of the one before.
fn set_aside(directory: &Path, database: Option<&Path>, broken: bool) -> Result<Option<PathBuf>, Error> {
    let Some(database) = database else { return Ok(None) };
    let set_aside = || {
        if !broken {
            return retire(database).map(|()| None);
        }
        let aside = directory.join("damaged");
        remove_directory(&aside)?;
        std::fs::rename(database, &aside)?;
        files::sync_directory(directory)?;
        Ok(Some(aside))
    };
    set_aside().map_err(|e: std::io::Error| Error::io("setting aside", database, &e))
}

/// The database is made: what becomes of it from now on is no longer a backup's doing.
fn remove_mark(directory: &Path) -> Result<(), Error> {
    let mark = directory.join(LAID);
    match std::fs::remove_file(&mark).and_then(|()| files::sync_directory(directory)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("removing", &mark, &error)),
        _ => Ok(()),
    }
}
