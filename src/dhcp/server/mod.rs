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
use super::link::{LONGEST, Link, Packets};
use super::promises::{Promise, Promises};
use super::reply::Reply;
use super::request::{Malformed, Request};
use super::serve::{Ended, Parts};
use crate::config;
use crate::model::{Door, Event, Reason};
use crate::store::{self, Write};
use crate::sys::{interfaces, random};

/// The most frames that are overheard before packets are looked at again.
const BATCH: usize = 64;
/// How often leases, clock and interface are looked at.
const TICK: Duration = Duration::from_secs(5);
/// Errors of the socket in a row after which it is opened anew.
const MOST_ERRORS: u32 = 32;

/// What a batch of packets leads to.
#[derive(Debug, Default)]
struct Batch {
    writes: Vec<Write>,
    /// May leave at once: they promise nothing that must be stored.
    prompt: Vec<Reply>,
    /// Leave when the writes are durable, and those of earlier batches.
    replies: Vec<Reply>,
    events: Vec<Event>,
}

/// The server of one network.
pub(super) struct Server {
    config: config::Network,
    parts: Parts,
    link: Link,
    packets: Packets,
    /// Whether the box's own address is there for good: else nothing is given.
    permanent: bool,
    promises: Promises,
    segments: Segments,
    coexistence: Coexistence,
    standing: Option<Standing>,
    /// When it is tried again to store what was seen of other servers; null unless that failed.
    remember_at: Duration,
    probes: Probes,
    asking: Vec<Asking>,
    /// Transaction and client identifier of our own probes: of this run alone.
    own_xid: u32,
    own_name: Vec<u8>,
}

impl Server {
    pub(super) fn new(config: config::Network, parts: Parts, (link, promises): (Link, Promises)) -> Self {
        let own = link.interface().address;
        // One that cannot be looked up is taken for a lease: then nothing is given.
        let permanent = interfaces::is_permanent(&config.interface, own).unwrap_or(false);
        let further = config.dhcp.subnets.iter().filter(|subnet| config.dhcp.is_on_link(&subnet.net));
        let setting = Setting {
            network: config.name.clone(),
            mode: config.dhcp.mode,
            pool: config.dhcp.pool,
            further_pools: further.map(|subnet| subnet.pool).collect(),
            static_address: permanent,
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
            packets: Packets::new(),
            permanent,
            promises,
            segments,
            coexistence,
            standing: None,
            remember_at: Duration::ZERO,
            probes: Probes::default(),
            asking: Vec::new(),
            own_xid,
            own_name,
        };
        server.coexistence.claimed(server.is_claimed());
        let unfit = server.config.dhcp.reservations.iter().map(|kept| kept.address).filter(|address| *address == own);
        let unfit = unfit.collect();
        server.parts.control.show(&server.config.name, |view| view.unfit = unfit);
        server
    }

    /// Engines that go on from what is stored.
    fn segments(config: &config::Network, parts: &Parts, own: Ipv4Addr) -> Segments {
        let dated = is_dated(parts, config);
        let marker = Marker { id: parts.box_id, part: Part::Serving, asks: false }.bytes();
        let facts = Network::of(config, own).into_iter().map(|facts| Network {
            restored: parts.store.gaps(),
            dated,
            marker: Some(marker.clone()),
            ..facts
        });
        let facts: Vec<_> = facts.collect();
        let nets: Vec<Ipv4Net> = config.subnets().collect();
        // By address: what was given under another name of the network is not given to anybody else.
        let leases = nets.iter().flat_map(|net| parts.store.leases_between(net.network()..=net.broadcast()));
        let leases: Vec<_> = leases.collect();
        Segments::new(own, (&facts, &nets), &config.dhcp.relays, &leases, parts.clock.now())
    }

    /// Serves until told to stop, or until it cannot go on, and keeps what was promised.
    pub(super) fn run(&mut self, woken: &UnixStream, ordered: &mpsc::Receiver<Order>) -> Ended {
        let ended = self.serve(woken, ordered);
        self.settle();
        ended
    }

    fn serve(&mut self, woken: &UnixStream, ordered: &mpsc::Receiver<Order>) -> Ended {
        let mut next_tick = self.parts.clock.now().monotonic + TICK;
        let mut errors = 0;
        loop {
            if let Err(error) = self.play() {
                return Ended::Failed(error);
            }
            let now = self.parts.clock.now().monotonic;
            let deadlines = [self.coexistence.next(now), self.probes.next(), self.next_answer()];
            let deadline = deadlines.into_iter().fold(next_tick, Duration::min);
            let overheard = match self.wait(woken, deadline.saturating_sub(now)) {
                Ok(overheard) => overheard,
                Err(error) => return Ended::Failed(error),
            };
            if matches!((&*woken).read(&mut [0; 64]), Ok(0)) {
                return Ended::Stopped;
            }
            self.keep_what_is_stored();
            let is_tick = self.parts.clock.now().monotonic >= next_tick;
            // Before anything is answered: on another network the addresses that would be given are somebody else's.
            if self.link.has_news() || is_tick {
                match self.stands() {
                    Ok(true) => {}
                    Ok(false) => return Ended::Changed,
                    Err(error) => return Ended::Failed(error),
                }
            }
            let mut batch = Batch::default();
            let heard = if overheard { self.overhear(&mut batch) } else { Ok(()) };
            match heard.and_then(|()| self.receive(&mut batch)) {
                Ok(()) => errors = 0,
                Err(error) if errors < MOST_ERRORS => {
                    errors += 1;
                    tracing::warn!(network = self.config.name, %error, "receiving DHCP");
                }
                Err(error) => return Ended::Failed(error),
            }
            self.end_probes(&mut batch);
            self.end_asking();
            if is_tick {
                next_tick = self.parts.clock.now().monotonic + TICK;
                let writes = self.segments.tick(self.parts.clock.now());
                batch.writes.extend(writes.into_iter().map(|write| self.write(write)));
                self.coexistence.claimed(self.is_claimed());
                let abandoned = self.segments.abandoned();
                let exhausted = self.segments.is_exhausted(self.parts.clock.now());
                self.parts.control.show(&self.config.name, |view| {
                    view.abandoned = abandoned;
                    view.exhausted = exhausted;
                });
            }
            self.finish(batch);
            // An order may have the engines made anew from the store: what was decided before is on its way there.
            while let Ok(order) = ordered.try_recv() {
                self.obey(order);
            }
            // Only a ticket that was asked rings the bell.
            self.keep_what_is_stored();
        }
    }

    /// Whether interface and address are what the server was made for. While it cannot be looked up for how long the
    /// address is there, it is as before.
    fn stands(&self) -> io::Result<bool> {
        let own = self.link.interface().address;
        let permanent = || interfaces::is_permanent(&self.config.interface, own).unwrap_or(self.permanent);
        Ok(self.link.stands(self.config.subnet)? && permanent() == self.permanent)
    }

    /// Waits for a packet, the end, or `most` to pass. Whether there is something to overhear.
    fn wait(&self, woken: &UnixStream, most: Duration) -> io::Result<bool> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut watched = vec![readable(self.promises.bell()), readable(woken.as_fd()), readable(self.link.ear())];
        watched.push(readable(self.link.news()));
        watched.extend(self.link.udp().filter(|_| !self.promises.is_full()).map(readable));
        // Rounded up: a deadline must be over when the wait is.
        let millis = u16::try_from(most.as_millis().saturating_add(1)).unwrap_or(u16::MAX);
        match poll(&mut watched, PollTimeout::from(millis)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [bell, _, ear, ..] = watched.as_slice() else { return Ok(true) };
        if bell.any().unwrap_or(false) {
            self.promises.listen();
        }
        Ok(ear.any().unwrap_or(true))
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
        self.packets = packets;
        received
    }

    fn decide(&mut self, request: Request, batch: &mut Batch) {
        let now = self.parts.clock.now();
        let own = self.link.interface().address;
        let knowledge =
            self.parts.provisioning.knowledge(&request, &self.parts.store, (&self.config.name, own), &self.config.dhcp);
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
        // An ACK without a write confirms a lease whose own write may be under way.
        let stands = !decision.writes.is_empty() || decision.reply.as_ref().is_some_and(|reply| reply.gives);
        let replies = if stands { &mut batch.replies } else { &mut batch.prompt };
        replies.extend(decision.reply);
        batch.writes.extend(decision.writes.into_iter().map(|write| self.write(write)));
        batch.events.extend(decision.event);
    }

    /// Has stored what was decided. What promises nothing leaves at once, everything else when it is durable.
    fn finish(&mut self, batch: Batch) {
        self.send(&batch.prompt);
        let promise = Promise { replies: batch.replies, events: batch.events };
        if !batch.writes.is_empty() {
            self.promises.add(self.parts.store.commit(batch.writes), promise);
        } else if promise.replies.is_empty() {
            self.keep(Ok(promise));
        } else if let Some(promise) = self.promises.join(promise) {
            self.keep(Ok(promise));
        }
    }

    fn keep_what_is_stored(&mut self) {
        while let Some(stored) = self.promises.kept() {
            self.keep(stored);
        }
    }

    /// Waits until everything that was decided is stored and said, or given up.
    fn settle(&mut self) {
        while let Some(stored) = self.promises.wait() {
            self.keep(stored);
        }
    }

    /// Lets go what waited for a commit. Where it could not be stored nothing is said, nor about anything that was
    /// decided since, and the engines, which believe what they decided, are made anew from what is stored.
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
                self.reload();
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

    /// Makes the engines anew from the store, in which everything must be that they decided.
    fn reload(&mut self) {
        self.segments.renew(Self::segments(&self.config, &self.parts, self.link.interface().address));
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
