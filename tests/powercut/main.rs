//! Power cuts and kills: whatever was acknowledged is there afterwards, and the store always opens.
//!
//! A workload runs under a recorder of all that it does to its files. The record is replayed onto a modelled disk,
//! which is cut off at many points in four ways; each image that can be left of it is opened by the real store. The
//! harness itself is checked by controls that must fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod certificates;
mod disk;
mod full;
mod random;
mod record;
mod size;
mod workload;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use disk::{Disk, Mode};
use random::Random;
use record::Deed;
use workload::Acknowledged;

/// Cuts in each mode.
const CUTS: usize = 240;
/// Lives of the workload that end in the middle of something.
const LIVES: usize = 24;

/// A place for images: in memory where there is room for them.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let room = nix::sys::statvfs::statvfs(memory).map_or(0, |disk| disk.blocks_available() * disk.fragment_size());
    let within = if room > 1 << 30 { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    tempfile::Builder::new().prefix("block66-powercut-").tempdir_in(within).unwrap()
}

/// Starts this program again as the workload.
fn child(directory: &Path, marks: &Path, sessions: u32, millis: u64, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture", "workload_in_a_child"])
        .env("POWERCUT_CHILD", directory)
        .env("POWERCUT_MARKS", marks)
        .env("POWERCUT_WORK", format!("{sessions} {millis} {seed}"))
        .stdout(Stdio::null());
    command
}

#[test]
#[ignore = "the workload, which other tests start as a child"]
fn workload_in_a_child() {
    let Some(directory) = std::env::var_os("POWERCUT_CHILD").map(PathBuf::from) else { return };
    let marks = PathBuf::from(std::env::var_os("POWERCUT_MARKS").unwrap());
    let work = std::env::var("POWERCUT_WORK").unwrap();
    let work: Vec<u64> = work.split(' ').map(|word| word.parse().unwrap()).collect();
    workload::run(&directory, &marks, work[0] as u32, Duration::from_millis(work[1]), work[2]);
}

/// Runs the workload under the recorder, and checks that the record tells all that happened.
fn recorded(scratch: &Path, seed: u64) -> Vec<Deed> {
    let root = scratch.join("root");
    std::fs::create_dir(&root).unwrap();
    let marks = scratch.join("marks");
    let mut random = Random::new(seed);
    let library = record::compile();
    let mut deeds = Vec::new();
    let run = |name: &str, sessions, millis, most: Option<usize>, deeds: &mut Vec<Deed>| {
        let log = scratch.join(name);
        let mut command = child(&root, &marks, sessions, millis, seed);
        command.env("LD_PRELOAD", &library).env("RECORD_ROOT", &root).env("RECORD_LOG", &log);
        command.env("RECORD_MARKS", &marks).envs(most.map(|most| ("RECORD_DEEDS", most.to_string())));
        let status = command.status().unwrap();
        assert_eq!(status.code(), Some(if most.is_some() { 137 } else { 0 }), "the workload failed");
        deeds.extend(record::read(&log, &root));
        deeds.push(Deed::Restart);
    };
    // Lives that end in the middle of something, some while they begin, then lives that are closed.
    for life in 0..LIVES {
        let most = if life % 3 == 2 { random.below(60) } else { random.below(9000) };
        run(&format!("life-{life}"), 1, 60_000, Some(most + 1), &mut deeds);
    }
    run("closed", 4, 500, None, &mut deeds);
    let marks_of =
        |what: &str| deeds.iter().filter(|deed| matches!(deed, Deed::Mark { text } if text.starts_with(what))).count();
    let (marked, renewed) = (marks_of(""), marks_of("leaf"));
    assert!(renewed > 2, "the leaves were renewed {renewed} times only");
    assert_eq!(marked, std::fs::read_to_string(&marks).unwrap().lines().count());
    println!(
        "recorded {} deeds in {LIVES} lives that were cut short and 4 that were not, {marked} acknowledgements, {renewed} of them of renewed leaves",
        deeds.len()
    );

    let mut disk = Disk::new(true);
    deeds.iter().for_each(|deed| disk.go_on(deed));
    let replayed = scratch.join("replayed");
    // With the last deed long done, nothing of it can be torn.
    disk.go_on(&Deed::Mark { text: String::new() });
    disk.image(Mode::Torn, &mut Random::new(0), &replayed);
    assert_eq!(contents(&replayed), contents(&root), "the record is not complete");
    std::fs::remove_dir_all(&replayed).unwrap();
    deeds
}

/// All files below a directory, by path.
fn contents(directory: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &std::fs::read(&path).unwrap());
            let short = u64::from_le_bytes(digest.as_ref()[..8].try_into().unwrap());
            found.insert(path.strip_prefix(directory).unwrap().to_path_buf(), short);
        }
    }
    found
}

/// A power cut: after this many deeds, in this mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cut {
    after: usize,
    mode: Mode,
    seed: u64,
}

/// Cuts at any moment, and as many just after an acknowledgement, when most is at stake.
fn cuts(deeds: &[Deed], mode: Mode, count: usize, random: &mut Random) -> Vec<Cut> {
    let marks: Vec<usize> =
        deeds.iter().enumerate().filter(|(_, deed)| matches!(deed, Deed::Mark { .. })).map(|(at, _)| at + 1).collect();
    (0..count)
        .map(|number| {
            let after = match number % 2 {
                0 => random.below(deeds.len()) + 1,
                _ => marks[random.below(marks.len())],
            };
            Cut { after, mode, seed: random.next() }
        })
        .collect()
}

/// Replays the record, and looks at the image of each cut, two at a time.
fn replay<T: Send>(
    deeds: &[Deed],
    mut cuts: Vec<Cut>,
    data_syncs: bool,
    scratch: &Path,
    look: impl Fn(&Path, &Acknowledged) -> T + Sync,
) -> Vec<(Cut, T)> {
    cuts.sort();
    let outcomes = Mutex::new(Vec::new());
    let (images, waiting) = sync_channel::<(Cut, PathBuf, Acknowledged)>(4);
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().recv();
                    let Ok((cut, image, acknowledged)) = next else { return };
                    let outcome = look(&image, &acknowledged);
                    std::fs::remove_dir_all(&image).unwrap();
                    outcomes.lock().unwrap().push((cut, outcome));
                }
            });
        }
        let mut disk = Disk::new(data_syncs);
        let mut acknowledged = Acknowledged::default();
        let mut done = 0;
        for (number, cut) in cuts.into_iter().enumerate() {
            for deed in &deeds[done..cut.after] {
                disk.go_on(deed);
                if let Deed::Mark { text } = deed {
                    acknowledged.mark(text);
                }
            }
            done = cut.after;
            let image = scratch.join(format!("image-{number}"));
            disk.image(cut.mode, &mut Random::new(cut.seed), &image);
            images.send((cut, image, acknowledged.clone())).unwrap();
        }
        drop(images);
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn no_power_cut_loses_what_was_acknowledged() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let scratch = scratch();
    let begin = Instant::now();
    let deeds = recorded(scratch.path(), seed);

    let (restorations, renewals) = (restorations(&deeds), renewals(&deeds));
    let mut all = Vec::new();
    for mode in Mode::ALL {
        all.extend(cuts(&deeds, mode, CUTS, &mut random));
        for moments in [&restorations, &renewals] {
            let within = |random: &mut Random| moments[random.below(moments.len())];
            all.extend((0..CUTS / 4).map(|_| Cut { after: within(&mut random), mode, seed: random.next() }));
        }
    }
    let outcomes = replay(&deeds, all, true, scratch.path(), workload::verify);
    let mut failures = Vec::new();
    for mode in Mode::ALL {
        let of_mode = || outcomes.iter().filter(|(cut, _)| cut.mode == mode);
        let restored = of_mode().filter(|(_, outcome)| *outcome == Ok(true)).count();
        let good = of_mode().filter(|(_, outcome)| outcome.is_ok()).count();
        println!("{mode:?}: {} cuts, {good} good, {restored} of them from a snapshot", of_mode().count());
        failures.extend(of_mode().filter_map(|(cut, outcome)| outcome.as_ref().err().map(|error| (*cut, error))));
    }

    // Control: the same without fdatasync. A harness that finds no losses now would find none ever.
    let marked = cuts(&deeds, Mode::Dropped, 60, &mut random);
    let control = replay(&deeds, marked, false, scratch.path(), workload::verify);
    let losses = control.iter().filter(|(_, outcome)| outcome.is_err()).count();
    println!("control without fdatasync: {losses} of {} cuts lost something", control.len());

    // Control: the same without the removal of the engine's own snapshots, cut while one is written.
    let torn: Vec<Cut> = torn_engine_snapshots(&deeds).map(|after| Cut { after, mode: Mode::Torn, seed }).collect();
    let raw = replay(&deeds, torn.clone(), true, scratch.path(), |image, _| opens_without_repair(image));
    let refused = raw.iter().filter(|(_, opens)| !opens).count();
    println!("control without snapshot repair: {refused} of {} did not open", raw.len());
    let repaired = replay(&deeds, torn, true, scratch.path(), workload::verify);
    failures.extend(repaired.iter().filter_map(|(cut, outcome)| outcome.as_ref().err().map(|error| (*cut, error))));

    println!("in {} s", begin.elapsed().as_secs());
    assert!(
        failures.is_empty(),
        "{} failures, the first ones: {:#?}",
        failures.len(),
        &failures[..failures.len().min(5)]
    );
    assert!(outcomes.iter().any(|(_, outcome)| *outcome == Ok(true)), "no cut fell into a restoration");
    assert!(losses > control.len() / 2, "the harness does not see lost syncs");
    assert!(refused > 0, "the harness does not see torn engine snapshots");
}

/// All moments from the loss of a database until a little after it is back.
fn restorations(deeds: &[Deed]) -> Vec<usize> {
    let mut moments = Vec::new();
    let mut left = 0;
    for (at, deed) in deeds.iter().enumerate() {
        match deed {
            Deed::Remove { path } if path.ends_with("database-1/db") || path.ends_with("database-2/db") => {
                left = 10_000
            }
            Deed::Rename { to, .. } if to.ends_with("database-1") || to.ends_with("database-2") => left = left.min(40),
            _ => {}
        }
        if left > 0 {
            moments.push(at + 1);
            left -= 1;
        }
    }
    moments
}

/// All moments a little before and after the root or a leaf gets its name.
fn renewals(deeds: &[Deed]) -> Vec<usize> {
    let is_one = |path: &Path| certificates::files().any(|name| path == Path::new(name));
    let named = deeds.iter().enumerate().filter(|(_, deed)| matches!(deed, Deed::Rename { to, .. } if is_one(to)));
    named.flat_map(|(at, _)| at.saturating_sub(20) + 1..(at + 40).min(deeds.len())).collect()
}

/// Whether this is the directory of a database that may count.
fn is_database(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("database-").is_some_and(|number| number.parse::<u64>().is_ok())
}

/// The moments at which one of the engine's own snapshots of a database in use is half written.
fn torn_engine_snapshots(deeds: &[Deed]) -> impl Iterator<Item = usize> {
    let half_written = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("snap.") && name.ends_with(".generating") && is_database(path.parent().unwrap_or(path))
    };
    deeds
        .iter()
        .enumerate()
        .filter(move |(_, deed)| matches!(deed, Deed::Open { path, made: true, .. } if half_written(path)))
        .map(|(at, _)| at + 1)
}

/// Whether the engine opens the database as it is.
fn opens_without_repair(image: &Path) -> bool {
    let entries = std::fs::read_dir(image.join("store")).unwrap().map(|entry| entry.unwrap().path());
    let newest =
        |path: &PathBuf| path.to_string_lossy().rsplit('-').next().and_then(|number| number.parse::<u64>().ok());
    let database = entries.filter(|path| is_database(path)).max_by_key(newest).expect("a database is there");
    sled::Config::new().path(database).open().is_ok()
}

#[test]
fn twenty_kills_lose_nothing_that_was_acknowledged() {
    let seed = random::seed();
    let mut random = Random::new(seed);
    let scratch = scratch();
    let (root, marks) = (scratch.path().join("root"), scratch.path().join("marks"));
    std::fs::create_dir(&root).unwrap();
    let mut acknowledged = Acknowledged::default();
    let mut seen = 0;
    for kill in 0..20 {
        let mut victim = child(&root, &marks, 1, 60_000, random.next() >> 32).spawn().unwrap();
        seen = kill_after(&mut victim, &marks, seen, 1 + random.below(1500), &mut acknowledged);
        if let Err(error) = workload::verify(&root, &acknowledged) {
            panic!("kill {kill}: {error}");
        }
    }
    assert!(acknowledged.things() > 60, "{acknowledged:?}");
}

#[test]
#[ignore = "runs on a small disk, where another test starts it as a child"]
fn full_disk_in_a_child() {
    let Some(directory) = std::env::var_os("POWERCUT_CHILD").map(PathBuf::from) else { return };
    let (one, other) = (directory.join("one"), directory.join("other"));
    full::refuses_in_time_and_recovers(&one);
    std::fs::remove_dir_all(&one).unwrap();
    full::survives_to_the_last_byte(&other);
}

#[test]
fn a_full_disk_refuses_loses_nothing_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    full::within_small_disk(directory.path(), "full_disk_in_a_child");
}

#[test]
#[ignore = "a store of some size, which another test starts in a process of its own"]
fn size_in_a_child() {
    let Some(directory) = std::env::var_os("POWERCUT_CHILD").map(PathBuf::from) else { return };
    size::in_a_child(&directory, &std::env::var("POWERCUT_WORK").unwrap());
}

#[test]
fn ten_thousand_phones_or_sixty_thousand_leases_fit_in_memory() {
    let scratch = scratch();
    let resident = |what| size::resident(scratch.path(), "size_in_a_child", what);
    let (nothing, phones, leases) = (resident(""), resident("phones"), resident("leases"));
    println!(
        "resident: {} kB empty, {} kB more with the phones, {} kB more with the leases",
        nothing >> 10,
        (phones - nothing) >> 10,
        (leases - nothing) >> 10
    );
    assert!(phones - nothing < 80 << 20, "10,000 phones of 12 lines");
    assert!(leases - nothing < 40 << 20, "60,000 leases");
}

/// Kills the workload when it has marked so many acknowledgements, and takes over all that it has marked.
fn kill_after(victim: &mut Child, marks: &Path, seen: usize, more: usize, acknowledged: &mut Acknowledged) -> usize {
    let deadline = Instant::now() + Duration::from_secs(30);
    let lines = || -> Vec<String> {
        let Ok(file) = std::fs::File::open(marks) else { return Vec::new() };
        BufReader::new(file).lines().map(Result::unwrap).collect()
    };
    while lines().len() < seen + more {
        assert!(Instant::now() < deadline, "the workload does not go on");
        assert!(victim.try_wait().unwrap().is_none(), "the workload ended by itself");
        std::thread::yield_now();
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    let lines = lines();
    lines[seen..].iter().for_each(|line| acknowledged.mark(line));
    lines.len()
}
