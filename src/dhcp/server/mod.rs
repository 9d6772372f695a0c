//! The thread of one network: bytes in, decisions by the pure parts, one commit, bytes out.

mod listen;
mod orders;
mod part;
mod probes;

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use ipnet::Ipv4Net;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use self::orders::Asking;
use self::probes::Probes;
use super::coexistence::{Coexistence, Marker, Memory, Part, Setting, Standing};
use super::control::Order;
use super::engine::{Decision, LeaseWrite, Network, Segments};
use super::link::{Interface, LONGEST, Link};
use super::reply::Reply;
use super::request::{Malformed, Request};
use super::serve::{Ended, Parts};
use crate::config;
use crate::model::{Door, Event, Reason};
use crate::store::Write;
use crate::sys::{interfaces, random};

/// The most packets that are decided together and stored by one commit.
const BATCH: usize = 64;
/// How often leases, clock and interface are looked at.
const TICK: Duration = Duration::from_secs(5);
/// Errors of the socket in a row after which it is opened anew.
const MOST_ERRORS: u32 = 32;

/// What a batch of packets leads to.
#[derive(Debug, Default)]
struct Batch {
    writes: Vec<Write>,
    replies: Vec<Reply>,
    events: Vec<Event>,
}

/// The server of one network.
pub(super) struct Server {
    config: config::Network,
    parts: Parts,
    link: Link,
    segments: Segments,
    coexistence: Coexistence,
    standing: Option<Standing>,
    probes: Probes,
    asking: Vec<Asking>,
    /// Transaction and client identifier of our own probes: of this run alone.
    own_xid: u32,
    own_name: Vec<u8>,
}

impl Server {
    pub(super) fn new(config: config::Network, parts: Parts, link: Link) -> Self {
        let own = link.interface().address;
        let setting = Setting {
            network: config.name.clone(),
            mode: config.dhcp.mode,
            pool: config.dhcp.pool,
            // One that cannot be looked up is taken for a lease: then nothing is given.
            static_address: interfaces::is_permanent(&config.interface, own).unwrap_or(false),
            own,
            box_id: parts.box_id,
            probe_interval: config.dhcp.probe_interval,
            quiet_time: config.dhcp.quiet_time,
        };
        let memory: Memory = parts
            .store
            .setting(&memory_key(&config))
            .and_then(|value| serde_json::from_value(value).ok())
            .unwrap_or_default();
        let now = parts.clock.now();
        let coexistence = Coexistence::new(setting, memory, now.monotonic);
        let segments = Self::segments(&config, &parts, own);
        let own_xid = u32::from_be_bytes(random::bytes());
        let own_name = [&b"\0block66-"[..], &random::bytes::<8>()].concat();
        let mut server = Self {
            config,
            parts,
            link,
            segments,
            coexistence,
            standing: None,
            probes: Probes::default(),
            asking: Vec::new(),
            own_xid,
            own_name,
        };
        server.coexistence.claimed(server.is_claimed());
        server
    }

    /// Engines that go on from what is stored.
    fn segments(config: &config::Network, parts: &Parts, own: Ipv4Addr) -> Segments {
        let dated = is_dated(parts, config);
        let marker = Marker { id: parts.box_id, part: Part::Serving, asks: false }.bytes();
        let facts = Network::of(config, own).into_iter().map(|facts| Network {
            restored: parts.restored,
            dated,
            marker: Some(marker.clone()),
            ..facts
        });
        let facts: Vec<_> = facts.collect();
        let nets: Vec<Ipv4Net> = config.subnets().collect();
        let leases = parts.store.leases(&config.name);
        Segments::new(own, (&facts, &nets), &config.dhcp.relays, &leases, parts.clock.now())
    }

    /// Serves until told to stop, or until it cannot go on.
    pub(super) fn run(&mut self, woken: &UnixStream, ordered: &mpsc::Receiver<Order>) -> Ended {
        let mut next_tick = self.parts.clock.now().monotonic + TICK;
        let mut errors = 0;
        loop {
            if let Err(error) = self.play() {
                return Ended::Failed(error);
            }
            let now = self.parts.clock.now().monotonic;
            let deadlines = [self.coexistence.next(now), self.probes.next(), self.next_answer()];
            let deadline = deadlines.into_iter().fold(next_tick, Duration::min);
            if let Err(error) = self.wait(woken, deadline.saturating_sub(now)) {
                return Ended::Failed(error);
            }
            if matches!((&*woken).read(&mut [0; 64]), Ok(0)) {
                return Ended::Stopped;
            }
            let mut batch = Batch::default();
            match self.overhear(&mut batch).and_then(|()| self.receive(&mut batch)) {
                Ok(()) => errors = 0,
                Err(error) if errors < MOST_ERRORS => {
                    errors += 1;
                    tracing::warn!(network = self.config.name, %error, "receiving DHCP");
                }
                Err(error) => return Ended::Failed(error),
            }
            self.end_probes(&mut batch);
            self.end_asking();
            while let Ok(order) = ordered.try_recv() {
                self.obey(order);
            }
            if self.parts.clock.now().monotonic >= next_tick {
                next_tick = self.parts.clock.now().monotonic + TICK;
                let writes = self.segments.tick(self.parts.clock.now());
                batch.writes.extend(writes.into_iter().map(|write| self.write(write)));
                match Interface::find(&self.config.interface, self.config.subnet) {
                    Ok(found) if found.as_ref() == Some(self.link.interface()) => {}
                    Ok(_) => return Ended::Changed,
                    Err(error) => return Ended::Failed(error),
                }
                self.coexistence.claimed(self.is_claimed());
                let abandoned = self.segments.abandoned();
                self.parts.control.show(&self.config.name, |view| view.abandoned = abandoned);
            }
            self.finish(batch);
        }
    }

    /// Waits for a packet, the end, or `most` to pass.
    fn wait(&self, woken: &UnixStream, most: Duration) -> io::Result<()> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut watched = vec![readable(woken.as_fd()), readable(self.link.ear())];
        watched.extend(self.link.udp().map(readable));
        // Rounded up: a deadline must be over when the wait is.
        let millis = u16::try_from(most.as_millis().saturating_add(1)).unwrap_or(u16::MAX);
        match poll(&mut watched, PollTimeout::from(millis)) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes the packets that wait, a batch at most, and decides about each.
    fn receive(&mut self, batch: &mut Batch) -> io::Result<()> {
        let mut buffer = [0; LONGEST];
        for _ in 0..BATCH {
            let Some((length, from)) = self.link.receive(&mut buffer)? else { break };
            let packet = buffer.get(..length).filter(|packet| packet.len() < LONGEST);
            match packet.ok_or(Malformed::TooLong).and_then(Request::decode) {
                Ok(request) => {
                    let request = Request { source: from, ..request };
                    self.notice(&request);
                    self.decide(request, batch);
                }
                Err(malformed) => {
                    // What the packet says of its sender is as doubtful as the rest of it.
                    let reason = Reason::DhcpMalformed { what: malformed.to_string() };
                    let event = Event::new(self.parts.clock.now().wall, Door::Dhcp, reason);
                    batch.events.push(event.from_address(Some(IpAddr::V4(from)).filter(|ip| !ip.is_unspecified())));
                }
            }
        }
        Ok(())
    }

    fn decide(&mut self, request: Request, batch: &mut Batch) {
        let now = self.parts.clock.now();
        let own = self.link.interface().address;
        let knowledge = self.parts.provisioning.knowledge(&request, &self.parts.store, own, &self.config.dhcp.options);
        let decision = self.segments.handle(&request, &knowledge, now);
        if let Some(silence) = decision.silence {
            tracing::debug!(network = self.config.name, mac = %request.mac, kind = ?request.kind, ?silence, "no answer");
        }
        if let Some(address) = decision.probe {
            self.begin_probe(address, request, now);
        }
        self.take(decision, batch);
    }

    fn take(&self, decision: Decision, batch: &mut Batch) {
        batch.writes.extend(decision.writes.into_iter().map(|write| self.write(write)));
        batch.replies.extend(decision.reply);
        batch.events.extend(decision.event);
    }

    /// Stores what was decided, and then lets the replies go. Where it cannot be stored nothing is said, and the
    /// engines, which believe what they decided, are made anew from what is stored.
    fn finish(&mut self, batch: Batch) {
        let stored = if batch.writes.is_empty() { Ok(()) } else { self.parts.store.commit(batch.writes).wait() };
        if let Err(error) = stored {
            tracing::error!(network = self.config.name, %error, "leases could not be stored, so none was given");
            self.reload();
            return;
        }
        for reply in &batch.replies {
            if let Err(error) = self.link.send(reply) {
                tracing::warn!(network = self.config.name, to = ?reply.to, %error, "sending a DHCP reply");
            }
        }
        for event in batch.events {
            self.parts.journal.record(event);
        }
    }

    fn reload(&mut self) {
        self.segments = Self::segments(&self.config, &self.parts, self.link.interface().address);
        if let Some(standing) = &self.standing {
            self.segments.conduct(standing.conduct);
        }
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

/// Where it is kept which servers were ever seen on a LAN.
fn memory_key(network: &config::Network) -> String {
    format!("dhcp.servers.{}.{}", network.interface, network.subnet)
}

fn is_dated(parts: &Parts, network: &config::Network) -> bool {
    parts.store.setting(&dated_key(network)).and_then(|value| value.as_bool()).unwrap_or(true)
}
