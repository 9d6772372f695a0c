//! A full disk: a small file system of its own, really filled.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use block66::model::{Reason, Timestamp};
use block66::store::{Disk, Error, Limits, Options, Store, Write, key};
use block66::sys::clock::Clock;

const MIB: usize = 1 << 20;
/// Size of the file system.
const SIZE: usize = 96 * MIB;

/// Starts the test `name` of this program in a mount namespace with a small tmpfs at `directory`.
pub(crate) fn within_small_disk(directory: &Path, name: &str) {
    let script = format!("mount -t tmpfs -o size={SIZE} none \"$1\" && shift && exec \"$@\"");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(directory)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", name])
        .env("POWERCUT_CHILD", directory)
        .status()
        .expect("unshare of util-linux is installed");
    assert!(status.success(), "{name} failed");
}

fn open(directory: &Path, room_to_write: u64) -> Result<Store, Error> {
    let options = Options {
        directory: directory.into(),
        key: key::load(directory, None)?,
        clock: Clock::new(Timestamp::default()),
        disk: Disk::default(),
    };
    Store::open_within(options, Limits { room_to_write, ..Limits::default() }).map(|(store, _)| store)
}

/// A setting of some 100 kB that carries a number.
fn put(number: usize) -> Write {
    Write::PutSetting { key: format!("s{}", number % 40), value: format!("{number} {}", "x".repeat(100_000)).into() }
}

fn number(store: &Store, slot: usize) -> Option<usize> {
    let value = store.setting(&format!("s{slot}"))?;
    value.as_str()?.split(' ').next()?.parse().ok()
}

/// Fills the disk until only `left` bytes are free.
fn fill(directory: &Path, left: usize) -> PathBuf {
    let path = directory.join("ballast");
    let mut file = File::create(&path).unwrap();
    let page = [0xaa; 4096];
    loop {
        let disk = nix::sys::statvfs::statvfs(directory).unwrap();
        if disk.blocks_available() as usize * disk.fragment_size() as usize <= left {
            return path;
        }
        match file.write_all(&page) {
            Err(error) if error.kind() == ErrorKind::StorageFull => return path,
            written => written.unwrap(),
        }
    }
}

fn eventually(what: &str, mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !seen() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::yield_now();
    }
}

/// Writes are refused before the disk is full to the last byte, and go on when there is room.
pub(crate) fn refuses_in_time_and_recovers(directory: &Path) {
    let store = open(directory, Limits::default().room_to_write).unwrap();
    store.commit(vec![put(1)]).wait().unwrap();
    let ballast = fill(directory, 12 * MIB);
    assert_eq!(store.commit(vec![put(2)]).wait(), Err(Error::DiskFull));
    assert_eq!(store.alarms(), [Reason::DiskFull]);
    assert_eq!((number(&store, 1), number(&store, 2)), (Some(1), None), "reads go on");
    store.close();
    match open(directory, 0) {
        Err(error @ Error::NoRoom { .. }) => assert!(error.to_string().contains("32 MiB are needed"), "{error}"),
        other => panic!("{other:?}"),
    }
    std::fs::remove_file(&ballast).unwrap();
    let store = open(directory, Limits::default().room_to_write).unwrap();
    let ballast = fill(directory, 12 * MIB);
    let refusal = store.refusal();
    assert_eq!(*refusal.borrow(), None);
    let before = Clock::new(Timestamp::default()).now().wall;
    assert_eq!(store.commit(vec![put(2)]).wait(), Err(Error::DiskFull));
    let full = (*refusal.borrow()).unwrap();
    assert!(full.since >= before && full.until.is_none(), "{full:?}");
    std::fs::remove_file(&ballast).unwrap();
    eventually("the alarm ends by itself", || store.alarms().is_empty());
    let over = (*refusal.borrow()).unwrap();
    assert!(over.since == full.since && over.until >= Some(full.since), "{over:?}");
    store.commit(vec![put(2)]).wait().unwrap();
    store.close();
}

/// The disk is full to the last byte in the middle of a write.
pub(crate) fn survives_to_the_last_byte(directory: &Path) {
    let store = open(directory, 0).unwrap();
    let mut last = [None; 40];
    let mut commit = |store: &Store, number: usize| {
        let outcome = store.commit(vec![put(number)]).wait();
        match &outcome {
            Ok(()) => last[number % 40] = Some(number),
            Err(error) => assert_eq!(*error, Error::DiskFull),
        }
        (outcome, last)
    };
    let mut next = 1..;
    let mut times = |store: &Store, full: bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            assert!(Instant::now() < deadline, "the disk does not become full: {full}");
            let (outcome, last) = commit(store, next.next().unwrap());
            if outcome.is_err() == full {
                return last;
            }
        }
    };
    for round in 0..3 {
        let ballast = fill(directory, round * 300_000);
        let last = times(&store, true);
        assert_eq!(store.alarms(), [Reason::DiskFull]);
        let seen: Vec<_> = (0..40).map(|slot| number(&store, slot)).collect();
        assert_eq!(seen, last, "what was acknowledged is read, and what was refused is not");
        std::fs::remove_file(&ballast).unwrap();
        let last = times(&store, false);
        assert!(store.alarms().is_empty());
        let seen: Vec<_> = (0..40).map(|slot| number(&store, slot)).collect();
        assert_eq!(seen, last);
    }
    let ballast = fill(directory, 0);
    let last = times(&store, true);
    store.close();
    std::fs::remove_file(&ballast).unwrap();
    let store = open(directory, 0).unwrap();
    for (slot, least) in last.iter().enumerate() {
        assert!(
            number(&store, slot) >= *least,
            "setting {slot} is at {:?}, acknowledged {least:?}",
            number(&store, slot)
        );
    }
    store.close();
}
