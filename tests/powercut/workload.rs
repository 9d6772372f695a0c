//! The process that is cut off: it drives the real store and real files, and marks what was acknowledged.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use block66::model::{
    Door, Event, FirstContact, Id, Lease, LeaseState, Line, Login, Mac, Organisation, Phone, Policy, Reason, Secret,
    Settings, Timestamp, Transport, Via,
};
use block66::store::{Disk, EventFilter, Limits, Options, Store, Ticket, Write, key};
use block66::sys::clock::Clock;
use block66::sys::files;

use crate::certificates;
use crate::random::Random;

const LEASES: u32 = 60;
const PHONES: u32 = 12;
const NETWORK: &str = "office";

/// What was acknowledged: of each thing the last value, and values only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    leases: BTreeMap<u32, u32>,
    phones: BTreeMap<u32, u32>,
    file: u32,
    /// The beginning of the root's fingerprint.
    root: Option<u32>,
    leaf: u32,
}

impl Acknowledged {
    /// Takes a mark over.
    pub(crate) fn mark(&mut self, text: &str) {
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |index: usize| words[index].parse::<u32>().unwrap();
            match words[0] {
                "lease" => drop(self.leases.insert(number(1), number(2))),
                "phone" => drop(self.phones.insert(number(1), number(2))),
                "file" => self.file = number(1),
                "root" => self.root = Some(number(1)),
                "leaf" => self.leaf = number(1),
                other => panic!("a mark of {other}"),
            }
        }
    }

    /// How many things were acknowledged at least once.
    pub(crate) fn things(&self) -> usize {
        self.leases.len() + self.phones.len()
    }
}

/// Opens the store as the workload does: few events and hasty snapshots, so that all goes on at once.
pub(crate) fn open(directory: &Path) -> Result<(Store, bool), String> {
    let limits = Limits {
        events: 200,
        documents_saved_within: Duration::from_millis(50),
        leases_saved_within: Duration::from_millis(150),
        ..Limits::default()
    };
    open_within(directory, limits)
}

/// Opens the store, and says whether it was restored.
pub(crate) fn open_within(directory: &Path, limits: Limits) -> Result<(Store, bool), String> {
    let key = key::load(directory, None).map_err(|e| e.to_string())?;
    let clock = Clock::new(Timestamp::default());
    let options = Options { directory: directory.into(), key, clock, disk: Disk::default() };
    let (store, opened) = Store::open_within(options, limits).map_err(|e| e.to_string())?;
    Ok((store, opened.restored.is_some()))
}

/// Runs until all of `sessions` are over, each of this length. Between them the store is closed, and before every
/// other one it loses its database and has to come back from its snapshots.
pub(crate) fn run(directory: &Path, marks: &Path, sessions: u32, length: Duration, seed: u64) {
    let marks = Mutex::new(File::options().create(true).append(true).open(marks).unwrap());
    for session in 0..sessions {
        let (store, _) = open(directory).unwrap();
        let end = Instant::now() + length;
        // Values go on where they were left, also after a kill.
        let first = highest(&store, directory) + 1;
        let authority = certificates::root(directory, &marks);
        store.commit(vec![put_organisation()]).wait().unwrap();
        std::thread::scope(|scope| {
            for half in 0..2 {
                let (store, marks) = (&store, &marks);
                let random = Random::new(seed + u64::from(session * 10 + half));
                scope.spawn(move || leases(store, marks, half, first, end, random));
            }
            scope.spawn(|| phones(&store, &marks, first, end));
            scope.spawn(|| events(&store, end));
            scope.spawn(|| replace_files(&store, directory, &marks, first, end));
            scope.spawn(|| certificates::renew(&authority, directory, &marks, first, end));
        });
        store.close();
        if session + 1 < sessions && session % 2 == 0 {
            lose_database(directory);
        }
    }
}

/// Deletes the database of a store that was closed: the next session begins with its restoration.
fn lose_database(directory: &Path) {
    for entry in std::fs::read_dir(directory.join("store")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
}

fn highest(store: &Store, directory: &Path) -> u32 {
    let leases = store.leases(NETWORK).into_iter().map(|lease| lease.seconds_left).max();
    let phones = store.phones().iter().map(|phone| phone.name.parse().unwrap()).max();
    let files = file(directory).ok().flatten().into_iter().chain(certificates::values(directory).unwrap());
    leases.into_iter().chain(phones).chain(files).max().unwrap_or(0)
}

pub(crate) fn mark(marks: &Mutex<File>, text: &str) {
    marks.lock().unwrap().write_all(text.as_bytes()).unwrap();
}

/// Pairs of leases that always have the same value, several commits under way at once.
fn leases(store: &Store, marks: &Mutex<File>, half: u32, first: u32, end: Instant, mut random: Random) {
    let mut under_way: VecDeque<(u32, u32, Ticket)> = VecDeque::new();
    for value in first.. {
        let number = random.below(LEASES as usize / 2) as u32 * 2 + half;
        if !under_way.iter().any(|(other, ..)| *other == number) {
            let pair = vec![put_lease(number, value), put_lease(number + 1000, value)];
            under_way.push_back((number, value, store.commit(pair)));
        }
        let over = Instant::now() >= end;
        while under_way.len() > 6 || over && !under_way.is_empty() {
            let (number, value, ticket) = under_way.pop_front().unwrap();
            ticket.wait().unwrap();
            mark(marks, &format!("lease {number} {value}\n"));
        }
        if over {
            return;
        }
    }
}

fn phones(store: &Store, marks: &Mutex<File>, first: u32, end: Instant) {
    for value in first.. {
        if Instant::now() >= end {
            return;
        }
        let number = value % PHONES;
        store.commit(vec![Write::PutPhone { phone: phone(number, value), expect: None }]).wait().unwrap();
        mark(marks, &format!("phone {number} {value}\n"));
    }
}

fn events(store: &Store, end: Instant) {
    while Instant::now() < end {
        let sequence = store.next_event_sequence();
        let event = Event::new(Timestamp::from_secs(1), Door::Http, Reason::NotServed).for_file("/y000000000000.boot");
        store.commit(vec![Write::PutEvent { sequence, event }]).wait().unwrap();
    }
}

/// A file that is replaced far more often than any certificate, in turn with a setting.
fn replace_files(store: &Store, directory: &Path, marks: &Mutex<File>, first: u32, end: Instant) {
    for value in first.. {
        if Instant::now() >= end {
            return;
        }
        files::replace(&directory.join("often"), content(value).as_bytes(), 0o600).unwrap();
        mark(marks, &format!("file {value}\n"));
        let setting = Write::PutSetting { key: "file".into(), value: value.into() };
        store.commit(vec![setting]).wait().unwrap();
    }
}

fn content(value: u32) -> String {
    format!("{value}\n{}\nend of {value}\n", "k".repeat(1700 + value as usize % 3000))
}

/// The value of the file, if it is there; an error when it is not whole.
fn file(directory: &Path) -> Result<Option<u32>, String> {
    let Ok(text) = std::fs::read_to_string(directory.join("often")) else { return Ok(None) };
    let value = text.lines().next().and_then(|line| line.parse().ok());
    match value {
        Some(value) if text == content(value) => Ok(Some(value)),
        _ => Err(format!("often is not whole: {} bytes", text.len())),
    }
}

/// Opens what was left, and compares it with what was acknowledged. Says whether a snapshot was needed.
pub(crate) fn verify(directory: &Path, acknowledged: &Acknowledged) -> Result<bool, String> {
    snapshots(directory)?;
    certificates::verify(directory, acknowledged.root, acknowledged.leaf)?;
    match file(directory)?.unwrap_or(0) {
        value if value < acknowledged.file => return Err(format!("often is {value}, not {}", acknowledged.file)),
        _ => {}
    }
    let (store, restored) = open(directory).map_err(|error| format!("does not open: {error}"))?;
    let outcome = compare(&store, acknowledged).map(|()| restored);
    store.close();
    outcome
}

fn compare(store: &Store, acknowledged: &Acknowledged) -> Result<(), String> {
    let value = |number: u32| store.lease_by_address(address(number)).map_or(0, |lease| lease.seconds_left);
    for (number, least) in &acknowledged.leases {
        if value(*number) < *least {
            return Err(format!("lease {number} is at {}, and {least} was acknowledged", value(*number)));
        }
    }
    for number in 0..LEASES {
        if value(number) != value(number + 1000) {
            return Err(format!("half of a commit: lease {number}"));
        }
    }
    for (number, least) in &acknowledged.phones {
        let found = store.phone_by_mac(mac(*number)).ok_or_else(|| format!("phone {number} is gone"))?;
        let value: u32 = found.name.parse().unwrap();
        if value < *least {
            return Err(format!("phone {number} is at {value}, and {least} was acknowledged"));
        }
        if found.lines != phone(*number, value).lines {
            return Err(format!("phone {number} has the lines of another version"));
        }
    }
    if store.events(&EventFilter { limit: 1000, ..EventFilter::default() }).len() > 200 {
        return Err("the ring of events has burst".into());
    }
    // What was saved goes on: the store can be written to.
    store.commit(vec![put_lease(5000, 1)]).wait().map_err(|error| format!("cannot be written to: {error}"))?;
    Ok(())
}

/// Snapshots that have their names are whole.
fn snapshots(directory: &Path) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(directory.join("store")) else { return Ok(()) };
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "snapshot")) {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        let (lines, checksum) = text.trim_end().rsplit_once('\n').ok_or(format!("{} is torn", path.display()))?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{lines}\n").as_bytes());
        let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if digest != checksum {
            return Err(format!("{} is not whole", path.display()));
        }
    }
    Ok(())
}

fn id(kind: u8, number: u32) -> Id {
    let mut bytes = [kind; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    Id::from_bytes(bytes)
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a42_0000 + number)
}

fn mac(number: u32) -> Mac {
    let [_, a, b, c] = number.to_be_bytes();
    Mac::new([0x80, 0x5e, 0xc0, a, b, c])
}

fn lease(number: u32, value: u32) -> Lease {
    Lease {
        address: address(number),
        mac: mac(number),
        client_id: None,
        host_name: Some(format!("SIP-T54W-{number}")),
        vendor_class: Some("yealink".into()),
        state: LeaseState::Bound,
        expires: Timestamp::from_secs(1_700_000_000),
        seconds_left: value,
        via: Via::Wire,
    }
}

pub(crate) fn put_lease(number: u32, value: u32) -> Write {
    Write::PutLease { network: NETWORK.into(), lease: lease(number, value) }
}

/// A phone with so many lines.
pub(crate) fn put_phone(number: u32, lines: u32) -> Write {
    let mut phone = phone(number, number);
    phone.lines = (0..lines).map(|index| line(index, number)).collect();
    Write::PutPhone { phone, expect: None }
}

pub(crate) fn put_organisation() -> Write {
    let organisation = Organisation {
        id: id(1, 1),
        version: 0,
        origin: id(0, 0),
        name: "Branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("secret") },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: Timestamp::default(),
    };
    Write::PutOrganisation { organisation, expect: None }
}

fn line(index: u32, value: u32) -> Line {
    Line {
        user: format!("{}", 2000 + index),
        auth_user: None,
        password: Secret::new(format!("password-{value}-{index}")),
        display: format!("Extension {index}"),
        server: "pbx.example.com".into(),
        port: None,
        transport: Some(Transport::Udp),
        expires: None,
        voicemail: None,
        settings: Settings::NONE,
    }
}

/// A phone whose name and passwords carry the value. Some have so many lines that they take several records.
fn phone(number: u32, value: u32) -> Phone {
    let lines = if number == 0 { 40 } else { value % 4 };
    Phone {
        id: id(2, number),
        version: 0,
        origin: id(0, 0),
        mac: mac(number),
        organisation: id(1, 1),
        brand: None,
        model: None,
        name: value.to_string(),
        lines: (0..lines).map(|index| line(index, value)).collect(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: Some(Login { user: format!("p{number}"), password: Secret::new("secret") }),
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: Timestamp::default(),
    }
}
