//! The branch: its wires, its phones, and the moment at which power comes back.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use block66::lab::namespace::Namespace;
use block66::model::{Mac, Secret};
use block66::phonesim::{Breed, Identity, Make, Outcome, Phone, Plug, Remote, Report, Setup, Stage, Trust};
use ipnet::Ipv4Net;
use serde_json::json;

use crate::errand::Errand;
use crate::figures::{self, Figures, Start};
use crate::relay::Relay;
use crate::stack::Block66;
use crate::wiring::{self, net};

/// The address of whoever serves.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
/// The router of the first wire.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 66, 15, 254);
/// Bits of the first wire's mask.
pub(crate) const PREFIX: u8 = 20;
/// How fast phones live until all of them are in service for the first time.
const PACE: u32 = 240;
/// How many are on their way there at a time: some brands look again only after an hour, which is seconds at that pace.
const UNDER_WAY: usize = 200;
/// In how much time all of them get their power back.
const WITHIN: Duration = Duration::from_secs(2);

/// A product of a brand.
pub(crate) type Product = (&'static Breed, &'static Make);

/// A wire behind a relay.
pub(crate) struct Segment {
    router: Namespace,
    pub(crate) number: u8,
    room: usize,
    _relay: Relay,
}

impl Segment {
    /// The router's address on the wire of the server.
    fn uplink(number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 66, 1, number + 1)
    }

    /// The router's address where the phones are: that of its relay agent.
    pub(crate) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 67, self.number * 2, 1)
    }

    pub(crate) fn net(&self) -> Ipv4Net {
        net([10, 67, self.number * 2, 0], 23)
    }
}

/// A phone on its desk.
pub(crate) struct Desk {
    pub(crate) identity: Identity,
    pub(crate) remote: Remote,
    pub(crate) namespace: Namespace,
    /// What Block66 tells it by DHCP: number and value, as text or as octets.
    pub(crate) options: Vec<(u8, String)>,
    made: Instant,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Desk {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.identity.breed.brand, self.identity.make.model)
    }
}

/// All of it. Phones are switched off when it is dropped.
pub(crate) struct Branch {
    pub(crate) desks: Vec<Desk>,
    pub(crate) segments: Vec<Segment>,
    /// Addresses to be given on the first wire.
    pub(crate) room: usize,
    core: Namespace,
    pub(crate) server: Namespace,
    serial: u32,
}

impl Branch {
    /// Wires with room for so many phones each behind relays, or none of them, and the first wire.
    pub(crate) fn new(segments: &[usize], room: usize) -> Self {
        let (core, server) = (Namespace::new().unwrap(), Namespace::new().unwrap());
        wiring::switch(&core, Mac::new([0x02, 0x66, 0, 0, 2, 0]), Ipv4Net::new(ROUTER, PREFIX).unwrap());
        wiring::cable(&core, "server", &server, "eth0", Mac::new([0x02, 0x66, 0, 0, 0, 1]));
        wiring::up(&server, "eth0", Ipv4Net::new(SERVER, PREFIX).unwrap());
        let mut branch = Self { desks: Vec::new(), segments: Vec::new(), room, core, server, serial: 0 };
        for (number, room) in (0_u8..).zip(segments) {
            let router = Namespace::new().unwrap();
            let gateway = Ipv4Addr::new(10, 67, number * 2, 1);
            let own = net(gateway.octets(), 23);
            wiring::switch(&router, Mac::new([0x02, 0x66, 0, 0, 3, number]), own);
            wiring::cable(&branch.core, &format!("up{number}"), &router, "up", Mac::new([0x02, 0x66, 0, 0, 1, number]));
            wiring::up(&router, "up", Ipv4Net::new(Segment::uplink(number), PREFIX).unwrap());
            router.run(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")).unwrap().unwrap();
            wiring::route(&branch.server, own.trunc(), Segment::uplink(number));
            let relay = Relay::start(&router, wiring::SWITCH, gateway, SERVER);
            branch.segments.push(Segment { router, number, room: *room, _relay: relay });
        }
        branch
    }

    /// Plugs phones in, puts them on the list, and leaves them off.
    pub(crate) fn add(&mut self, ours: &Block66, products: &[Product]) {
        let begun = Instant::now();
        for (breed, make) in products {
            self.serial += 1;
            let [_, high, middle, low] = self.serial.to_be_bytes();
            let [a, b, c] = make.prefix;
            let identity = Identity { breed, make, mac: Mac::new([a, b, c, 0x60 + high, middle, low]) };
            let namespace = Namespace::new().unwrap();
            let port = format!("port{}", self.serial);
            let place = self.desks.len();
            let mut before = 0;
            let segment = self.segments.iter().find(|segment| {
                before += segment.room;
                place < before
            });
            let wire = segment.map_or(&self.core, |segment| &segment.router);
            wiring::cable(wire, &port, &namespace, "eth0", identity.mac);
            wiring::isolate(wire, &port);
            ours.list(&identity, self.serial);
            let plug = Plug::Lan { interface: "eth0".into() };
            let made = Instant::now();
            let (phone, remote) = Phone::new(Setup { identity, plug, pace: PACE, instead: None, escort: None });
            let thread = namespace.spawn(port, move || phone.run()).unwrap();
            let options = Vec::new();
            self.desks.push(Desk { identity, remote, namespace, options, made, thread: Some(thread) });
            // A branch that is set up phone by phone: what is measured comes later.
            if self.serial.is_multiple_of(20) {
                let ready = self.desks.len().saturating_sub(UNDER_WAY);
                let ready = ready.saturating_sub(20)..ready;
                self.settle(ready.clone());
                // Thousands that renew and poll as fast as that are more than two cores carry.
                if !self.segments.is_empty() {
                    self.in_real_time(ready);
                }
            }
        }
        eprintln!("{} phones plugged in after {:.0} s", products.len(), begun.elapsed().as_secs_f64());
    }

    /// Waits until these phones are in service.
    pub(crate) fn settle(&self, desks: Range<usize>) {
        for desk in &self.desks[desks] {
            let mut tries = 0;
            while let Err(report) = desk.remote.wait_for(Duration::from_secs(30), Report::in_service) {
                tries += 1;
                assert!(tries < 4, "{} does not get into service: {:#?}", desk.name(), report.log);
                desk.remote.reboot();
            }
        }
    }

    /// Turns each phone off and on beside a server that is not ours: the names of those that it serves, and of others.
    pub(crate) fn who_is_served_without_us(&self) -> (Vec<String>, Vec<String>) {
        for desk in &self.desks {
            desk.remote.reboot();
        }
        let until = Instant::now() + Duration::from_secs(30);
        self.desks.iter().map(Desk::name).zip(&self.desks).fold(
            (Vec::new(), Vec::new()),
            |(mut able, mut not), (name, desk)| {
                let left = until.saturating_duration_since(Instant::now());
                match desk.remote.wait_for(left, Report::in_service) {
                    Ok(_) => able.push(name),
                    Err(report) => not.push(match report.fault() {
                        Some((stage, fault)) => format!("{name} ({}: {fault})", stage.name()),
                        None => name,
                    }),
                }
                (able, not)
            },
        )
    }

    /// Takes away all but phones of these products.
    pub(crate) fn retain(&mut self, names: &[String]) {
        let (stay, go) = std::mem::take(&mut self.desks).into_iter().partition(|desk| names.contains(&desk.name()));
        self.desks = stay;
        switch_off(go);
        for desk in &self.desks {
            desk.remote.reboot();
        }
        self.settle(0..self.desks.len());
    }

    /// The products that are here.
    pub(crate) fn products(&self) -> Vec<Product> {
        self.desks.iter().map(|desk| (desk.identity.breed, desk.identity.make)).collect()
    }

    /// Has Block66 say what it tells each phone by DHCP, now that they are known to trust it.
    pub(crate) fn learn_options(&mut self, ours: &Block66) {
        for desk in &mut self.desks {
            let told = ours.api().get(&format!("dhcp/branch/explain?client={}", desk.identity.mac)).unwrap();
            let option = |option: &serde_json::Value| {
                Some((u8::try_from(option["code"].as_u64()?).ok()?, option["value"].as_str()?.to_owned()))
            };
            desk.options = told["offer"]["options"].as_array().into_iter().flatten().filter_map(option).collect();
        }
    }

    /// From now on no wait of these phones is shortened.
    pub(crate) fn in_real_time(&self, desks: Range<usize>) {
        for desk in &self.desks[desks] {
            desk.remote.pace(1);
        }
    }

    /// Power comes back.
    pub(crate) fn storm(&self, servers: &[u32], limit: Duration) -> Figures {
        let count = u32::try_from(self.desks.len()).unwrap();
        // Not in the order in which they were plugged in: a stride that is prime to their number meets each once.
        let stride = (count / 3..).find(|stride| gcd(*stride, count) == 1).unwrap_or(1);
        let cpu = figures::cpu(servers);
        let begun = Instant::now();
        let mut struck = vec![Duration::ZERO; self.desks.len()];
        for turn in 0..count {
            let place = usize::try_from(u64::from(turn) * u64::from(stride) % u64::from(count)).unwrap();
            std::thread::sleep((WITHIN * turn / count).saturating_sub(begun.elapsed()));
            let desk = &self.desks[place];
            desk.remote.reboot();
            struck[place] = desk.made.elapsed();
        }
        let until = begun + limit;
        let starts = self.desks.iter().zip(struck).map(|(desk, struck)| {
            let left = until.saturating_duration_since(Instant::now());
            let report = desk.remote.wait_for(left, Report::in_service);
            let in_service = report.is_ok();
            let report = report.unwrap_or_else(|report| *report);
            let reached = Stage::ALL.into_iter().filter_map(|stage| match report.outcome(stage) {
                Outcome::Done { at } => Some((stage, at.saturating_sub(struck))),
                _ => None,
            });
            let reached: Vec<_> = reached.collect();
            let last = reached.iter().find(|(stage, _)| *stage == Stage::InService).map(|(_, time)| *time);
            let since = desk.made + struck - begun;
            if !in_service {
                eprintln!("not in service: {} {:?}", desk.name(), report.fault());
            }
            let broken =
                report.exchanges.iter().filter(|exchange| exchange.status.is_none_or(|code| code >= 500)).count();
            Start {
                reached,
                in_service: last.map(|last| last + since),
                dhcp_again: report.discovers.saturating_sub(1),
                retries: u32::try_from(broken).unwrap() + report.rounds.saturating_sub(1),
                asked: Errand::all_of(&report),
            }
        });
        let starts = starts.collect();
        Figures { starts, cpu: figures::cpu(servers).saturating_sub(cpu), memory: figures::memory(servers) }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Whether a phone asks over HTTPS with a login once it is in service.
pub(crate) fn asks_securely(trust: Trust) -> bool {
    matches!(trust, Trust::Authority | Trust::Unchecked)
}

/// What stands in the list of phones.
pub(crate) fn listed(identity: &Identity, number: u32, organisation: Option<&str>) -> serde_json::Value {
    let password = Secret::new(format!("storm-password-{number}"));
    json!({
        "mac": identity.mac.to_string(),
        "name": format!("Desk {number}"),
        "organisation": organisation,
        "lines": [{ "user": (2000 + number).to_string(), "password": password.expose(), "display": format!("Desk {number}"), "server": ROUTER.to_string() }],
    })
}

fn switch_off(mut desks: Vec<Desk>) {
    for desk in &desks {
        desk.remote.stop();
    }
    for thread in desks.iter_mut().filter_map(|desk| desk.thread.take()) {
        let _ = thread.join();
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        switch_off(std::mem::take(&mut self.desks));
    }
}
