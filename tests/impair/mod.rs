//! A bad line: two places, each a network namespace with one interface, and between them a relay that loses, doubles,
//! holds up and reorders what it carries. Kernels that tests run on may have no netem.
//!
//! ```text
//!  near 10.77.0.2 eth0 ══ veth ══ relay (user space, AF_PACKET) ══ veth ══ eth0 10.77.0.1 far
//! ```
//!
//! Chance comes from a seed, which is printed. ARP passes untouched: it is the transfers that are to be tested. Needs
//! root and iproute2. To be included by a test with `#[path = "../impair/mod.rs"] mod impair;`.

#![allow(dead_code)] // Not every test needs all of it.

mod checksum;
mod relay;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub(crate) use relay::Counts;
use relay::Relay;

/// The address of the place where servers stand.
pub(crate) const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The address of the place where clients stand.
pub(crate) const NEAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

static SERIAL: AtomicU32 = AtomicU32::new(0);
static TIDY: Once = Once::new();

/// What happens to frames. Shares are of one million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weather {
    /// So many are lost.
    pub(crate) lost: u32,
    /// So many come twice.
    pub(crate) doubled: u32,
    /// So many come [`Weather::LATE`] later than the others, after some that were sent behind them.
    pub(crate) late: u32,
    /// How long each takes.
    pub(crate) delay: Duration,
}

impl Weather {
    /// How much later a frame comes that is late.
    pub(crate) const LATE: Duration = Duration::from_millis(4);

    /// Loses this share, in percent.
    pub(crate) const fn losing(percent: u32) -> Self {
        Self { lost: percent * 10_000, doubled: 0, late: 0, delay: Duration::ZERO }
    }

    /// Loses 5 %, doubles 2 %, puts 3 % behind others, and takes a millisecond each way.
    pub(crate) const fn rough() -> Self {
        Self { lost: 50_000, doubled: 20_000, late: 30_000, delay: Duration::from_millis(1) }
    }
}

/// Two places and the line between them. Dropped, it leaves nothing behind.
pub(crate) struct Line {
    name: String,
    relay: Option<Relay>,
}

impl Line {
    /// Lays a line in this weather. `seed` decides what happens to each frame.
    pub(crate) fn new(weather: Weather, seed: u64) -> Self {
        assert!(nix::unistd::geteuid().is_root(), "these tests make network namespaces: run them as root");
        TIDY.call_once(remove_leftovers);
        let name = format!("b66-{}-line{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let mut line = Self { name, relay: None };
        println!("seed: line {seed}, {weather:?}");
        for place in ["near", "far", "relay"] {
            ip(&format!("netns add {}", line.place(place)));
            ip(&format!("-n {} link set lo up", line.place(place)));
        }
        for (place, address) in [("near", NEAR), ("far", FAR)] {
            let (relay, end) = (line.place("relay"), line.place(place));
            // Packets as they are on a wire: no bundles that only a network card would cut up.
            ip(&format!("-n {end} link add eth0 type veth peer name {place} netns {relay}"));
            ip(&format!("-n {end} link set eth0 gso_max_segs 1"));
            ip(&format!("-n {end} addr add {address}/24 dev eth0"));
            ip(&format!("-n {end} link set eth0 up"));
            ip(&format!("-n {relay} link set {place} up"));
        }
        line.relay = Some(Relay::start(&line.place("relay"), ("near", "far"), weather, seed));
        line
    }

    /// Changes the weather.
    pub(crate) fn change(&self, weather: Weather) {
        self.relay.as_ref().expect("a relay").change(weather);
    }

    /// What became of the frames so far.
    pub(crate) fn counts(&self) -> Counts {
        self.relay.as_ref().expect("a relay").counts()
    }

    /// A command where clients stand.
    pub(crate) fn near(&self, program: &str) -> Command {
        self.command("near", program)
    }

    /// A command where servers stand.
    pub(crate) fn far(&self, program: &str) -> Command {
        self.command("far", program)
    }

    /// Runs `work` in a thread that stands where clients stand.
    pub(crate) fn on_near<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        relay::inside(&self.place("near"), work)
    }

    /// Whether the line is there at all: its far end is pulled out and put back.
    pub(crate) fn connect(&self, connected: bool) {
        let state = if connected { "up" } else { "down" };
        ip(&format!("-n {} link set far {state}", self.place("relay")));
    }

    fn command(&self, place: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.place(place), program]);
        command
    }

    /// The name of the namespace of `near`, `far` or `relay`, for `ip -n`.
    pub(crate) fn place(&self, place: &str) -> String {
        format!("{}-{place}", self.name)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.relay.take());
        for place in ["near", "far", "relay"] {
            let _ = Command::new("ip").args(["netns", "del", &self.place(place)]).output();
        }
    }
}

/// Runs `ip` with these arguments.
pub(crate) fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip is not installed");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Removes namespaces of runs whose process is gone.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("b66-").and_then(|rest| rest.split('-').next()).map(str::to_owned);
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}
