//! A line that loses, delays, doubles, reorders and cuts up what it carries, and peers that are gone in the middle.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use block66::lab::Api;
use block66::model::Mac;
use block66::phonesim::{BREEDS, Breed, Identity, Phone, Plug, Remote, Report, Setup, Trust};
use nix::sched::{CloneFlags, setns};
use serde_json::json;

use crate::impair::{Line, Weather, ip};

/// A branch at the two ends of a line: the box at one, a switch with phones at the other.
struct Branch {
    phones: Vec<Remote>,
    threads: Vec<std::thread::JoinHandle<()>>,
    names: Vec<String>,
    child: Child,
    directory: tempfile::TempDir,
    line: Line,
    /// How many seconds of a phone's own waits pass in one of ours.
    pace: u32,
}

impl Branch {
    /// With a phone of each of these breeds, and this weather before the first of them is switched on.
    fn new(seed: u64, weather: Weather, breeds: &[&'static Breed], (pace, mtu): (u32, u16)) -> Self {
        let line = Line::new(Weather::default(), seed);
        let near = line.place("near");
        // What was the one interface there becomes the switch's way out.
        ip(&format!("-n {near} addr flush dev eth0"));
        ip(&format!("-n {near} link add switch address 02:66:00:00:00:02 type bridge forward_delay 0 stp_state 0"));
        ip(&format!("-n {near} link set eth0 master switch"));
        ip(&format!("-n {near} addr add 10.77.0.2/24 dev switch"));
        ip(&format!("-n {near} link set switch up"));
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let text = format!(
            "data-directory = \"{}\"\nsocket = \"{}\"\n\n[[network]]\nname = \"office\"\ninterface = \"eth0\"\n\
             subnet = \"10.77.0.0/24\"\ngateway = \"10.77.0.2\"\ndns = [\"10.77.0.2\"]\n\n[network.dhcp]\nmode = \"full\"\n\
             pool = \"10.77.0.50-10.77.0.200\"\nlease-time = \"1h\"\n",
            at("data").display(),
            at("socket").display(),
        );
        fs::write(at("block66.toml"), text).unwrap();
        let log = File::create(at("log")).unwrap();
        let mut command = line.far(env!("CARGO_BIN_EXE_block66"));
        command.arg("run").arg("--config").arg(at("block66.toml"));
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let (phones, threads, names) = (Vec::new(), Vec::new(), Vec::new());
        let mut branch = Self { phones, threads, names, child, directory, line, pace };
        let deadline = Instant::now() + Duration::from_secs(40);
        while branch.api().get("status").is_err() {
            assert!(Instant::now() < deadline, "the box does not start:\n{}", branch.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        for (name, policy) in [
            ("Plain HTTP", json!({ "plain-http": true })),
            ("No login", json!({ "plain-http": true, "lan-alone": true })),
        ] {
            branch.api().post("organisations", &json!({ "name": name, "policy": policy })).unwrap();
        }
        branch.line.change(weather);
        for (number, breed) in (1..).zip(breeds) {
            branch.plug(number, breed, mtu);
        }
        branch
    }

    fn plug(&mut self, number: u8, breed: &'static Breed, mtu: u16) {
        let (name, near) = (format!("{}-desk{number}", self.line.place("near")), self.line.place("near"));
        let make = &breed.makes[0];
        let [a, b, c] = make.prefix;
        let identity = Identity { breed, make, mac: Mac::new([a, b, c, 0x66, 0, number]) };
        ip(&format!("netns add {name}"));
        self.names.push(name.clone());
        ip(&format!("-n {near} link add port{number} type veth peer name eth0 address {} netns {name}", identity.mac));
        ip(&format!("-n {near} link set port{number} master switch up"));
        ip(&format!("-n {name} link set eth0 mtu {mtu}"));
        let mut listed = json!({ "mac": identity.mac.to_string(), "name": format!("Desk {number}"), "lines": [
            { "user": "201", "password": "line-password", "display": "Desk", "server": "10.77.0.2" }] });
        match breed.trust {
            Trust::Authority | Trust::Unchecked => {}
            Trust::PlainLogin => listed["organisation"] = "Plain HTTP".into(),
            Trust::Lan => listed["organisation"] = "No login".into(),
        }
        self.api().post("phones", &listed).unwrap();
        let plug = Plug::Lan { interface: "eth0".into() };
        let (phone, remote) = Phone::new(Setup { identity, plug, pace: self.pace, instead: None, escort: None });
        self.phones.push(remote);
        self.threads.push(std::thread::spawn(move || {
            let file = File::open(format!("/run/netns/{name}")).unwrap();
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            phone.run();
        }));
    }

    fn api(&self) -> Api {
        Api::new(&self.directory.path().join("socket"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until each phone is in service. One that does not come there by itself is told to look again, as its owner
    /// would by the phone's own button. How long it took, and how often a button was pressed.
    fn all_serve(&self, what: &str, limit: Duration) -> (Duration, u32) {
        let begun = Instant::now();
        let mut presses = 0;
        // How many looks had come to their end when a phone's button was last pressed: the press is for the next one.
        let mut pressed = vec![None::<u32>; self.phones.len()];
        loop {
            let elapsed = begun.elapsed();
            // A look takes its time too.
            let within = limit.saturating_sub(elapsed) / 2;
            let mut waiting = Vec::new();
            for (phone, pressed) in self.phones.iter().zip(&mut pressed) {
                let report = phone.report();
                if report.in_service() {
                    continue;
                }
                if *pressed != Some(report.looks) && self.needs_its_owner(phone, &report, within) {
                    *pressed = Some(report.looks);
                    presses += 1;
                    phone.poll();
                }
                waiting.push(report);
            }
            if waiting.is_empty() {
                return (elapsed, presses);
            }
            if elapsed > limit {
                let last = |report: &Report| report.log[report.log.len().saturating_sub(15)..].to_vec();
                let told: Vec<_> = waiting.iter().map(|report| (report.mac.to_string(), last(report))).collect();
                panic!("{what}: not in service after {limit:?}: {told:#?}\n{}", self.log());
            }
            std::thread::park_timeout(Duration::from_millis(300));
        }
    }

    /// Whether a phone has given up: it came to the end of a look, and looks again never or not within this time.
    fn needs_its_owner(&self, phone: &Remote, report: &Report, within: Duration) -> bool {
        // It may have been told to look tomorrow in a look that goes on still. Looks that were begun are counted from the
        // last start and those that ended from the first: after another start it cannot be told.
        let goes_on = report.starts == 1 && report.rounds > report.looks;
        let later = phone.holding().polling.is_some_and(|pause| pause / self.pace > within);
        !report.asks_again || later && report.looks > 0 && !goes_on
    }

    /// TCP connections that the box holds.
    fn held(&self) -> usize {
        let mut command = self.line.far("cat");
        let table = String::from_utf8(command.arg("/proc/net/tcp").output().unwrap().stdout).unwrap();
        let table6 = String::from_utf8(self.line.far("cat").arg("/proc/net/tcp6").output().unwrap().stdout).unwrap();
        // 01 is ESTABLISHED.
        table.lines().chain(table6.lines()).filter(|line| line.split_whitespace().nth(3) == Some("01")).count()
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        self.phones.iter().for_each(Remote::stop);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn long() -> bool {
    std::env::var_os("FAULTS_LONG").is_some()
}

/// What the weather is, how fast phones live in it, and how large packets may be.
fn weathers() -> Vec<(&'static str, Weather, u32, u16)> {
    let fine = Weather::default();
    let mut all = vec![
        ("loses 10 %", Weather::losing(10), 4, 1500),
        ("half a second each way and back", Weather { delay: Duration::from_millis(250), ..fine }, 2, 1500),
        ("doubles a third", Weather { doubled: 330_000, ..fine }, 30, 1500),
        ("reorders a third", Weather { late: 330_000, delay: Duration::from_millis(1), ..fine }, 30, 1500),
        ("packets of 576 bytes", fine, 30, 576),
        ("all of it a little", Weather { lost: 30_000, ..Weather::rough() }, 8, 576),
    ];
    if long() {
        all.extend([
            ("loses 30 %", Weather::losing(30), 1, 1500),
            ("half a second each way", Weather { delay: Duration::from_millis(500), ..fine }, 1, 1500),
            (
                "loses 20 % and doubles, delays and reorders",
                Weather { lost: 200_000, doubled: 200_000, late: 200_000, delay: Duration::from_millis(50) },
                1,
                576,
            ),
        ]);
    }
    all
}

#[test]
fn every_phone_ends_in_service_in_any_weather() {
    let limit = Duration::from_secs(if long() { 1500 } else { 150 });
    let seed = std::env::var("FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(66);
    println!("seed: FAULTS_SEED={seed}");
    let weathers = weathers();
    let apart = weathers.len();
    std::thread::scope(|scope| {
        for (number, (what, weather, pace, mtu)) in (0..).zip(weathers) {
            scope.spawn(move || {
                // Each breed meets one weather, and in the long run every one.
                let (breeds, brands) = if long() {
                    (BREEDS.to_vec(), format!("all {} brands", BREEDS.len()))
                } else {
                    let breeds: Vec<_> = BREEDS.iter().copied().skip(number).step_by(apart).collect();
                    let brands: Vec<_> = breeds.iter().map(|breed| breed.brand).collect();
                    let brands = brands.join(", ");
                    (breeds, brands)
                };
                let mut branch = Branch::new(seed + number as u64, weather, &breeds, (pace, mtu));
                let (took, presses) = branch.all_serve(&format!("{brands}, a line that {what}"), limit);
                let counts = branch.line.counts();
                println!(
                    "figure: {brands}, a line that {what}: in service after {:.1} s, a button pressed {presses} times, \
                     {counts:?}",
                    took.as_secs_f64()
                );
                assert!(counts.carried > 50, "hardly anything went over the line");
                assert!(weather.lost == 0 || counts.lost > 0, "nothing was lost");
                assert!(weather.doubled == 0 || counts.doubled > 0, "nothing was doubled");
                assert!(weather.late == 0 || counts.late > 0, "nothing was late");
                assert!(!branch.log().contains("panicked"), "{}", branch.log());
                assert!(branch.child.try_wait().unwrap().is_none(), "the box ended:\n{}", branch.log());
            });
        }
    });
}

#[test]
fn peers_that_are_gone_in_the_middle_are_let_go() {
    // One phone for each reason to believe what it is given.
    let breeds = [Trust::Authority, Trust::Unchecked, Trust::PlainLogin, Trust::Lan]
        .map(|trust| *BREEDS.iter().find(|breed| breed.trust == trust).unwrap());
    let branch = Branch::new(67, Weather::default(), &breeds, (30, 1500));
    for _ in 0..4 {
        for phone in &branch.phones {
            phone.factory_reset();
        }
        // In the middle of whatever they do the line is gone, and they are started again: what they had begun is half
        // open for ever on the box's side.
        std::thread::sleep(Duration::from_millis(150));
        branch.line.change(Weather::losing(100));
        std::thread::sleep(Duration::from_millis(500));
        branch.line.change(Weather::default());
    }
    for phone in &branch.phones {
        branch.api().post(&format!("phones/{}/first-contact", phone.report().mac), &json!({})).unwrap();
    }
    let (_, presses) = branch.all_serve("after cuts in the middle", Duration::from_secs(60));
    // 30 s is the longest that the box waits for a step of anybody's.
    let deadline = Instant::now() + Duration::from_secs(40);
    while branch.held() > 0 {
        assert!(Instant::now() < deadline, "{} connections are still held", branch.held());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    println!("figure: no connection of a peer that is gone is left, a button pressed {presses} times");
}
