//! Random histories of clients, time, crashes and lost packets against what must always hold: no address is held by
//! two clients, and a client that renews in time keeps its address.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::super::packets::{Heard, Packet};
use super::tests::{address, at, network};
use super::*;
use crate::model::{Lease, Timestamp};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
const CLIENTS: u8 = 6;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Discover(u8),
    /// Takes the last offer it heard.
    Select(u8),
    Renew(u8),
    /// Asks for what it had last, after it lost power.
    Reboot(u8),
    Release(u8),
    Decline(u8),
    /// Asks for any address of the pool in some state.
    Claim(u8, u8),
    Wait(u32),
    /// Everything gathered so far becomes durable and is sent.
    Commit,
    /// As `Commit`, but the reply to this client is lost.
    CommitLosing(u8),
    /// The power fails: what was not durable is gone, and so are its replies.
    Crash {
        down: u32,
        trusted: bool,
    },
    /// The wall clock is set forward or back, while nothing vouches for it.
    SetClock(i32),
    /// Something vouches for the wall clock, and it is right.
    Vouch,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        4 => client.clone().prop_map(Step::Discover),
        4 => client.clone().prop_map(Step::Select),
        3 => client.clone().prop_map(Step::Renew),
        2 => client.clone().prop_map(Step::Reboot),
        1 => client.clone().prop_map(Step::Release),
        1 => client.clone().prop_map(Step::Decline),
        1 => (client.clone(), 8_u8..18).prop_map(|(client, host)| Step::Claim(client, host)),
        3 => (1_u32..2500).prop_map(Step::Wait),
        6 => Just(Step::Commit),
        1 => client.prop_map(Step::CommitLosing),
        1 => (1_u32..4000, any::<bool>()).prop_map(|(down, trusted)| Step::Crash { down, trusted }),
        1 => (-20_000_000..20_000_000).prop_map(Step::SetClock),
        1 => Just(Step::Vouch),
    ]
}

/// A fault put into the world around the engine, to see that the properties can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plant {
    None,
    /// Replies leave before their leases are durable.
    AckBeforeDurable,
    /// After a crash the stored leases are not read back.
    ForgetAfterCrash,
    /// The engine's clock runs at twice the speed.
    FastClock,
}

#[derive(Debug, Clone, Default)]
struct Client {
    offered: Option<Ipv4Addr>,
    /// What it believes to hold, and until when by its own clock.
    holds: Option<(Ipv4Addr, u64)>,
    last: Option<Ipv4Addr>,
    /// Its transaction: it hears replies to its latest packet alone.
    transaction: u32,
}

struct World {
    plant: Plant,
    #[cfg(feature = "planted-bugs")]
    bug: Option<planted::Bug>,
    engine: Engine,
    seconds: u64,
    booted: u64,
    wall_error: i64,
    trusted: bool,
    stored: BTreeMap<Ipv4Addr, Lease>,
    dated: bool,
    pending: Vec<LeaseWrite>,
    replies: Vec<(u8, Heard)>,
    clients: Vec<Client>,
}

impl World {
    fn new(plant: Plant) -> Self {
        Self {
            plant,
            #[cfg(feature = "planted-bugs")]
            bug: None,
            engine: Engine::new(network(10, 14), Vec::new(), at(0)),
            seconds: 0,
            booted: 0,
            wall_error: 0,
            trusted: true,
            stored: BTreeMap::new(),
            dated: true,
            pending: Vec::new(),
            replies: Vec::new(),
            clients: vec![Client::default(); usize::from(CLIENTS)],
        }
    }

    fn now(&self) -> Now {
        let run = self.seconds - self.booted;
        let run = if self.plant == Plant::FastClock { run * 2 } else { run };
        let wall = at(self.seconds).wall.secs() + self.wall_error;
        Now { monotonic: Duration::from_secs(run), wall: Timestamp::from_secs(wall), trusted: self.trusted }
    }

    fn send(&mut self, client: u8, mut packet: Packet) {
        let transaction = &mut self.clients[usize::from(client)].transaction;
        *transaction += 1;
        packet.xid = *transaction;
        let decision = self.engine.handle(&packet.request(), &Knowledge::default(), self.now());
        self.pending.extend(decision.writes);
        self.replies.extend(decision.reply.map(|reply| (client, Heard::read(&reply.message))));
        if self.plant == Plant::AckBeforeDurable {
            self.deliver(None);
        }
    }

    fn deliver(&mut self, lost: Option<u8>) {
        for (name, heard) in std::mem::take(&mut self.replies) {
            let seconds = self.seconds;
            let client = &mut self.clients[usize::from(name)];
            if Some(name) == lost || heard.xid != client.transaction {
                continue;
            }
            match heard.kind {
                2 => client.offered = Some(heard.yiaddr),
                5 => {
                    let lease = u32::from_be_bytes(heard.get(51).unwrap().try_into().unwrap());
                    client.holds = Some((heard.yiaddr, seconds + u64::from(lease)));
                    client.last = Some(heard.yiaddr);
                }
                _ => client.holds = None,
            }
        }
    }

    fn commit(&mut self, lost: Option<u8>) {
        for write in std::mem::take(&mut self.pending) {
            match write {
                LeaseWrite::Put(lease) => self.stored.insert(lease.address, lease),
                LeaseWrite::Delete(address) => self.stored.remove(&address),
                LeaseWrite::Dated(dated) => {
                    self.dated = dated;
                    None
                }
            };
        }
        self.deliver(lost);
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let seconds = self.seconds;
        match *step {
            Step::Discover(name) => {
                self.clients[usize::from(name)].holds = None;
                let last = self.clients[usize::from(name)].last;
                let packet = Packet::discover(name + 1);
                self.send(name, last.iter().fold(packet, |packet, last| packet.with(50, &last.octets())));
            }
            Step::Select(name) => {
                if let Some(offered) = self.clients[usize::from(name)].offered.take() {
                    self.clients[usize::from(name)].holds = None;
                    self.send(name, Packet::select(name + 1, SERVER, offered));
                }
            }
            Step::Renew(name) => {
                if let Some((held, _)) = self.clients[usize::from(name)].holds {
                    self.send(name, Packet::renew(name + 1, held));
                    let lost_before = self.replies.iter().any(|(to, heard)| *to == name && heard.kind == 6);
                    prop_assert!(!lost_before, "client {name} was refused the renewal of {held}");
                }
            }
            Step::Reboot(name) => {
                let client = &mut self.clients[usize::from(name)];
                client.holds = None;
                if let Some(last) = client.last {
                    self.send(name, Packet::reboot(name + 1, last));
                }
            }
            Step::Release(name) => {
                if let Some((held, _)) = self.clients[usize::from(name)].holds.take() {
                    self.send(name, Packet::release(name + 1, SERVER, held));
                }
            }
            Step::Decline(name) => {
                if let Some((held, _)) = self.clients[usize::from(name)].holds.take() {
                    self.send(name, Packet::decline(name + 1, SERVER, held));
                }
            }
            Step::Claim(name, host) => {
                self.clients[usize::from(name)].holds = None;
                self.send(name, Packet::reboot(name + 1, address(host)));
                self.send(name, Packet::select(name + 1, SERVER, address(host)));
            }
            Step::Wait(span) => {
                self.commit(None);
                self.seconds += u64::from(span);
                let writes = self.engine.tick(self.now());
                self.pending.extend(writes);
            }
            Step::Commit => self.commit(None),
            Step::CommitLosing(name) => self.commit(Some(name)),
            Step::SetClock(jump) => self.wall_error += if self.trusted { 0 } else { i64::from(jump) },
            Step::Vouch => {
                self.wall_error = 0;
                self.trusted = true;
            }
            Step::Crash { down, trusted } => {
                self.pending.clear();
                self.replies.clear();
                self.seconds += u64::from(down);
                self.booted = self.seconds;
                self.trusted = trusted;
                self.wall_error = if trusted { 0 } else { -i64::from(down) * 1000 };
                let leases = match self.plant {
                    Plant::ForgetAfterCrash => Vec::new(),
                    _ => self.stored.values().cloned().collect(),
                };
                self.engine = Engine::new(Network { dated: self.dated, ..network(10, 14) }, leases, self.now());
                #[cfg(feature = "planted-bugs")]
                {
                    self.engine.bug = self.bug;
                }
            }
        }
        for client in &mut self.clients {
            client.holds = client.holds.filter(|(_, until)| *until > seconds.max(self.seconds));
        }
        self.check()
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let mut held = BTreeMap::new();
        for (name, client) in self.clients.iter().enumerate() {
            if let Some((address, _)) = client.holds {
                let other = held.insert(address, name);
                prop_assert!(other.is_none(), "{address} is held by clients {other:?} and {name}");
            }
        }
        Ok(())
    }
}

fn run(plant: Plant, histories: u32) -> Result<(), String> {
    let config = Config { cases: histories, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let steps = proptest::collection::vec(step(), 1..80);
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&steps, |steps| {
        let mut world = World::new(plant);
        steps.iter().try_for_each(|step| world.take(step))
    });
    outcome.map_err(|error| error.to_string())
}

/// How many histories are run: `BLOCK66_HISTORIES` says, for the long run.
fn histories() -> u32 {
    std::env::var("BLOCK66_HISTORIES").ok().and_then(|number| number.parse().ok()).unwrap_or(1500)
}

#[test]
fn no_address_is_held_twice_and_renewals_succeed() {
    run(Plant::None, histories()).unwrap();
    println!("figure: {} histories, no address held twice", histories());
}

#[cfg(feature = "planted-bugs")]
#[test]
fn bugs_planted_in_the_engine_are_found() {
    use planted::Bug;
    for bug in [Bug::GivesWhatIsHeld, Bug::EndsLeasesEarly, Bug::GivesInMemoryAlone] {
        let config = Config { cases: 10_000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        let steps = proptest::collection::vec(step(), 1..80);
        let run = std::cell::Cell::new(0_u32);
        let outcome = TestRunner::new(config).run(&steps, |steps| {
            run.set(run.get() + 1);
            let mut world = World::new(Plant::None);
            world.bug = Some(bug);
            world.engine.bug = Some(bug);
            steps.iter().try_for_each(|step| world.take(step))
        });
        assert!(outcome.is_err(), "{bug:?} was not found");
        println!("figure: {bug:?} found in history {}", run.get());
    }
}

#[test]
fn planted_faults_are_found() {
    for plant in [Plant::AckBeforeDurable, Plant::ForgetAfterCrash, Plant::FastClock] {
        assert!(run(plant, 10_000).is_err(), "{plant:?} was not found");
    }
}
