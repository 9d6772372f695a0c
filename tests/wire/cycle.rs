//! A whole life of a lease, of each client and in each mode: given, renewed, rebound when the box cannot be reached
//! directly, given back, and given again.

use std::fs;
use std::net::Ipv4Addr;
use std::thread;

use nix::sys::signal::Signal;

use crate::capture::{Capture, Seen};
use crate::dhcp::{ACK, DHCLIENT, RELEASE, REQUEST, script, udhcpc};
use crate::ground::{BOX, Client, Ground, PATIENCE, Process, version, wait_until};
use crate::relay;

/// The shortest leases that there are: clients renew them after 10 s, and rebind after 17 s.
const HASTY: &str = "pool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"";
const EVERYBODY: [u8; 6] = [0xff; 6];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Udhcpc,
    Dhclient,
    Dhcpcd,
}

/// A client that other people wrote, at its place.
struct Guest<'a> {
    kind: Kind,
    client: &'a Client,
    arguments: Vec<String>,
}

impl<'a> Guest<'a> {
    /// `class` is its option 60.
    fn new(kind: Kind, client: &'a Client, class: Option<&str>) -> Self {
        let write = |name: &str, text: String| -> String {
            let path = client.directory.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let arguments = match kind {
            Kind::Udhcpc => class.map_or(Vec::new(), |class| vec!["-V".into(), class.into()]),
            Kind::Dhclient => {
                // By itself it tries so seldom that it misses the time for rebinding.
                let class = class.map(|class| format!("send vendor-class-identifier \"{class}\";\n"));
                let pace = "initial-interval 1;\nbackoff-cutoff 2;\n";
                let script = script(client, "dhclient.sh", DHCLIENT);
                let conf = write("dhclient.conf", format!("{pace}{}", class.unwrap_or_default()));
                let fixed = ["-4", "-lf", "/var/lib/dhcp/leases", "-pf", "/run/dhclient.pid", "-sf"].map(String::from);
                [&fixed[..], &[script, "-cf".into(), conf]].concat()
            }
            Kind::Dhcpcd => {
                let class = class.map(|class| format!("vendorclassid {class}\n"));
                let conf = format!("clientid\nnoarp\nnohook resolv.conf\n{}", class.unwrap_or_default());
                vec!["-4".into(), "-f".into(), write("dhcpcd.conf", conf)]
            }
        };
        Self { kind, client, arguments }
    }

    fn with<'b>(&'b self, before: &[&'b str]) -> Vec<&'b str> {
        before.iter().copied().chain(self.arguments.iter().map(String::as_str)).chain(["eth0"]).collect()
    }

    fn start(&self) -> Process {
        match self.kind {
            Kind::Udhcpc => {
                let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
                udhcpc(self.client, &arguments)
            }
            Kind::Dhclient => Process::start(self.client.command("dhclient", &self.with(&["-d"]))),
            Kind::Dhcpcd => Process::start(self.client.command("dhcpcd", &self.with(&["-B"]))),
        }
    }

    fn release(&self, process: &Process) {
        match self.kind {
            Kind::Udhcpc => process.signal(Signal::SIGUSR2),
            Kind::Dhclient => drop(self.client.run("dhclient", &self.with(&["-r"]))),
            Kind::Dhcpcd => drop(self.client.run("dhcpcd", &self.with(&["-k"]))),
        }
    }

    fn version(&self) -> String {
        match self.kind {
            Kind::Udhcpc => version("busybox", &["--help"]),
            Kind::Dhclient => version("dhclient", &["--version"]),
            Kind::Dhcpcd => version("dhcpcd", &["--version"]),
        }
    }

    /// Lives through the life of a lease, which has an address that `fits`. Unicasts to the box go to `next` first.
    fn lives(&self, capture: &Capture, next: Ipv4Addr, fits: impl Fn(Ipv4Addr) -> bool) {
        let Self { kind, client, .. } = self;
        let process = self.start();
        // A question of this kind, and an answer after it.
        let answered = |what: &str, question: &dyn Fn(&Seen) -> bool| {
            let so = wait_until(PATIENCE, || {
                let seen = capture.of(client);
                let asked = seen.iter().rposition(question);
                asked.is_some_and(|at| seen[at..].iter().any(|seen| seen.kind == ACK))
            });
            assert!(so, "{kind:?}: no {what} that was answered: {:#?}\n{}", capture.of(client), process.text());
        };
        let first = client.address();
        assert!(fits(first), "{kind:?} was given {first}");
        let renews = |seen: &Seen| seen.kind == REQUEST && seen.ciaddr == first && seen.get(54).is_none();
        let by_broadcast = |seen: &Seen| seen.to == EVERYBODY || !seen.giaddr.is_unspecified();
        answered("renewal", &|seen| renews(seen) && !by_broadcast(seen));
        assert_eq!(client.address(), first, "{kind:?}");

        // Unicasts go to hardware that nobody has.
        let next = next.to_string();
        let place = ["dev", "eth0"];
        client.run(
            "ip",
            &[&["neigh", "replace", &next, "lladdr", "02:00:00:00:09:09", "nud", "permanent"], &place[..]].concat(),
        );
        answered("rebinding", &|seen| renews(seen) && by_broadcast(seen));
        assert_eq!(client.address(), first, "{kind:?}");
        // It is gone already where the client took its address away and put it back.
        client.run("ip", &["neigh", "flush", "dev", "eth0", "nud", "permanent"]);

        self.release(&process);
        capture.wait_for(client, |seen| seen.kind == RELEASE && seen.ciaddr == first);
        assert!(wait_until(PATIENCE, || client.addresses().is_empty()), "{kind:?} keeps {:?}", client.addresses());
        drop(process);
        let process = self.start();
        assert_eq!(client.address(), first, "{kind:?} comes back");
        drop(process);
        capture.report(client, &format!("{kind:?}"), &self.version());
    }
}

/// All three at once, each at a place of its own.
fn all_live(
    capture: &Capture,
    places: &[Client; 3],
    class: Option<&str>,
    (next, fits): (Ipv4Addr, fn(Ipv4Addr) -> bool),
) {
    thread::scope(|scope| {
        for (kind, client) in [Kind::Udhcpc, Kind::Dhclient, Kind::Dhcpcd].into_iter().zip(places) {
            scope.spawn(move || Guest::new(kind, client, class).lives(capture, next, fits));
        }
    });
}

fn in_pool(address: Ipv4Addr) -> bool {
    (Ipv4Addr::new(10, 66, 0, 100)..=Ipv4Addr::new(10, 66, 0, 120)).contains(&address)
}

#[test]
fn in_full_every_client_gets_renews_rebinds_releases_and_comes_back() {
    let ground = Ground::new();
    let appliance = ground.start(HASTY);
    let capture = Capture::start(&ground);
    all_live(&capture, &[(); 3].map(|()| ground.client()), None, (BOX, in_pool));
    appliance.stop();
}

#[test]
fn in_phones_only_every_phone_gets_renews_rebinds_releases_and_comes_back() {
    let ground = Ground::new();
    let appliance = ground.start_as(&format!("mode = \"phones-only\"\n{HASTY}"));
    ground.dhcp_says("gives addresses to phones alone");
    let capture = Capture::start(&ground);
    all_live(&capture, &[(); 3].map(|()| ground.client()), Some("yealink"), (BOX, in_pool));
    appliance.stop();
}

#[test]
fn through_a_relay_every_client_gets_renews_rebinds_releases_and_comes_back() {
    let ground = Ground::new();
    let appliance = ground.start_as(relay::DHCP);
    let capture = Capture::start(&ground);
    let behind = relay::behind::<3>(&ground);
    let in_subnet = |address: Ipv4Addr| address.octets()[..3] == [10, 70, 0];
    all_live(&capture, &behind.places, None, (relay::GATEWAY, in_subnet));
    capture.report(&behind.places[0], "dhcrelay", &version("dhcrelay", &["--version"]));
    appliance.stop();
}
