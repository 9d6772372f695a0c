//! What the process takes, and how quickly it answers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use block66::lab::Lab;
use block66::lab::ground::BOX;
use block66::lab::namespace::Namespace;

/// One look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Resident memory, kB.
    memory: u64,
    /// Open files.
    files: u64,
    /// Bytes of the database.
    database: u64,
    /// Bytes of everything that it keeps.
    data: u64,
    /// Of a request of somebody who is no phone.
    latency: Duration,
}

pub(crate) struct Gauge {
    process: u32,
    data: PathBuf,
    switch: Namespace,
}

impl Gauge {
    pub(crate) fn new(lab: &mut Lab) -> Self {
        let data = lab.appliance().configuration().with_file_name("data");
        let process = lab.appliance().id().unwrap();
        Self { process, data, switch: lab.ground().switch().clone() }
    }

    pub(crate) fn look(&mut self) -> Sample {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        Sample {
            memory: line.trim().trim_end_matches(" kB").trim().parse().unwrap(),
            files: fs::read_dir(format!("/proc/{}/fd", self.process)).unwrap().count() as u64,
            database: size(&self.data.join("store")),
            data: size(&self.data),
            latency: self.ask(),
        }
    }

    fn ask(&self) -> Duration {
        let begun = Instant::now();
        let mut stream = self.switch.run(|| TcpStream::connect((BOX, 80)).unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(b"GET /p/ca.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        begun.elapsed()
    }
}

/// Bytes that a folder takes. Files come and go meanwhile.
fn size(at: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(at) else { return fs::metadata(at).map_or(0, |file| file.len()) };
    entries.filter_map(Result::ok).map(|entry| size(&entry.path())).sum()
}

fn middle<T: Ord + Copy>(samples: &[Sample], of: impl Fn(&Sample) -> T) -> T {
    let mut values: Vec<T> = samples.iter().map(of).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Compares the last quarter with the second: the first is the start.
pub(crate) fn judge(samples: &[Sample]) {
    assert!(samples.len() >= 16, "only {} looks", samples.len());
    let quarter = samples.len() / 4;
    let (before, after) = (&samples[quarter..2 * quarter], &samples[samples.len() - quarter..]);
    let faults = compare(before, after);
    for (what, of) in GAUGES {
        println!("figure: {what}: {} in the second quarter, {} in the last", middle(before, of), middle(after, of));
    }
    let latency = |samples| middle(samples, |sample: &Sample| sample.latency);
    println!("figure: latency: {:?} in the second quarter, {:?} in the last", latency(before), latency(after));
    assert!(faults.is_empty(), "{}", faults.join("; "));
}

type Of = fn(&Sample) -> u64;

const GAUGES: [(&str, Of); 4] = [
    ("memory in kB", |sample| sample.memory),
    ("open files", |sample| sample.files),
    ("bytes of the database", |sample| sample.database),
    ("bytes in all", |sample| sample.data),
];

/// How much more there may be in the last quarter than in the second, beside a quarter of it: what caches and the
/// database's own segments swing by.
const SLACK: [u64; 4] = [12 << 10, 24, 12 << 20, 16 << 20];

fn compare(before: &[Sample], after: &[Sample]) -> Vec<String> {
    let mut faults = Vec::new();
    for ((what, of), slack) in GAUGES.into_iter().zip(SLACK) {
        let (then, now) = (middle(before, of), middle(after, of));
        if now > then + then / 4 + slack {
            faults.push(format!("{what} grew from {then} to {now}"));
        }
    }
    let [then, now] = [before, after].map(|samples| middle(samples, |sample| sample.latency));
    if now > then * 3 + Duration::from_millis(50) {
        faults.push(format!("latency grew from {then:?} to {now:?}"));
    }
    faults
}

#[test]
fn control_growth_is_found() {
    let flat =
        Sample { memory: 50 << 10, files: 60, database: 4 << 20, data: 8 << 20, latency: Duration::from_millis(2) };
    let before = [flat; 8];
    assert_eq!(compare(&before, &[flat; 8]), Vec::<String>::new());
    for (grown, said) in [
        (Sample { memory: 90 << 10, ..flat }, "memory"),
        (Sample { files: 120, ..flat }, "open files"),
        (Sample { database: 20 << 20, ..flat }, "database"),
        (Sample { data: 30 << 20, ..flat }, "in all"),
        (Sample { latency: Duration::from_millis(90), ..flat }, "latency"),
    ] {
        let found = compare(&before, &[grown; 8]);
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
    }
}
