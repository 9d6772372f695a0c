use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use super::engine::{Decision, Engine, LeaseWrite, Network};
use super::link::{Interface, LONGEST, Link, Packets};
use super::promises::{Promise, Promises};
use super::provisioning::Provisioning;
use super::reply::Reply;
use super::request::{Malformed, Request};
use crate::config;
use crate::journal::Journal;
use crate::model::{Door, Event, Now, Reason};
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// How often leases, clock and interface are looked at.
const TICK: Duration = Duration::from_secs(5);
/// How long an answer to a probe is waited for.
const PROBE: Duration = Duration::from_millis(500);
/// The most addresses that are probed at once.
const MOST_PROBES: usize = 256;
/// Errors of the socket in a row after which it is opened anew.
const MOST_ERRORS: u32 = 32;

/// The parts of the box that the server of a network needs.
#[derive(Clone)]
pub struct Parts {
    /// Where leases are kept.
    pub store: Store,
    /// Where events go.
    pub journal: Journal,
    /// What phones are told.
    pub provisioning: Provisioning,
    /// The time.
    pub clock: Clock,
    /// Whether the store was put back from a snapshot when it was opened.
    pub restored: bool,
}

/// Why the server of a network could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// DHCP is off on this network.
    #[error("DHCP is not \"full\" on network {0}")]
    NotFull(String),
    /// The box has no address in the network, or its interface is down.
    #[error("interface {interface} is down or has no address in {subnet}")]
    NoAddress {
        /// The interface.
        interface: String,
        /// The subnet.
        subnet: ipnet::Ipv4Net,
    },
    /// A socket could not be opened, or failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Why a server ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Interface or address changed: it must be started again.
    Changed,
    /// The sockets failed.
    Failed(io::Error),
    /// It panicked.
    Panicked,
}

/// A server that runs on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    wake: Option<UnixStream>,
    ended: oneshot::Receiver<Ended>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Resolves when the server ended. Leases that it acknowledged are in the store, and a new one goes on from there.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or(Ended::Panicked)
    }

    /// Stops the server and waits until its last batch is done.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told by `ended`.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves a network in mode `full` until stopped. When it returns, the sockets are open and packets are taken.
///
/// # Errors
/// When the network is not to be served, its interface is not ready, or port 67 cannot be had.
pub fn serve(network: &config::Network, parts: Parts) -> Result<Running, Error> {
    let Some(interface) = Interface::find(&network.interface, network.subnet)? else {
        return Err(Error::NoAddress { interface: network.interface.clone(), subnet: network.subnet });
    };
    let facts = Network::of(network, interface.address).ok_or_else(|| Error::NotFull(network.name.clone()))?;
    let link = Link::open(interface)?;
    let promises = Promises::new()?;
    let (wake, woken) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    let (tell, ended) = oneshot::channel();
    let config = network.clone();
    let thread = std::thread::Builder::new().name(format!("dhcp-{}", network.interface)).spawn(move || {
        let mut server = Server::new(config, facts, parts, (link, promises));
        // Nobody listens any more when the box stops.
        let _ = tell.send(server.run(&woken));
    })?;
    Ok(Running { wake: Some(wake), ended, thread: Some(thread) })
}

/// A request that waits for the probe of an address.
#[derive(Debug)]
struct Probe {
    request: Request,
    deadline: Duration,
}

/// What a batch of packets leads to.
#[derive(Debug, Default)]
struct Batch {
    writes: Vec<Write>,
    /// May leave at once: they promise nothing that must be stored.
    prompt: Vec<Reply>,
    /// Leave when the writes are durable.
    replies: Vec<Reply>,
    events: Vec<Event>,
}

struct Server {
    config: config::Network,
    facts: Network,
    parts: Parts,
    link: Link,
    engine: Engine,
    probes: HashMap<Ipv4Addr, Probe>,
    packets: Packets,
    promises: Promises,
}

impl Server {
    fn new(config: config::Network, facts: Network, parts: Parts, (link, promises): (Link, Promises)) -> Self {
        let mut facts = Network { restored: parts.restored, ..facts };
        facts.dated = is_dated(&parts.store, &config);
        let engine = Engine::new(facts.clone(), parts.store.leases(&config.name), parts.clock.now());
        Self { config, facts, parts, link, engine, probes: HashMap::new(), packets: Packets::new(), promises }
    }

    fn run(&mut self, woken: &UnixStream) -> Ended {
        let ended = self.serve(woken);
        while let Some(stored) = self.promises.wait() {
            self.keep(stored);
        }
        ended
    }

    fn serve(&mut self, woken: &UnixStream) -> Ended {
        let mut next_tick = self.parts.clock.now().monotonic + TICK;
        let mut errors = 0;
        loop {
            let now = self.parts.clock.now().monotonic;
            let deadline = self.probes.values().map(|probe| probe.deadline).fold(next_tick, Duration::min);
            if let Err(error) = self.wait(woken, deadline.saturating_sub(now)) {
                return Ended::Failed(error);
            }
            if matches!((&*woken).read(&mut [0]), Ok(0)) {
                return Ended::Stopped;
            }
            while let Some(stored) = self.promises.kept() {
                self.keep(stored);
            }
            let mut batch = Batch::default();
            match self.receive(&mut batch) {
                Ok(()) => errors = 0,
                Err(error) if errors < MOST_ERRORS => {
                    errors += 1;
                    tracing::warn!(network = self.config.name, %error, "receiving DHCP");
                }
                Err(error) => return Ended::Failed(error),
            }
            self.probe(&mut batch);
            if self.parts.clock.now().monotonic >= next_tick {
                next_tick = self.parts.clock.now().monotonic + TICK;
                let writes = self.engine.tick(self.parts.clock.now());
                batch.writes.extend(writes.into_iter().map(|write| self.write(write)));
                match Interface::find(&self.config.interface, self.config.subnet) {
                    Ok(found) if found.as_ref() == Some(self.link.interface()) => {}
                    Ok(_) => return Ended::Changed,
                    Err(error) => return Ended::Failed(error),
                }
            }
            self.finish(batch);
        }
    }

    /// Waits for a packet, the end, or `most` to pass.
    fn wait(&self, woken: &UnixStream, most: Duration) -> io::Result<()> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut watched = vec![readable(self.promises.bell()), readable(woken.as_fd())];
        if !self.promises.is_full() {
            watched.push(readable(self.link.udp()));
        }
        watched.extend(self.link.arp().map(readable));
        // Rounded up: a deadline must be over when the wait is.
        let millis = u16::try_from(most.as_millis().saturating_add(1)).unwrap_or(u16::MAX);
        match poll(&mut watched, PollTimeout::from(millis)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if watched.first().and_then(PollFd::any).unwrap_or(false) {
            self.promises.listen();
        }
        Ok(())
    }

    /// Takes the packets that wait, a batch at most, and decides about each.
    fn receive(&mut self, batch: &mut Batch) -> io::Result<()> {
        if self.promises.is_full() {
            return Ok(());
        }
        let mut packets = std::mem::replace(&mut self.packets, Packets::none());
        let received = self.link.receive(&mut packets);
        for (packet, from) in packets.iter() {
            let packet = Some(packet).filter(|packet| packet.len() < LONGEST);
            match packet.ok_or(Malformed::TooLong).and_then(Request::decode) {
                Ok(request) => self.decide(request, batch),
                Err(malformed) => {
                    // What the packet says of its sender is as doubtful as the rest of it.
                    let reason = Reason::DhcpMalformed { what: malformed.to_string() };
                    let event = Event::new(self.parts.clock.now().wall, Door::Dhcp, reason);
                    batch.events.push(event.from_address(Some(IpAddr::V4(from)).filter(|ip| !ip.is_unspecified())));
                }
            }
        }
        self.packets = packets;
        received
    }

    fn decide(&mut self, request: Request, batch: &mut Batch) {
        let now = self.parts.clock.now();
        let knowledge = self.parts.provisioning.knowledge(&request, &self.parts.store, self.facts.server);
        let decision = self.engine.handle(&request, &knowledge, now);
        if let Some(silence) = decision.silence {
            tracing::debug!(network = self.config.name, mac = %request.mac, kind = ?request.kind, ?silence, "no answer");
        }
        if let Some(address) = decision.probe {
            self.begin_probe(address, request, now);
        }
        self.take(decision, batch);
    }

    fn take(&self, decision: Decision, batch: &mut Batch) {
        let replies = if decision.writes.is_empty() { &mut batch.prompt } else { &mut batch.replies };
        replies.extend(decision.reply);
        batch.writes.extend(decision.writes.into_iter().map(|write| self.write(write)));
        batch.events.extend(decision.event);
    }

    fn begin_probe(&mut self, address: Ipv4Addr, request: Request, now: Now) {
        // A client that asks again while its address is probed changes nothing.
        if self.probes.len() >= MOST_PROBES || self.probes.contains_key(&address) {
            return;
        }
        match self.link.probe(address) {
            Ok(()) => {
                self.probes.insert(address, Probe { request, deadline: now.monotonic + PROBE });
            }
            Err(error) => tracing::warn!(network = self.config.name, %address, %error, "probing an address"),
        }
    }

    /// Hears answers to probes, and goes on with the requests whose probes are done.
    fn probe(&mut self, batch: &mut Batch) {
        if self.probes.is_empty() {
            return;
        }
        let mut done = Vec::new();
        while let Some((mac, address)) = self.link.hear() {
            if let Some(probe) = self.probes.remove(&address) {
                let decision = self.engine.found_used(address, mac, self.parts.clock.now());
                self.take(decision, batch);
                done.push(probe.request);
            }
        }
        let now = self.parts.clock.now().monotonic;
        for (address, probe) in self.probes.extract_if(|_, probe| probe.deadline <= now) {
            self.engine.found_unused(address);
            done.push(probe.request);
        }
        for request in done {
            self.decide(request, batch);
        }
        if self.probes.is_empty() {
            self.link.end_probing();
        }
    }

    /// Has stored what was decided. What promises nothing leaves at once, everything else when it is durable.
    fn finish(&mut self, batch: Batch) {
        self.send(&batch.prompt);
        let promise = Promise { replies: batch.replies, events: batch.events };
        if batch.writes.is_empty() {
            self.keep(Ok(promise));
        } else {
            self.promises.add(self.parts.store.commit(batch.writes), promise);
        }
    }

    /// Lets go what waited for a commit. Where it could not be stored nothing is said, nor about anything that was
    /// decided since, and the engine, which believes what it decided, is made anew from what is stored.
    fn keep(&mut self, stored: Result<Promise, store::Error>) {
        match stored {
            Ok(promise) => {
                self.send(&promise.replies);
                for event in promise.events {
                    self.parts.journal.record(event);
                }
            }
            Err(error) => {
                tracing::error!(network = self.config.name, %error, "leases could not be stored, so none was given");
                self.promises.give_up();
                self.facts.dated = is_dated(&self.parts.store, &self.config);
                let leases = self.parts.store.leases(&self.config.name);
                self.engine = Engine::new(self.facts.clone(), leases, self.parts.clock.now());
            }
        }
    }

    fn send(&self, replies: &[Reply]) {
        if replies.is_empty() {
            return;
        }
        self.link.send(replies, |reply, error| {
            tracing::warn!(network = self.config.name, to = ?reply.to, %error, "sending a DHCP reply");
        });
    }

    fn write(&self, write: LeaseWrite) -> Write {
        let network = self.config.name.clone();
        match write {
            LeaseWrite::Put(lease) => Write::PutLease { network, lease },
            LeaseWrite::Delete(address) => Write::DeleteLease { network, address },
            LeaseWrite::Dated(dated) => Write::PutSetting { key: dated_key(&self.config), value: dated.into() },
        }
    }
}

/// Where it is kept whether the ends of a network's leases are by a trusted clock.
fn dated_key(network: &config::Network) -> String {
    format!("dhcp.dated.{}", network.interface)
}

fn is_dated(store: &Store, network: &config::Network) -> bool {
    store.setting(&dated_key(network)).and_then(|value| value.as_bool()).unwrap_or(true)
}
