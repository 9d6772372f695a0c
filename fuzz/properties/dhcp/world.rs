mod conduct;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::LazyLock;
use std::time::Duration;

use block66::brands::{Claims, DhcpQuery, Registry};
use block66::dhcp::{
    Conduct, Decision, Kind, Knowledge, LeaseWrite, Network, Request, Reservation, Segments, Silence, Subnet, code,
};
use block66::model::{BoxAddress, Lease, LeaseState, Mac, Now, Scheme, Timestamp};

use super::super::bytes::Bytes;
use super::Plant;
use super::reply::Reply;

pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
pub(super) const LEASE: u32 = 3600;
/// The one agent that is configured.
pub(super) const RELAY: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 200);
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 10);
const LAST: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 14);
const START: i64 = 1_800_000_000;
const FULL: Conduct = Conduct::Full { sole: true };
/// Requests handled again for one packet, at most: one for each address that is probed.
const ROUNDS: usize = 16;

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| Registry::builtin().expect("the built-in brands"));

/// By what a client is known: RFC 2131 section 4.2, and hardware where an address is reserved for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Client {
    Identifier(Vec<u8>),
    Hardware(Mac),
}

/// A network, the box in it, and what its clients believe.
pub(super) struct World {
    plant: Plant,
    segments: Segments,
    conduct: Conduct,
    /// Whether a client named another server since the box was started.
    rivalled: bool,
    network: Network,
    /// Seconds since the beginning, and those at which the box was started.
    seconds: u64,
    booted: u64,
    wall_error: i64,
    trusted: bool,
    stored: BTreeMap<Ipv4Addr, Lease>,
    dated: bool,
    /// Who was told that an address is theirs, until when, and at which hardware.
    held: BTreeMap<Ipv4Addr, (Client, u64, Mac)>,
    /// Until when each lease was given that was given by somebody who may; a restart makes it uncertain.
    given: BTreeMap<Ipv4Addr, u64>,
    offered: BTreeMap<Mac, Ipv4Addr>,
    /// Addresses that nobody else used when they were probed, each for the client that they were probed for.
    proven: BTreeMap<Ipv4Addr, Client>,
    transaction: u32,
    former_identifier: Vec<u8>,
}

pub(super) fn mac(number: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
}

/// Client 6 has an address reserved within the pool, client 7 one outside of it.
fn network() -> Network {
    let kept = |address: [u8; 4], name: Option<&str>| Reservation {
        address: address.into(),
        host_name: name.map(str::to_owned),
    };
    Network {
        name: "office".into(),
        server: SERVER,
        subnet: Subnet {
            net: "10.66.0.0/24".parse().expect("a network"),
            first: FIRST,
            last: LAST,
            gateway: Some(Ipv4Addr::new(10, 66, 0, 254)),
            dns: vec![Ipv4Addr::new(10, 66, 0, 253), Ipv4Addr::new(9, 9, 9, 9)],
            domain: Some("branch.example".into()),
            lease_time: Duration::from_secs(LEASE.into()),
            reservations: BTreeMap::from([
                (mac(6), kept([10, 66, 0, 12], Some("reception"))),
                (mac(7), kept([10, 66, 0, 40], None)),
            ]),
            on_link: true,
        },
        conduct: FULL,
        marker: None,
        dated: true,
        restored: None,
    }
}

/// The decision for one subnet.
fn segments(network: &Network, leases: &[Lease], conduct: Conduct, now: Now) -> Segments {
    let (networks, nets) = (std::slice::from_ref(network), [network.subnet.net]);
    let mut segments = Segments::new(SERVER, (networks, &nets), &[RELAY], leases, now);
    segments.conduct(conduct);
    segments
}

impl World {
    pub(super) fn new(plant: Plant) -> Self {
        let now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(START), trusted: true };
        Self {
            plant,
            segments: segments(&network(), &[], FULL, now),
            conduct: FULL,
            rivalled: false,
            network: network(),
            seconds: 0,
            booted: 0,
            wall_error: 0,
            trusted: true,
            stored: BTreeMap::new(),
            dated: true,
            held: BTreeMap::new(),
            given: BTreeMap::new(),
            offered: BTreeMap::new(),
            proven: BTreeMap::new(),
            transaction: 0,
            former_identifier: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        let error = if self.trusted { 0 } else { self.wall_error };
        let wall = START + i64::try_from(self.seconds).expect("a short run") + error;
        Now {
            monotonic: Duration::from_secs(self.seconds - self.booted),
            wall: Timestamp::from_secs(wall.max(0)),
            trusted: self.trusted,
        }
    }

    /// A packet from its short form.
    pub(super) fn packet(&mut self, bytes: &mut Bytes<'_>) -> Vec<u8> {
        let client = mac(bytes.u8() % 8);
        let kind = bytes.u8() % 10;
        let [ciaddr, requested, server, giaddr] = [bytes.u8(), bytes.u8(), bytes.u8(), bytes.u8()];
        let [ciaddr, requested, giaddr] = [ciaddr, requested, giaddr].map(|octet| self.address(octet, client));
        let flags = u16::from(bytes.u8()) << 8;
        let length = bytes.u8();
        let options = bytes.take(length.into());
        self.transaction += 1;
        let mut packet = vec![1, 1, 6, 0];
        packet.extend(self.transaction.to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(flags.to_be_bytes());
        packet.extend(ciaddr.octets());
        packet.extend([0; 8]);
        packet.extend(giaddr.octets());
        packet.extend(client.octets());
        packet.resize(236, 0);
        packet.extend([99, 130, 83, 99, 53, 1, kind]);
        if !requested.is_unspecified() {
            packet.extend([50, 4]);
            packet.extend(requested.octets());
        }
        match server % 3 {
            1 => packet.extend([54, 4, 10, 66, 0, 1]),
            2 => packet.extend([54, 4, 10, 66, 0, 254]),
            _ => {}
        }
        packet.extend(options);
        packet
    }

    fn address(&self, octet: u8, client: Mac) -> Ipv4Addr {
        match octet {
            0 => Ipv4Addr::UNSPECIFIED,
            1 => self.offered.get(&client).copied().unwrap_or(FIRST),
            2 => self.held.iter().find(|(_, held)| held.2 == client).map_or(FIRST, |(address, _)| *address),
            255 => Ipv4Addr::new(192, 0, 2, 1),
            octet => Ipv4Addr::new(10, 66, 0, octet),
        }
    }

    fn client(&self, mac: Mac, identifier: Option<&[u8]>) -> Client {
        match identifier.filter(|id| id.len() >= 2 && !self.network.subnet.reservations.contains_key(&mac)) {
            Some(identifier) => Client::Identifier(identifier.to_vec()),
            None => Client::Hardware(mac),
        }
    }

    /// Somebody who was told that the address is theirs, and that was not long ago.
    fn holder(&self, address: Ipv4Addr) -> Option<&(Client, u64, Mac)> {
        self.held.get(&address).filter(|(_, until, _)| *until > self.seconds)
    }

    /// The box receives a packet; whether it can read it.
    pub(super) fn receive(&mut self, packet: &[u8]) -> bool {
        let Ok(request) = Request::decode(packet) else { return false };
        let named = request.server_id().filter(|_| request.kind == Kind::Request);
        assert!(named.is_none_or(is_one_hosts), "{named:?} is no server");
        // Packets come from where they say: those that do not are refused before anything else is looked at.
        let request = Request { source: request.ciaddr, ..request };
        if self.plant == Plant::Panic && request.options.get(code::OVERLOAD).is_some() {
            panic!("planted");
        }
        let client = self.client(request.mac, request.options.get(code::CLIENT_ID));
        let knowledge = knowledge(&request);
        for _ in 0..ROUNDS {
            let decision = self.segments.handle(&request, &knowledge, self.now());
            let named = request.kind == Kind::Request && decision.silence == Some(Silence::OtherServer);
            self.rivalled |= named && matches!(self.conduct, Conduct::Full { .. });
            if let Some(address) = decision.probe {
                assert!(decision.reply.is_none(), "a reply before the probe");
                self.apply(&decision.writes, Some(&client));
                self.probed(address, &client);
                continue;
            }
            self.take(&request, &client, &knowledge, decision);
            return true;
        }
        panic!("one packet asked for {ROUNDS} probes");
    }

    /// The address answers when somebody has it.
    fn probed(&mut self, address: Ipv4Addr, client: &Client) {
        match self.holder(address).filter(|(holder, ..)| holder != client).map(|(.., mac)| *mac) {
            Some(mac) => {
                let decision = self.segments.found_used(address, mac, self.now());
                assert!(decision.reply.is_none());
                self.apply(&decision.writes, None);
            }
            None => {
                self.segments.found_unused(address);
                self.proven.insert(address, client.clone());
            }
        }
    }

    /// Stores what is to be stored, and sends what is to be sent.
    fn take(&mut self, request: &Request, client: &Client, knowledge: &Knowledge, decision: Decision) {
        let held = self.held_by(client);
        self.apply(&decision.writes, Some(client));
        let Some(reply) = decision.reply else { return };
        let mut message = reply.message;
        if let (Plant::AnotherClient, Some(id)) = (self.plant, request.options.get(code::CLIENT_ID)) {
            if let Some(at) = message.windows(id.len()).rposition(|window| window == id)
                && self.former_identifier.len() == id.len()
            {
                message[at..at + id.len()].copy_from_slice(&self.former_identifier);
            }
            self.former_identifier = id.to_vec();
        }
        let reply = Reply::read(&message, reply.to);
        reply.check(request, knowledge, &self.network);
        self.check_conduct(&reply, request, knowledge);
        self.check_proof(&reply, request, client, &held);
        let address = reply.yiaddr;
        if !address.is_unspecified() {
            let kept = self.network.subnet.reservations.get(&request.mac).map(|kept| kept.address);
            assert!((FIRST..=LAST).contains(&address) || kept == Some(address), "{address} is not ours to give");
            let reserved_for = self.network.subnet.reservations.iter().find(|(_, kept)| kept.address == address);
            assert!(reserved_for.is_none_or(|(mac, _)| *mac == request.mac), "{address} is kept for another");
            if let Some((holder, ..)) = self.holder(address) {
                assert_eq!(holder, client, "{address} is given twice");
            }
        }
        match reply.kind {
            2 => {
                self.offered.insert(request.mac, address);
            }
            5 if request.kind != Kind::Inform => {
                let stored = self.stored.get(&address).expect("an ACK before its lease is stored");
                let of = self.client(stored.mac, stored.client_id.as_deref());
                assert_eq!((&of, stored.state), (client, LeaseState::Bound), "another lease was stored");
                // A lease that only runs to its end is not stored again for a client that came with other hardware.
                let renewed = decision.writes.iter().any(|write| matches!(write, LeaseWrite::Put(_)));
                assert!(!renewed || stored.mac == request.mac, "stored with the hardware of somebody else");
                self.held.retain(|_, (holder, ..)| holder != client);
                self.held.insert(address, (client.clone(), self.seconds + u64::from(reply.lease()), request.mac));
            }
            6 => self.held.retain(|_, (holder, ..)| holder != client),
            _ => {}
        }
    }

    /// Stores; what changes somebody's lease comes from that somebody. `None` when a probe found the address used.
    fn apply(&mut self, writes: &[LeaseWrite], client: Option<&Client>) {
        for write in writes {
            let address = match write {
                LeaseWrite::Put(lease) => lease.address,
                LeaseWrite::Delete(address) => *address,
                LeaseWrite::Dated(dated) => {
                    self.dated = *dated;
                    continue;
                }
            };
            if let (Some((holder, ..)), Some(client)) = (self.holder(address), client) {
                assert_eq!(holder, client, "the lease of {address} is another's: {write:?}");
            }
            match write {
                LeaseWrite::Put(lease) => {
                    can_be_stored(lease);
                    if lease.state != LeaseState::Bound && client.is_some() {
                        self.held.remove(&address);
                    }
                    self.stored.insert(address, lease.clone());
                }
                _ => {
                    self.held.remove(&address);
                    self.stored.remove(&address);
                }
            }
        }
    }

    /// Seconds pass.
    pub(super) fn wait(&mut self, seconds: u64) {
        self.seconds += seconds;
        let writes = self.segments.tick(self.now());
        for write in &writes {
            let LeaseWrite::Put(lease) = write else { continue };
            can_be_stored(lease);
            let client = self.client(lease.mac, lease.client_id.as_deref());
            if let Some((holder, ..)) = self.holder(lease.address).filter(|_| lease.state == LeaseState::Bound) {
                assert_eq!(*holder, client, "the lease of {} was stored again as another's", lease.address);
            }
            self.stored.insert(lease.address, lease.clone());
        }
        self.dated = writes.iter().fold(self.dated, |dated, write| match write {
            LeaseWrite::Dated(now) => *now,
            _ => dated,
        });
    }

    /// The box is off for a while, and goes on from what is stored.
    pub(super) fn restart(&mut self, down: u64, trusted: bool, restored: bool) {
        self.seconds += down;
        self.booted = self.seconds;
        self.trusted = trusted;
        let leases: Vec<Lease> = match self.plant {
            Plant::Forget => Vec::new(),
            _ => self.stored.values().cloned().collect(),
        };
        let restored = restored.then_some(Duration::ZERO);
        let network = Network { dated: self.dated, restored, ..network() };
        self.segments = segments(&network, &leases, self.conduct, self.now());
        self.rivalled = false;
        self.proven.clear();
        self.given.values_mut().for_each(|until| *until = u64::MAX);
    }

    /// Something vouches for the wall clock, or it is set wrong while nothing does.
    pub(super) fn set_clock(&mut self, vouched: bool, error: i64) {
        self.trusted |= vouched;
        if !self.trusted {
            self.wall_error = error;
        }
    }
}

/// RFC 1122 section 3.2.1.3.
fn is_one_hosts(address: Ipv4Addr) -> bool {
    let many = address.is_broadcast() || address.is_multicast();
    !many && !address.is_loopback() && !address.is_unspecified()
}

/// One lease that cannot be stored takes the replies with it that wait for the same commit.
fn can_be_stored(lease: &Lease) {
    let texts = [lease.client_id.as_deref(), lease.host_name.as_deref().map(str::as_bytes)];
    for text in texts.into_iter().chain([lease.vendor_class.as_deref().map(str::as_bytes)]).flatten() {
        assert!(text.len() <= Lease::LONGEST_FIELD, "a lease with {} octets in one field", text.len());
    }
}

/// What the brands say about the sender, as the socket loop puts it together.
fn knowledge(request: &Request) -> Knowledge {
    let claims = Claims {
        user_agent: None,
        vendor_class: request.vendor_class(),
        mac: Some(request.mac),
        requested: request.requested(),
    };
    let at = BoxAddress { host: SERVER.into(), http: 80, https: 443 };
    let query = DhcpQuery {
        scheme: if request.mac.octets()[5] & 1 == 0 { Scheme::Http } else { Scheme::Https },
        at: &at,
        also: &[69],
        mac: Some(request.mac),
        vendor_class: request.vendor_class(),
        user_class: request.options.get(code::USER_CLASS),
        requested: Some(request.requested()),
        voice_vlan: None,
    };
    let found = REGISTRY.recognise(&claims).filter(|found| found.phone);
    let phone = found.is_some();
    let options = found.map(|found| found.brand.dhcp_options(&query).into_values()).unwrap_or_default();
    Knowledge { options, phone, custom: Vec::new() }
}
