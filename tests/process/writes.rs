//! A disk that is full at any one of the writes of a change, and of what is written in its course.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::service::{Service, failing_disk};

/// As many writes as a change takes with its event, and some.
const WRITES: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(20);

/// A box whose disk can be made to fail, over many lives.
struct Box66 {
    library: PathBuf,
    service: Service,
}

impl Box66 {
    fn start(library: PathBuf, data: Option<&Path>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        if let Some(data) = data {
            fs::rename(data, directory.path().join("data")).unwrap();
        }
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (disk, fault) = (text(&directory.path().join("data")), text(&directory.path().join("fault")));
        let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("DISK", &disk), ("FAULT", &fault)];
        let service = Service::start_in(directory, &environment);
        Self { library, service }
    }

    /// Ends it as a power cut does, and starts it again of what is on the disk.
    fn start_anew(mut self) -> Self {
        self.service.kill();
        Self::start(self.library, Some(&self.service.path("data")))
    }

    /// Whether an organisation of this name was added, by what the box says.
    fn adds(&self, name: &str) -> bool {
        let said = self.service.block66(&["organisations", "add", name]);
        let added = said.contains(&format!("Added {name}"));
        assert!(added || said.contains("The disk of this box is full"), "{said}\n{}", self.service.last_words());
        added
    }

    fn listed(&self) -> BTreeSet<String> {
        let told = self.service.block66(&["organisations", "list", "--json"]);
        let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
        let all = told["organisations"].as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned()).filter(|name| name.starts_with("Branch ")).collect()
    }
}

/// A number below `limit` (Steele and others, SplitMix64).
fn below(chance: &mut u64, limit: u64) -> u64 {
    *chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *chance;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % limit
}

#[test]
fn a_disk_that_is_full_at_any_write_loses_nothing_acknowledged() {
    let mut chance = std::env::var("WRITES_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(66);
    println!("seed: WRITES_SEED={chance}");
    let mut subject = Box66::start(failing_disk(), None);
    let (mut acknowledged, mut unsure) = (BTreeSet::new(), BTreeSet::new());
    let mut refused = 0;
    // The disk has room again after one failure, after some, which are those of the database that is built anew, or only
    // when it is told so.
    let rounds = (1..=WRITES).flat_map(|write| [0, 1, 2].map(|kind| (write, kind)));
    for (round, (write, kind)) in rounds.enumerate() {
        let failures = [1, 2 + below(&mut chance, 12), 1_000_000][kind];
        let cut = below(&mut chance, 3) == 0;
        let when = format!("{failures} failures from write {write} on, then a power cut: {cut}");
        fs::write(subject.service.path("fault"), format!("enospc {write} {failures}")).unwrap();
        for number in 0..3 {
            let name = format!("Branch {round}.{number}");
            if subject.adds(&name) {
                acknowledged.insert(name);
            } else {
                unsure.insert(name);
                refused += 1;
            }
        }
        assert!(acknowledged.is_subset(&subject.listed()), "{when}\n{}", subject.service.last_words());
        fs::remove_file(subject.service.path("fault")).unwrap();
        if cut {
            // What was refused in the moment before may be there or not: nobody was told that it is.
            subject = subject.start_anew();
            let listed = subject.listed();
            assert!(acknowledged.is_subset(&listed), "{when}: {listed:?}");
            assert!(listed.is_subset(&(&acknowledged | &unsure)), "{when}: {listed:?}");
            acknowledged = listed;
        } else {
            let deadline = Instant::now() + PATIENCE;
            let name = format!("Branch {round}");
            while !subject.adds(&name) {
                assert!(Instant::now() < deadline, "{when}: nothing can be stored again");
                std::thread::park_timeout(Duration::from_millis(50));
            }
            acknowledged.insert(name);
            assert_eq!(subject.listed(), acknowledged, "{when}");
        }
        unsure.clear();
        let log = subject.service.log();
        // The engine panics when it is let go and cannot sync; the store is made for that.
        let ours = |line: &&str| line.contains("panicked") && !line.contains("/sled-0.34.7/");
        let panics: Vec<_> = log.lines().filter(ours).collect();
        assert!(panics.is_empty(), "{when}: {panics:?}");
    }
    subject = subject.start_anew();
    assert_eq!(subject.listed(), acknowledged);
    assert!(refused >= 10, "the disk was full {refused} times only");
    println!(
        "figure: a disk that was full at each of {WRITES} writes refused {refused} changes and lost none of {}",
        acknowledged.len()
    );
}

/// The engine writes a change in two parts at once, and of the one that fails last it tells nobody who waits.
#[test]
fn a_write_that_fails_after_the_other_is_done_is_told_in_time() {
    let mut subject = Box66::start(failing_disk(), None);
    let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
    for round in 0..6 {
        fs::write(subject.service.path("fault"), format!("late {} in round {round}", 1 + round % 2)).unwrap();
        for number in 0..2 {
            let name = format!("Branch {round}.{number}");
            if subject.adds(&name) {
                acknowledged.insert(name);
            } else {
                refused += 1;
            }
        }
        fs::remove_file(subject.service.path("fault")).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let name = format!("Branch {round}");
        while !subject.adds(&name) {
            assert!(Instant::now() < deadline, "nothing can be stored again");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        acknowledged.insert(name);
        assert_eq!(subject.listed(), acknowledged);
    }
    subject = subject.start_anew();
    assert_eq!(subject.listed(), acknowledged);
    assert!(refused > 0, "no write failed");
}
