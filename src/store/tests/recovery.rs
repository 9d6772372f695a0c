//! Coming back: from snapshots, from other versions, with other keys.

use std::time::{Duration, Instant};

use super::*;
use crate::model::{Mac, Reason, Timestamp};

/// Waits for what another thread will do.
fn eventually(what: &str, mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !seen() {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        std::thread::yield_now();
    }
}

/// The one directory of the database.
fn database(directory: &Path) -> PathBuf {
    let entries = std::fs::read_dir(directory.join(STORE_DIRECTORY)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("database-")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_broken_database_comes_back_from_the_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), eager()).unwrap();
    store.commit(vec![put_organisation(1), put_phone(1), put_lease(1), put_event(41)]).wait().unwrap();
    store.close();
    let data = database(directory.path()).join("db");
    let length = std::fs::metadata(&data).unwrap().len();
    std::fs::write(&data, vec![0x55; length as usize]).unwrap();

    let (store, opened) = open(directory.path());
    let aside = directory.path().join("store/damaged");
    let told = Reason::StoreRestored { aside: aside.display().to_string() };
    assert_eq!(opened.restored.as_ref(), Some(&told));
    assert!(std::fs::read(aside.join("db")).unwrap() == vec![0x55; length as usize], "as it was found");
    assert_eq!(store.alarms(), [told]);
    assert_eq!(store.phones().len(), 1);
    assert_eq!(store.leases("office").len(), 1);
    assert!(store.next_event_sequence() > 42, "numbers of lost events are not used again");
    store.commit(vec![put_phone(2)]).wait().unwrap();
    store.close();
    let (store, opened) = open(directory.path());
    assert_eq!((opened.restored, store.phones().len()), (None, 2));
}

#[test]
fn a_database_that_went_back_in_time_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), eager()).unwrap();
    store.commit(vec![put_organisation(1), put_phone(1), put_lease(1)]).wait().unwrap();
    store.close();
    let old = tempfile::tempdir().unwrap();
    let data = database(directory.path()).join("db");
    std::fs::copy(&data, old.path().join("db")).unwrap();
    let limits = Limits { leases_saved_within: Duration::from_secs(600), ..eager() };
    let (store, _) = Store::open_within(options(directory.path()), limits).unwrap();
    store.commit(vec![put_phone(2), put_lease(2)]).wait().unwrap();
    store.close();
    std::fs::copy(old.path().join("db"), database(directory.path()).join("db")).unwrap();

    let (store, opened) = open(directory.path());
    assert!(opened.restored.is_some());
    assert_eq!(store.phones().len(), 2);
    assert_eq!(store.leases("office").len(), 2);
}

/// What stands in the directory of a store that was killed: here, that of one which runs on.
fn killed(directory: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = directory.join(STORE_DIRECTORY);
    let to = copy.path().join(STORE_DIRECTORY);
    let database = database(directory).file_name().unwrap().to_owned();
    std::fs::create_dir_all(&to).unwrap();
    replica::make(&from.join(&database), &to.join(&database), true).unwrap();
    for entry in std::fs::read_dir(&from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    copy
}

#[test]
fn one_that_is_killed_soon_after_each_start_gets_its_snapshots() {
    let late = Duration::from_secs(3600);
    let limits = Limits { documents_saved_within: late, leases_saved_within: late, ..Limits::default() };
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), limits.clone()).unwrap();
    store.commit(vec![put_organisation(1), put_phone(1), put_lease(1)]).wait().unwrap();
    let second = killed(directory.path());
    let (second_store, _) = Store::open_within(options(second.path()), limits.clone()).unwrap();
    let generation = second_store.shared.view().generation;
    let saved = |part| {
        let (_, newest) = Slots::find(&second.path().join(STORE_DIRECTORY), part).unwrap();
        newest.is_some_and(|(_, header)| header.generation == generation)
    };
    eventually("snapshots of what was there at the start", || saved(Part::Documents) && saved(Part::Leases));
    let third = killed(second.path());
    std::fs::remove_dir_all(database(third.path())).unwrap();
    let (store, opened) = Store::open_within(options(third.path()), limits).unwrap();
    assert!(opened.restored.is_some());
    assert_eq!((store.phones().len(), store.leases("office").len()), (1, 1));
}

#[test]
fn a_database_that_is_gone_comes_back_too() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), eager()).unwrap();
    store.commit(vec![put_organisation(1), put_phone(1)]).wait().unwrap();
    store.close();
    std::fs::remove_dir_all(database(directory.path())).unwrap();
    let (store, opened) = open(directory.path());
    let Some(Reason::StoreGone { snapshot }) = opened.restored else { panic!("{opened:?}") };
    assert!(snapshot.contains("documents-"), "{snapshot}");
    assert_eq!(store.phones().len(), 1);
}

/// A backup that is laid down is no damage, and is told by whoever laid it; that the newest is missing is known all the
/// same, however often the box starts, until it is over.
#[test]
fn a_backup_that_was_laid_down_is_no_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1), put_phone(1)]).wait().unwrap();
    assert_eq!(store.gaps(), None, "a new store misses nothing");
    let other = tempfile::tempdir().unwrap();
    store.copied().lay(other.path()).unwrap();
    for start in 0..2 {
        let (store, opened) = open(other.path());
        assert_eq!((opened.restored, store.alarms(), store.phones().len()), (None, Vec::new(), 1), "{start}");
        assert_eq!(store.gaps(), Some(Duration::ZERO), "{start}");
        store.close();
    }
    // From then on a database that is gone is told as one.
    std::fs::remove_dir_all(database(other.path())).unwrap();
    let (store, opened) = open(other.path());
    assert!(matches!(opened.restored, Some(Reason::StoreGone { .. })), "{opened:?}");
    store.commit(vec![Write::PutSetting { key: GAPS.into(), value: 3600.into() }]).wait().unwrap();
    assert_eq!(store.gaps(), Some(Duration::from_secs(3600)));
    store.commit(vec![Write::DeleteSetting(GAPS.into())]).wait().unwrap();
    assert_eq!(store.gaps(), None);
}

#[test]
fn without_a_whole_snapshot_it_says_so_and_touches_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1)]).wait().unwrap();
    store.close();
    for entry in std::fs::read_dir(directory.path().join("store")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            std::fs::write(path, b"torn").unwrap();
        }
    }
    let data = database(directory.path()).join("db");
    std::fs::write(&data, vec![0x55; 1 << 20]).unwrap();
    let error = Store::open(options(directory.path())).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(std::fs::read(data).unwrap() == vec![0x55; 1 << 20]);
}

#[test]
fn torn_snapshots_of_the_engine_do_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_lease(1)]).wait().unwrap();
    store.close();
    for name in ["snap.7000000000000200", "snap.7000000000000300.generating"] {
        std::fs::write(database(directory.path()).join(name), b"").unwrap();
    }
    let (store, opened) = open(directory.path());
    assert_eq!((opened.restored, store.leases("office").len()), (None, 1));
}

/// A store of the first schema opens, with the phones in it, and is of the newest one from then on.
#[test]
fn a_store_of_the_first_schema_is_brought_along() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1)]).wait().unwrap();
    store.close();
    let path = database(directory.path());
    let (mut engine, mut stamp, _) = database::Database::open(&path, Disk::default()).unwrap();
    let newest = std::mem::replace(&mut stamp.schema, 1);
    stamp.generation += 100;
    let phone = samples::phone(1, 0);
    let record = format!(
        r#"{{"v":1,"version":3,"origin":"{0}","mac":"{1}","organisation":"{2}","name":"Old",
            "contact":{{"state":"waiting"}},"created":1}}"#,
        phone.origin, phone.mac, phone.organisation
    );
    let place = super::super::record::Place::Phone(phone.id);
    engine.apply(&[(place, Some(record.into_bytes().into()))], &stamp).unwrap();
    drop(engine);
    let (store, opened) = open(directory.path());
    assert_eq!(opened.restored, None);
    let found = store.phone_by_mac(phone.mac).unwrap();
    assert_eq!((found.version, found.name.as_str()), (3, "Old"));
    store.close();
    let (_, stamp, _) = database::Database::open(&database(directory.path()), Disk::default()).unwrap();
    assert_eq!(stamp.schema, newest);
}

#[test]
fn a_newer_schema_is_refused_in_database_and_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.close();
    let path = database(directory.path());
    let (mut engine, mut stamp, _) = database::Database::open(&path, Disk::default()).unwrap();
    let known = stamp.schema;
    stamp.schema = known + 1;
    stamp.generation += 100;
    engine.apply(&[], &stamp).unwrap();
    drop(engine);
    let refused = Error::NewerSchema { found: known + 1, known };
    assert_eq!(Store::open(options(directory.path())).unwrap_err(), refused);

    let (mut slots, _) = Slots::find(&directory.path().join("store"), Part::Documents).unwrap();
    let header = snapshot::Header::new(known + 1, stamp.generation, Timestamp::default(), 1, &stamp.check);
    slots.write(header, &[], 0).unwrap();
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(Store::open(options(directory.path())).unwrap_err(), refused);
}

#[test]
fn another_key_is_refused_and_an_older_one_still_reads() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1)]).wait().unwrap();
    store.close();
    let other = Options { key: Key::new(&[8; 32]), ..options(directory.path()) };
    assert!(matches!(Store::open(other).unwrap_err(), Error::WrongKey { .. }));
    assert_eq!(open(directory.path()).0.organisations().len(), 1);
}

#[test]
fn an_older_key_may_go_once_all_is_stored_under_the_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let [new, old] = ["0f", "07"].map(|byte| byte.repeat(32));
    let open = |keys: &str| Store::open(Options { key: Key::of_text(keys).unwrap(), ..options(directory.path()) });
    let after = |keys: &str, write: Write| {
        let (store, _) = open(keys).unwrap();
        store.commit(vec![write]).wait().unwrap();
        store.close();
    };
    let other = || Write::PutSetting { key: "a".into(), value: 1.into() };
    let both = format!("{new}\n{old}");
    after(&old, put_organisation(1));
    after(&both, other());
    assert!(matches!(open(&new).unwrap_err(), Error::WrongKey { .. }), "a document needs it");
    after(&both, put_organisation(1));
    // The start after that finds nothing that needs it.
    after(&both, other());
    after(&new, other());
    assert!(matches!(open(&old).unwrap_err(), Error::WrongKey { .. }));
    assert_eq!(
        open(&new).unwrap().0.organisations()[0].login.password.expose(),
        samples::organisation(1).login.password.expose()
    );
}

#[test]
fn has_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    assert!(matches!(Store::open(options(directory.path())).unwrap_err(), Error::InUseElsewhere { .. }));
    store.close();
    open(directory.path());
}

#[test]
fn too_little_room_to_open_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let limits = Limits { room_to_open: u64::MAX, ..Limits::default() };
    let error = Store::open_within(options(directory.path()), limits).unwrap_err();
    assert!(matches!(error, Error::NoRoom { .. }));
    assert!(error.to_string().contains("delete files there or enlarge it"), "{error}");
}

#[test]
fn the_last_trusted_time_is_the_floor_of_the_clock() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = open(directory.path());
    store.commit(vec![put_organisation(1)]).wait().unwrap();
    store.close();
    let future = Timestamp::from_secs(4_000_000_000);
    let path = database(directory.path());
    let (mut engine, mut stamp, _) = database::Database::open(&path, Disk::default()).unwrap();
    assert_eq!(stamp.time, Timestamp::default(), "nobody vouched for the clock");
    stamp.time = future;
    engine.apply(&[], &stamp).unwrap();
    drop(engine);
    let options = options(directory.path());
    let clock = options.clock.clone();
    let _store = Store::open(options).unwrap();
    // From there on it goes on.
    let now = clock.now().wall;
    assert!((future..future.plus(Duration::from_secs(60))).contains(&now), "{now}");
}

#[test]
fn snapshots_follow_changes_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = Store::open_within(options(directory.path()), eager()).unwrap();
    let saved = |part| {
        let (_, newest) = Slots::find(&directory.path().join("store"), part).unwrap();
        newest.map_or(0, |(_, header)| header.generation)
    };
    store.commit(vec![put_organisation(1), put_lease(1)]).wait().unwrap();
    let generation = store.shared.view().generation;
    eventually("documents are saved", || saved(Part::Documents) >= generation);
    eventually("leases are saved", || saved(Part::Leases) >= generation);
    store.commit(vec![put_event(1)]).wait().unwrap();
    let mac = Mac::new([2; 6]);
    store.commit(vec![Write::PutJourney { mac, journey: crate::model::Journey::default() }]).wait().unwrap();
    eventually("journeys are saved", || saved(Part::Leases) >= generation + 2);
    assert_eq!(saved(Part::Documents), generation, "no document has changed");
}
