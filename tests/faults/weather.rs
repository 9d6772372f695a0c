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
}

impl Branch {
    /// With a phone of each of these breeds.
    fn new(seed: u64, breeds: &[&'static Breed], pace: u32, mtu: u16) -> Self {
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
        let mut branch = Self { phones: Vec::new(), threads: Vec::new(), names: Vec::new(), child, directory, line };
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
        for (number, breed) in (1..).zip(breeds) {
            branch.plug(number, breed, pace, mtu);
        }
        branch
    }

    fn plug(&mut self, number: u8, breed: &'static Breed, pace: u32, mtu: u16) {
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
        let (phone, remote) = Phone::new(Setup { identity, plug, pace, instead: None, escort: None });
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

    /// Waits until each phone is in service. One whose look failed is told to look again, as its owner would by the
    /// phone's own button.
    fn all_serve(&self, what: &str, limit: Duration) -> Duration {
        let begun = Instant::now();
        loop {
            let waiting: Vec<_> = self.phones.iter().filter(|phone| !phone.report().in_service()).collect();
            if waiting.is_empty() {
                return begun.elapsed();
            }
            if begun.elapsed() > limit {
                let log: Vec<_> = waiting.iter().flat_map(|phone| phone.report().log).collect();
                panic!(
                    "{what}: not in service after {limit:?}: {:#?}\n{}",
                    &log[log.len().saturating_sub(40)..],
                    self.log()
                );
            }
            for phone in waiting {
                if phone.wait_for(Duration::from_millis(300), Report::in_service).is_err() && phone.report().rounds > 0
                {
                    phone.poll();
                }
            }
        }
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
    let limit = Duration::from_secs(if long() { 1500 } else { 80 });
    let seed = std::env::var("FAULTS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(66);
    println!("seed: FAULTS_SEED={seed}");
    std::thread::scope(|scope| {
        for (number, (what, weather, pace, mtu)) in (0..).zip(weathers()) {
            scope.spawn(move || {
                let breeds: Vec<_> = BREEDS.iter().copied().cycle().skip(2 * number).take(2).collect();
                let brands = breeds.iter().map(|breed| breed.brand).collect::<Vec<_>>().join(" and ");
                let mut branch = Branch::new(seed + number as u64, &breeds, pace, mtu);
                branch.line.change(weather);
                let took = branch.all_serve(&format!("{brands}, a line that {what}"), limit);
                let counts = branch.line.counts();
                println!(
                    "figure: {brands}, a line that {what}: in service after {:.1} s, {counts:?}",
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
    let branch = Branch::new(67, &[BREEDS[0]; 4], 30, 1500);
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
    for number in 1..=4 {
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0x66, 0, number]);
        branch.api().post(&format!("phones/{mac}/first-contact"), &json!({})).unwrap();
    }
    branch.all_serve("after cuts in the middle", Duration::from_secs(60));
    // 30 s is the longest that the box waits for a step of anybody's.
    let deadline = Instant::now() + Duration::from_secs(40);
    while branch.held() > 0 {
        assert!(Instant::now() < deadline, "{} connections are still held", branch.held());
        std::thread::park_timeout(Duration::from_millis(200));
    }
    println!("figure: no connection of a peer that is gone is left");
}
