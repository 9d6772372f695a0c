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
    /// Memory that is the process's own, without the files that it shows to it, kB.
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
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
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
        let answer = get(&self.switch, "/p/ca.pem");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        begun.elapsed()
    }
}

/// The answer to somebody who is no phone.
pub(crate) fn get(switch: &Namespace, path: &str) -> String {
    let mut stream = switch.run(|| TcpStream::connect((BOX, 80)).unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
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
pub(crate) fn judge(samples: &[Sample], took: Duration) {
    assert!(samples.len() >= 16, "only {} looks", samples.len());
    let quarters: Vec<&[Sample]> = samples.chunks_exact(samples.len() / 4).take(4).collect();
    for (what, of) in GAUGES {
        println!(
            "figure: {what} in each quarter: {:?}",
            quarters.iter().map(|of_it| middle(of_it, of)).collect::<Vec<_>>()
        );
    }
    let latency = |samples: &&[Sample]| middle(samples, |sample| sample.latency);
    println!("figure: latency in each quarter: {:?}", quarters.iter().map(latency).collect::<Vec<_>>());
    let tolerance = if took / 4 < FILLED { &SHORTLY } else { &IN_THE_LONG_RUN };
    let faults = compare(quarters[1], quarters[3], tolerance);
    assert!(faults.is_empty(), "{}", faults.join("; "));
}

type Of = fn(&Sample) -> u64;

const GAUGES: [(&str, Of); 4] = [
    ("memory in kB", |sample| sample.memory),
    ("open files", |sample| sample.files),
    ("bytes of the database", |sample| sample.database),
    ("bytes in all", |sample| sample.data),
];

/// Until then what is kept up to a limit has come to it: events, former states, pieces of images.
const FILLED: Duration = Duration::from_secs(10 * 60);

/// How much more there may be in the last quarter than in the second.
struct Tolerance {
    /// One part of what there was: a quarter for 4.
    part: u64,
    /// And as much as this, of each gauge.
    slack: [u64; 4],
}

/// While all that is kept still fills, and what the database's own segments swing by.
const SHORTLY: Tolerance = Tolerance { part: 4, slack: [12 << 10, 24, 12 << 20, 16 << 20] };
const IN_THE_LONG_RUN: Tolerance = Tolerance { part: 10, slack: [4 << 10, 8, 6 << 20, 8 << 20] };

fn compare(before: &[Sample], after: &[Sample], tolerance: &Tolerance) -> Vec<String> {
    let mut faults = Vec::new();
    for ((what, of), slack) in GAUGES.into_iter().zip(tolerance.slack) {
        let (then, now) = (middle(before, of), middle(after, of));
        if now > then + then / tolerance.part + slack {
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
    for (tolerance, grown) in [
        (&SHORTLY, Sample { memory: 90 << 10, files: 120, database: 20 << 20, data: 30 << 20, ..flat }),
        (&IN_THE_LONG_RUN, Sample { memory: 60 << 10, files: 80, database: 12 << 20, data: 18 << 20, ..flat }),
    ] {
        assert_eq!(compare(&[flat; 8], &[flat; 8], tolerance), Vec::<String>::new());
        for (grown, said) in [
            (Sample { memory: grown.memory, ..flat }, "memory"),
            (Sample { files: grown.files, ..flat }, "open files"),
            (Sample { database: grown.database, ..flat }, "database"),
            (Sample { data: grown.data, ..flat }, "in all"),
            (Sample { latency: Duration::from_millis(90), ..flat }, "latency"),
        ] {
            let found = compare(&[flat; 8], &[grown; 8], tolerance);
            assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
        }
    }
}
