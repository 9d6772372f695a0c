use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::unistd::{AccessFlags, access};

use super::Error;
use super::database::{Database, Disk, Fault, Records, Stamp, remove_directory, retire};
use super::keeper::Keeper;
use super::record::{Change, Part, Place};
use super::recovery::{database_path, rebuild, room};
use super::replica;
use super::shared::{Altered, Hindrance, Shared};
use super::stage::Stage;
use super::write::{Answer, Write};

/// Writes in one batch beyond which no further commit joins it.
const FULL_BATCH: usize = 2048;
/// Time between looks at a disk that takes nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Bytes that any start has enough of: with so many free it is not measured what the next one needs.
const PLENTY: u64 = 1 << 30;

/// What a handle asks of the writer.
pub(super) enum Message {
    Commit(Vec<Write>, Answer),
    /// Store what came before, and end.
    Close,
}

/// The one thread that writes to the database.
pub(super) struct Writer {
    pub(super) inbox: Receiver<Message>,
    pub(super) shared: Arc<Shared>,
    pub(super) keeper: Keeper,
    /// None after a failed write, until it was built anew.
    pub(super) database: Option<Database>,
    pub(super) stamp: Stamp,
    pub(super) number: u64,
    /// The database before, while it could not be taken out of the way: until then it is the one that counts, and
    /// nothing is stored in its successor.
    pub(super) former: Option<PathBuf>,
    pub(super) directory: PathBuf,
    pub(super) disk: Disk,
    pub(super) looked: Option<Instant>,
}

impl Writer {
    /// Stores what comes in until it is told to end, or nobody is left to tell it.
    ///
    /// # Errors
    /// When the database fails otherwise than because its disk takes nothing: what it holds is not certain any more.
    pub(super) fn run(mut self) -> Result<(), Error> {
        let ending = loop {
            let first = match self.next() {
                Some(Message::Commit(writes, answer)) => (writes, answer),
                Some(Message::Close) | None => break Ok(()),
            };
            let (commits, close) = self.gather(first);
            if let Err(error) = self.store(commits) {
                break Err(error);
            }
            if close {
                break Ok(());
            }
        };
        self.keeper.stop();
        ending
    }

    /// The next message; while the disk takes nothing, looks now and then whether that is still so.
    fn next(&mut self) -> Option<Message> {
        loop {
            if !self.is_hindered() {
                return self.inbox.recv().ok();
            }
            match self.inbox.recv_timeout(LOOK_AGAIN) {
                Ok(message) => return Some(message),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if self.make_ready().is_ok() {
                        self.clear_alarm();
                    }
                }
            }
        }
    }

    /// Takes all commits that are waiting already, up to a full batch.
    fn gather(&self, first: (Vec<Write>, Answer)) -> (Vec<(Vec<Write>, Answer)>, bool) {
        let mut size = first.0.len();
        let mut commits = vec![first];
        while size < FULL_BATCH {
            match self.inbox.try_recv() {
                Ok(Message::Commit(writes, answer)) => {
                    size += writes.len();
                    commits.push((writes, answer));
                }
                Ok(Message::Close) => return (commits, true),
                Err(_) => break,
            }
        }
        (commits, false)
    }

    fn store(&mut self, commits: Vec<(Vec<Write>, Answer)>) -> Result<(), Error> {
        let shared = self.shared.clone();
        let (changes, answers) = {
            let view = shared.view();
            let mut stage = Stage::new(&view, &shared.key);
            let answers: Vec<(Answer, Result<(), Error>)> =
                commits.into_iter().map(|(writes, answer)| (answer, stage.add(writes))).collect();
            (stage.finish(&shared.limits), answers)
        };
        let stored = if changes.is_empty() { Ok(()) } else { self.write(changes) };
        for (answer, outcome) in answers {
            // Whoever does not wait for the answer has dropped the ticket.
            let _ = answer.send(outcome.and_then(|()| stored.clone()));
        }
        match stored {
            Err(error) if !error.is_of_the_disk() => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&mut self, changes: Vec<Change>) -> Result<(), Error> {
        self.make_ready().inspect_err(|error| self.raise_alarm(error))?;
        let now = self.shared.clock.now();
        let mut stamp = self.stamp.clone();
        stamp.generation = stamp.generation.saturating_add(1);
        if now.trusted {
            stamp.time = now.wall;
        }
        let Some(database) = &mut self.database else { return Err(Error::Closed) };
        if let Err(fault) = database.apply(&changes, &stamp) {
            // What the failed write left behind is not certain: neither the disk nor the engine is asked again.
            drop_quietly(self.database.take());
            let error = match fault {
                Fault::Full => Error::DiskFull,
                Fault::Damaged(what) => Error::Damaged { path: database_path(&self.directory, self.number), what },
                Fault::Io(error) => Error::io("writing", &database_path(&self.directory, self.number), &error),
            };
            self.raise_alarm(&error);
            return Err(error);
        }
        self.clear_alarm();
        let mut view = self.shared.view_mut();
        view.generation = stamp.generation;
        self.stamp = stamp;
        for part in [Part::Documents, Part::Leases] {
            if changes.iter().any(|(place, _)| place.part() == Some(part)) {
                self.keeper.changed(part);
            }
        }
        let altered: Vec<Altered> = changes.iter().filter_map(altered).collect();
        changes.into_iter().try_for_each(|change| view.apply(change))?;
        drop(view);
        for altered in altered {
            // Nobody may be listening.
            let _ = self.shared.altered.send(altered);
        }
        Ok(())
    }

    /// Makes sure that there is room to write and a database to write to.
    fn make_ready(&mut self) -> Result<(), Error> {
        let room = room(&self.directory)?;
        if room < self.shared.limits.room_to_write {
            return Err(Error::DiskFull);
        }
        self.shared.set_tight(room < PLENTY && room < self.room_to_start());
        if self.database.is_some() && self.former.is_none() {
            return Ok(());
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return Err(match self.shared.hindrance() {
                Some(Hindrance::ReadOnly) => Error::ReadOnly { doing: format!("writing {}", self.directory.display()) },
                _ => Error::DiskFull,
            });
        }
        self.looked = Some(Instant::now());
        if self.database.is_none() {
            self.build_anew()?;
        }
        if let Some(former) = &self.former {
            retire(former).map_err(|e| Error::io("removing", former, &e))?;
            self.former = None;
        }
        Ok(())
    }

    /// What has to be free for a start from this database.
    fn room_to_start(&self) -> u64 {
        let database = replica::size(&database_path(&self.directory, self.number)).unwrap_or_default();
        self.shared.limits.room_to_open.saturating_add(database)
    }

    /// Makes the next database of the view. The one before counts until it is retired.
    fn build_anew(&mut self) -> Result<(), Error> {
        // Looked at first: to gather all records each second, only to be refused, would keep the box busy.
        access(&self.directory, AccessFlags::W_OK)
            .map_err(|errno| Error::io("writing", &self.directory, &errno.into()))?;
        if room(&self.directory)? < self.shared.limits.room_to_open {
            return Err(Error::DiskFull);
        }
        let records: Records = {
            let view = self.shared.view();
            let parts = [Part::Documents, Part::Leases, Part::Events].map(|part| view.records(part));
            parts.into_iter().flatten().map(|(place, bytes)| (place.to_key(), bytes)).collect()
        };
        let number = self.number.saturating_add(1);
        let path = database_path(&self.directory, number);
        // One that failed after it had got its name: nothing was ever stored in it.
        remove_directory(&path).map_err(|e| Error::io("removing", &path, &e))?;
        self.database = Some(rebuild(&self.directory, number, self.disk, &self.stamp, &records)?);
        self.former = Some(database_path(&self.directory, std::mem::replace(&mut self.number, number)));
        Ok(())
    }

    fn is_hindered(&self) -> bool {
        self.looked.is_some() || self.shared.hindrance().is_some()
    }

    fn raise_alarm(&self, error: &Error) {
        let why = match error {
            Error::DiskFull => Hindrance::Full,
            Error::ReadOnly { .. } => Hindrance::ReadOnly,
            _ => return,
        };
        if self.shared.set_hindrance(Some(why)) {
            tracing::error!(directory = %self.directory.display(), %error, "nothing new is stored");
        }
    }

    fn clear_alarm(&mut self) {
        self.looked = None;
        if self.shared.set_hindrance(None) {
            tracing::info!("the disk takes what is stored again");
        }
    }
}

fn altered((place, value): &Change) -> Option<Altered> {
    match (place, value) {
        (Place::Organisation(id), Some(_)) => Some(Altered::Organisation(*id)),
        (Place::Group(id), Some(_)) => Some(Altered::Group(*id)),
        _ => None,
    }
}

/// Drops a database that failed: sled may panic when it cannot write what is left.
fn drop_quietly(database: Option<Database>) {
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(database)));
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::model::Timestamp;
    use crate::store::recovery::recover;
    use crate::store::shared::Limits;
    use crate::store::{Key, STORE_DIRECTORY, load, start_keeper, stored};
    use crate::sys::clock::Clock;
    use crate::sys::files;

    /// The writer of the store in a directory, without its thread.
    fn writer(directory: &Path) -> Writer {
        let (key, limits, disk) = (Key::new(&[7; 32]), Limits::default(), Disk::default());
        files::create_private_directory(directory).unwrap();
        let found = recover(directory, &key, disk, &limits).unwrap();
        let view = load(directory, &found).unwrap();
        let of_schema = (found.stamp.schema, found.stamp.check.clone());
        let shared = Arc::new(Shared::new(view, None, (key, Clock::new(Timestamp::default()), limits), of_schema));
        let keeper = start_keeper(&shared, directory, (found.documents, found.leases), found.saved).unwrap();
        Writer {
            inbox: sync_channel(1).1,
            shared,
            keeper,
            database: Some(found.database),
            stamp: found.stamp,
            number: found.number,
            former: None,
            directory: directory.into(),
            disk,
            looked: None,
        }
    }

    fn setting(name: &str) -> Vec<Change> {
        let place = Place::Setting(name.into());
        let bytes = stored::Setting::pack(&place, name.into()).unwrap();
        vec![(place, Some(bytes))]
    }

    #[test]
    fn nothing_goes_into_a_new_database_while_the_old_one_is_in_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join(STORE_DIRECTORY);
        let mut writer = writer(&directory);
        writer.write(setting("a")).unwrap();
        let old = database_path(&directory, writer.number);
        // As after a write that failed, and with something in the way of the old one that cannot be removed.
        drop_quietly(writer.database.take());
        let obstacle = old.with_extension("old");
        std::fs::write(&obstacle, b"").unwrap();
        // What came of one that failed at its very end.
        let new = database_path(&directory, writer.number + 1);
        std::fs::create_dir(&new).unwrap();
        std::fs::write(new.join("conf"), b"torn").unwrap();
        for again in 0..2 {
            writer.looked = None;
            writer.write(setting("b")).unwrap_err();
            assert!(old.is_dir(), "the old one is the one that counts, {again}");
        }
        std::fs::remove_file(&obstacle).unwrap();
        writer.looked = None;
        writer.write(setting("c")).unwrap();
        assert!(!old.exists() && !obstacle.exists() && new.is_dir());

        let Writer { keeper, database, .. } = writer;
        keeper.stop();
        drop(database);
        let found = recover(&directory, &Key::new(&[7; 32]), Disk::default(), &Limits::default());
        let records = found.unwrap().records;
        let has = |name: &str| records.contains_key(&Place::Setting(name.into()).to_key());
        assert_eq!((has("a"), has("b"), has("c")), (true, false, true));
    }

    #[test]
    fn a_database_that_was_half_retired_is_retired_to_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database-1");
        std::fs::create_dir(path.with_extension("old")).unwrap();
        retire(&path).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
