use std::collections::BTreeMap;
use std::time::Duration;

use super::super::packets::{Heard, Packet};
use super::super::reply::Destination;
use super::*;
use crate::model::{Reason, Timestamp};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);

pub(crate) fn address(host: u8) -> Ipv4Addr {
    [10, 66, 0, host].into()
}

pub(crate) fn network(first: u8, last: u8) -> Network {
    Network {
        name: "office".into(),
        server: SERVER,
        subnet: Subnet {
            net: "10.66.0.0/24".parse().unwrap(),
            first: address(first),
            last: address(last),
            gateway: Some(address(254)),
            dns: vec![address(253), address(252)],
            domain: Some("branch.example".into()),
            lease_time: Duration::from_secs(3600),
            reservations: BTreeMap::new(),
            on_link: false,
        },
        conduct: Conduct::Full { sole: true },
        marker: None,
        dated: true,
        restored: None,
    }
}

/// `seconds` after the start of the process, at a time of the wall clock that is trusted.
pub(crate) fn at(seconds: u64) -> Now {
    let span = Duration::from_secs(seconds);
    Now { monotonic: span, wall: Timestamp::from_secs(1_790_000_000).plus(span), trusted: true }
}

pub(super) fn mac(client: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, client])
}

/// An engine, its time, and what it has stored.
pub(super) struct Office {
    pub(super) engine: Engine,
    pub(super) now: u64,
    pub(super) stored: BTreeMap<Ipv4Addr, Lease>,
    pub(super) last: Decision,
}

impl Office {
    pub(super) fn new(network: Network) -> Self {
        let engine = Engine::new(network, Vec::new(), at(0));
        Self { engine, now: 0, stored: BTreeMap::new(), last: Decision::default() }
    }

    fn take(&mut self, writes: Vec<LeaseWrite>) {
        for write in writes {
            match write {
                LeaseWrite::Put(lease) => self.stored.insert(lease.address, lease),
                LeaseWrite::Delete(address) => self.stored.remove(&address),
                LeaseWrite::Dated(_) => None,
            };
        }
    }

    pub(super) fn send(&mut self, packet: &Packet) -> Option<Heard> {
        self.send_knowing(packet, &Knowledge::default())
    }

    pub(super) fn send_knowing(&mut self, packet: &Packet, knowledge: &Knowledge) -> Option<Heard> {
        let decision = self.engine.handle(&packet.request(), knowledge, at(self.now));
        self.take(decision.writes.clone());
        self.last = decision.clone();
        decision.reply.map(|reply| Heard::read(&reply.message))
    }

    /// DISCOVER to ACK; the address, if there is one.
    pub(super) fn get(&mut self, client: u8) -> Option<Ipv4Addr> {
        let offer = self.send(&Packet::discover(client))?;
        assert_eq!(offer.kind, 2);
        let ack = self.send(&Packet::select(client, SERVER, offer.yiaddr))?;
        assert_eq!((ack.kind, ack.yiaddr), (5, offer.yiaddr));
        Some(ack.yiaddr)
    }

    fn restart(&mut self, network: Network) {
        self.engine = Engine::new(network, self.stored.values().cloned(), at(self.now));
    }
}

pub(super) fn kind(heard: Option<Heard>) -> Option<u8> {
    heard.map(|heard| heard.kind)
}

#[test]
fn gives_what_is_asked_for_in_the_order_asked() {
    let mut office = network(10, 20);
    office.subnet.reservations.insert(mac(1), Reservation { address: address(77), host_name: Some("desk1".into()) });
    let mut office = Office::new(office);
    let list = [58, 59, 12, 15, 6, 3, 1, 42, 66, 160, 43, 1];
    let packet = Packet::discover(1).with(55, &list).with(61, &[0, b'x']);
    let offer = office.send(&packet).unwrap();
    assert_eq!(offer.codes(), [53, 54, 61, 51, 58, 59, 12, 15, 6, 3, 1, 42]);
    assert_eq!(offer.yiaddr, address(77));
    assert_eq!(offer.get(54), Some(&[10, 66, 0, 1][..]));
    assert_eq!(offer.get(61), Some(&[0, b'x'][..]));
    assert_eq!(offer.get(51), Some(&[0, 0, 0x0e, 0x10][..]));
    assert_eq!(offer.get(58), Some(&[0, 0, 0x07, 0x08][..]));
    assert_eq!(offer.get(59), Some(&[0, 0, 0x0c, 0x4e][..]));
    assert_eq!(offer.get(12), Some(&b"desk1"[..]));
    assert_eq!(offer.get(15), Some(&b"branch.example"[..]));
    assert_eq!(offer.get(6), Some(&[10, 66, 0, 253, 10, 66, 0, 252][..]));
    assert_eq!(offer.get(3), Some(&[10, 66, 0, 254][..]));
    assert_eq!(offer.get(1), Some(&[255, 255, 255, 0][..]));
    assert_eq!(offer.get(42), Some(&[10, 66, 0, 1][..]));
    let bare = office.send(&Packet::discover(2)).unwrap();
    assert_eq!(bare.codes(), [53, 54, 51, 1, 3, 6, 15, 42]);
}

#[test]
fn provisioning_options_go_to_phones_alone() {
    let mut office = Office::new(network(10, 20));
    let url = b"http://10.66.0.1/p/".to_vec();
    let phone = Knowledge { options: vec![(66, url.clone()), (160, url.clone())], phone: true, ..Knowledge::default() };
    let asked = Packet::discover(1).with(55, &[1, 160]);
    let offer = office.send_knowing(&asked, &phone).unwrap();
    assert_eq!(offer.codes(), [53, 54, 51, 1, 160, 66]);
    assert_eq!((offer.get(66), offer.get(160)), (Some(&url[..]), Some(&url[..])));
    assert_eq!(office.send(&asked).unwrap().codes(), [53, 54, 51, 1]);
    for class in [&b"PXEClient:Arch:00000:UNDI:002001"[..], b"HTTPClient:Arch:00016"] {
        let boot = asked.clone().with(60, class);
        assert_eq!(office.send_knowing(&boot, &phone).unwrap().codes(), [53, 54, 51, 1]);
    }
}

#[test]
fn a_client_comes_back_to_its_address() {
    let mut office = Office::new(network(10, 20));
    let first = office.get(1).unwrap();
    assert!(matches!(office.last.event.as_ref().unwrap().reason, Reason::Leased { .. }));
    assert_eq!(office.get(2), Some(address(11)));
    office.now += 1800;
    assert_eq!(kind(office.send(&Packet::renew(1, first))), Some(5));
    assert_eq!(office.last.event, None, "a renewal is no event");
    assert_eq!(office.stored[&first].expires, at(1800 + 3600).wall);
    assert_eq!(kind(office.send(&Packet::reboot(1, first))), Some(5));
    assert_eq!(office.send(&Packet::release(1, SERVER, first)), None);
    assert_eq!(office.stored[&first].state, LeaseState::Released);
    assert_eq!(office.get(3), Some(address(12)), "never used before released");
    assert_eq!(office.get(1), Some(first));
    office.now += 100_000;
    assert_eq!(office.get(1), Some(first), "long over, but nobody needed it");
    office.restart(network(10, 20));
    assert_eq!(office.get(1), Some(first));
}

#[test]
fn client_identifier_names_the_client_and_else_its_hardware() {
    let mut office = Office::new(network(10, 20));
    let first = office.send(&Packet::discover(1).with(61, b"\0one")).unwrap().yiaddr;
    let second = office.send(&Packet::discover(1).with(61, b"\0two")).unwrap().yiaddr;
    let third = office.send(&Packet::discover(1)).unwrap().yiaddr;
    assert!(first != second && second != third && first != third);
    assert_eq!(office.send(&Packet::discover(9).with(61, b"\0two")).unwrap().yiaddr, second);
}

#[test]
fn the_pool_leaves_out_what_is_others_and_says_when_it_is_empty() {
    let mut office = network(252, 254);
    office.subnet.reservations.insert(mac(7), Reservation { address: address(252), host_name: None });
    let mut office = Office::new(office);
    assert_eq!(office.get(1), Some(address(253)));
    assert_eq!(office.get(2), None);
    assert!(matches!(office.last.event.as_ref().unwrap().reason, Reason::PoolExhausted { .. }));
    assert_eq!(office.get(7), Some(address(252)));
    office.now += 3600;
    assert_eq!(office.get(2), Some(address(253)));
}

#[test]
fn the_longest_ended_is_given_away_first() {
    let mut office = Office::new(network(10, 12));
    for (client, wait) in [(1, 10), (2, 10), (3, 10)] {
        office.get(client).unwrap();
        office.now += wait;
    }
    office.send(&Packet::renew(1, address(10))).unwrap();
    office.now += 4000;
    assert_eq!(office.get(4), Some(address(11)));
    assert_eq!(office.get(5), Some(address(12)));
    assert_eq!(office.get(6), Some(address(10)));
}

#[test]
fn a_requested_address_is_given_if_it_is_free() {
    let mut office = Office::new(network(10, 20));
    assert_eq!(office.send(&Packet::discover(1).with(50, &[10, 66, 0, 15])).unwrap().yiaddr, address(15));
    assert_eq!(office.send(&Packet::discover(2).with(50, &[10, 66, 0, 15])).unwrap().yiaddr, address(10));
    assert_eq!(office.send(&Packet::discover(3).with(50, &[10, 66, 0, 99])).unwrap().yiaddr, address(11));
    // One octet short: as if it were not there.
    assert_eq!(office.send(&Packet::discover(4).with(50, &[10, 66, 0])).unwrap().yiaddr, address(12));
}

#[test]
fn a_client_that_takes_another_server_frees_its_offer_and_ends_our_naks() {
    let mut office = Office::new(network(10, 10));
    office.send(&Packet::discover(1)).unwrap();
    assert_eq!(office.get(2), None);
    assert_eq!(office.send(&Packet::select(1, address(200), address(10))), None);
    assert_eq!(office.last.silence, Some(Silence::OtherServer));
    assert_eq!(office.get(2), Some(address(10)));
    assert_eq!(office.send(&Packet::reboot(3, [192, 168, 1, 5].into())), None);
    assert_eq!(office.last.silence, Some(Silence::NotSole));
    // What it named is found to be no server that counts, as the other box.
    office.engine.conduct(Conduct::Full { sole: true });
    assert_eq!(kind(office.send(&Packet::reboot(3, [192, 168, 1, 5].into()))), Some(6));
}

#[test]
fn naks_only_what_it_knows_to_be_wrong() {
    let mut office = Office::new(network(10, 20));
    let held = office.get(1).unwrap();
    for packet in [
        Packet::reboot(2, [192, 168, 1, 5].into()),
        Packet::renew(2, [192, 168, 1, 5].into()),
        Packet::renew(2, held),
        Packet::reboot(2, held),
        Packet::renew(2, SERVER),
        Packet::reboot(1, address(12)),
        Packet::select(2, SERVER, held),
        Packet::select(2, SERVER, address(99)),
    ] {
        let nak = office.send(&packet).unwrap();
        assert_eq!((nak.kind, nak.yiaddr, nak.get(51)), (6, Ipv4Addr::UNSPECIFIED, None), "{packet:?}");
        assert!(matches!(office.last.event.as_ref().unwrap().reason, Reason::LeaseRefused { .. }));
        assert!(office.last.writes.is_empty());
    }
    for packet in [Packet::reboot(2, address(15)), Packet::reboot(2, address(99)), Packet::renew(2, address(99))] {
        assert_eq!(office.send(&packet), None, "{packet:?}");
        assert_eq!(office.last.silence, Some(Silence::NoRecord));
    }
    // In use, free, ours to give, and no other server: the record is made good.
    assert_eq!(kind(office.send(&Packet::renew(2, address(15)))), Some(5));

    let mut guest = network(10, 20);
    guest.conduct = Conduct::Full { sole: false };
    let mut guest = Office::new(guest);
    let held = guest.get(1).unwrap();
    for packet in [Packet::renew(2, held), Packet::renew(2, address(15)), Packet::reboot(2, [192, 168, 1, 5].into())] {
        assert_eq!(guest.send(&packet), None, "{packet:?}");
    }
    assert_eq!(kind(guest.send(&Packet::renew(1, held))), Some(5));
}

#[test]
fn declined_addresses_are_set_aside() {
    let mut office = Office::new(network(10, 11));
    let first = office.get(1).unwrap();
    assert_eq!(office.send(&Packet::decline(2, SERVER, first)), None);
    assert_eq!(office.last.silence, Some(Silence::NoRecord), "not its own to decline");
    office.send(&Packet::decline(1, SERVER, first));
    assert_eq!(office.last.event.as_ref().unwrap().reason, Reason::Declined { address: first });
    assert_eq!(office.stored[&first].state, LeaseState::Declined);
    assert_eq!(office.get(1), Some(address(11)));
    office.restart(network(10, 11));
    assert_eq!(office.get(2), None);
    office.now += 601;
    assert_eq!(office.get(2), Some(first));
}

#[test]
fn inform_gives_parameters_and_no_lease() {
    let mut office = Office::new(network(10, 20));
    let packet = Packet::inform(1, address(200)).with(55, &[1, 58, 51, 42]);
    let ack = office.send(&packet).unwrap();
    assert_eq!((ack.kind, ack.yiaddr), (5, Ipv4Addr::UNSPECIFIED));
    assert_eq!(ack.codes(), [53, 54, 1, 42]);
    assert_eq!(office.last.reply.as_ref().unwrap().to, Destination::Client(address(200)));
    assert!(office.last.writes.is_empty());
    assert_eq!(office.send(&Packet::inform(1, [8, 8, 8, 8].into())), None);
}

#[test]
fn other_networks_relays_are_not_answered() {
    let mut office = Office::new(network(10, 20));
    let mut packet = Packet::discover(1);
    packet.giaddr = [10, 67, 0, 1];
    assert_eq!(office.send(&packet), None);
    packet.giaddr = [10, 66, 0, 2];
    assert_eq!(kind(office.send(&packet)), Some(2));
    assert_eq!(office.last.reply.as_ref().unwrap().to, Destination::Relay([10, 66, 0, 2].into()));
}

#[test]
fn a_reservation_moves_its_client() {
    let mut office = Office::new(network(10, 20));
    let before = office.get(1).unwrap();
    let mut changed = network(10, 20);
    changed.subnet.reservations.insert(mac(1), Reservation { address: address(15), host_name: None });
    office.restart(changed);
    assert_eq!(kind(office.send(&Packet::renew(1, before))), Some(5), "no call is cut");
    assert_eq!(kind(office.send(&Packet::reboot(1, before))), Some(6));
    assert_eq!(office.get(1), Some(address(15)));
    assert_eq!(office.stored.keys().copied().collect::<Vec<_>>(), [address(15)]);
    assert_eq!(kind(office.send(&Packet::select(2, SERVER, address(15)))), Some(6));
    assert_eq!(office.send(&Packet::discover(2).with(50, &before.octets())).unwrap().yiaddr, before);
}

#[test]
fn a_flood_of_names_costs_bounded_memory_and_locks_nobody_out() {
    let mut office = Office::new(network(10, 20));
    let flood = |office: &mut Office, from: u32, count: u32| {
        for name in from..from + count {
            let _ = office.send(&Packet::discover(200).with(61, &name.to_be_bytes()));
        }
    };
    flood(&mut office, 0, 5000);
    assert_eq!(office.get(1), None);
    office.now += 5;
    assert_eq!(office.get(1), Some(address(10)));
    flood(&mut office, 10_000, 5000);
    assert_eq!(kind(office.send(&Packet::renew(1, address(10)))), Some(5));
    assert_eq!(office.engine.bindings.len(), 1);
    let mut wide = network(10, 20);
    wide.subnet.net = "10.64.0.0/10".parse().unwrap();
    wide.subnet.last = [10, 70, 0, 0].into();
    let mut wide = Office::new(wide);
    flood(&mut wide, 0, 3000);
    // The offer of an early name is forgotten, its address is still free, and still given to who asks for it.
    assert_eq!(kind(wide.send(&Packet::select(1, SERVER, address(10)))), Some(5));
}

#[test]
fn clock_jumps_neither_end_leases_nor_make_them_immortal() {
    let mut office = Office::new(network(10, 10));
    office.get(1).unwrap();
    // The wall clock is set forward by years while the box runs: the lease runs on, and is stored with its new end.
    let years = Duration::from_secs(100_000_000);
    let later = |seconds: u64, trusted| {
        let now = at(seconds);
        Now { wall: now.wall.plus(years), trusted, ..now }
    };
    let writes = office.engine.tick(later(60, true));
    office.take(writes);
    assert_eq!(office.stored[&address(10)].expires, later(3600, true).wall);
    assert_eq!(office.stored[&address(10)].seconds_left, 3540);
    let stored: Vec<_> = office.stored.values().cloned().collect();
    let free = |now: Now| {
        let mut engine = Engine::new(network(10, 10), stored.clone(), now);
        engine.handle(&Packet::discover(2).request(), &Knowledge::default(), now).reply.is_some()
    };
    assert!(!free(later(3599, true)));
    assert!(free(later(3600, true)));
    // A clock that cannot be trusted ends nothing, whichever way it is off.
    assert!(!free(later(1_000_000, false)));
    assert!(!free(at(0)));
    // What is left counts from the restart at the latest.
    let mut engine = Engine::new(network(10, 10), stored, at(0));
    let late = Now { wall: at(0).wall, ..at(3541) };
    assert!(engine.handle(&Packet::discover(2).request(), &Knowledge::default(), late).reply.is_some());
}

#[test]
fn a_clock_that_is_set_right_in_the_moment_of_a_lease_does_not_vouch_for_its_end() {
    let mut office = Office::new(network(10, 10));
    let decades = Duration::from_secs(1_000_000_000);
    let wrong = Now { wall: Timestamp::from_secs(1_790_000_000 - 1_000_000_000), trusted: false, ..at(0) };
    office.engine = Engine::new(network(10, 10), Vec::new(), wrong);
    for packet in [Packet::discover(1), Packet::select(1, SERVER, address(10))] {
        let decision = office.engine.handle(&packet.request(), &Knowledge::default(), wrong);
        office.take(decision.writes);
    }
    assert_eq!(office.stored[&address(10)].expires, wrong.wall.plus(Duration::from_secs(3600)));
    assert_eq!(wrong.wall.plus(decades), at(0).wall);
    // In the same millisecond the end is still the wrong one, and nothing says that it can be trusted.
    assert_eq!(office.engine.tick(at(0)), []);
    let writes = office.engine.tick(at(5));
    assert_eq!(writes.last(), Some(&LeaseWrite::Dated(true)));
    office.take(writes);
    assert_eq!(office.stored[&address(10)].expires, at(3600).wall);
}

#[test]
fn leases_that_are_not_renewed_count_down_in_the_store() {
    let mut office = Office::new(network(10, 10));
    office.get(1).unwrap();
    let mut seen = Vec::new();
    for now in (0..6000).step_by(10) {
        office.now = now;
        let writes = office.engine.tick(at(now));
        seen.extend(writes.iter().map(|write| match write {
            LeaseWrite::Put(lease) => lease.seconds_left,
            _ => u32::MAX,
        }));
        office.take(writes);
    }
    assert_eq!(seen, [3000, 2400, 1800, 1200, 600, 0]);
    // Over is over, even for a clock that is not trusted.
    let now = Now { trusted: false, ..at(0) };
    let mut engine = Engine::new(network(10, 10), office.stored.into_values(), now);
    assert!(engine.handle(&Packet::discover(2).request(), &Knowledge::default(), now).reply.is_some());
}

#[test]
fn after_a_restore_nothing_is_offered_unprobed_and_clients_keep_what_they_hold() {
    let mut restored = network(10, 11);
    restored.restored = Some(Duration::ZERO);
    restored.subnet.on_link = true;
    let mut office = Office::new(restored);
    assert_eq!(kind(office.send(&Packet::reboot(1, address(11)))), Some(5), "a free address is honoured");
    assert_eq!(kind(office.send(&Packet::reboot(2, address(11)))), Some(6));
    assert_eq!(office.send(&Packet::discover(3)), None);
    assert_eq!(office.last.probe, Some(address(10)));
    let taken = office.engine.found_used(address(10), mac(99), at(0));
    assert_eq!(taken.event.as_ref().unwrap().reason, Reason::Declined { address: address(10) });
    office.take(taken.writes);
    assert_eq!(office.send(&Packet::discover(3)), None);
    assert_eq!(office.last.silence, Some(Silence::PoolExhausted));
    office.now += 601;
    office.send(&Packet::discover(3));
    assert_eq!(office.last.probe, Some(address(10)));
    office.engine.found_unused(address(10));
    assert_eq!(office.send(&Packet::discover(3)).unwrap().yiaddr, address(10));
    assert_eq!(office.last.probe, None);
    assert_eq!(kind(office.send(&Packet::select(3, SERVER, address(10)))), Some(5));
    office.now += 3000;
    office.send(&Packet::release(3, SERVER, address(10)));
    assert_eq!(kind(office.send(&Packet::discover(4))), Some(2), "one lease time later all is known again");
}

#[test]
fn what_is_left_of_the_time_after_a_restore_goes_on_at_the_next_start() {
    for (since, answer) in [(3599, Some(5)), (3600, None)] {
        let mut restored = network(10, 11);
        restored.restored = Some(Duration::from_secs(since));
        let mut office = Office::new(restored);
        assert_eq!(kind(office.send(&Packet::reboot(1, address(11)))), answer, "its record may be lost: {since}");
        office.now = 1;
        assert_eq!(kind(office.send(&Packet::reboot(2, address(10)))), None, "{since}");
    }
}

#[test]
fn a_probe_answered_by_the_client_itself_is_no_conflict() {
    let mut restored = network(10, 11);
    restored.restored = Some(Duration::ZERO);
    restored.subnet.on_link = true;
    let mut office = Office::new(restored);
    office.send(&Packet::discover(1));
    assert_eq!(office.engine.found_used(address(10), mac(1), at(0)), Decision::default());
    assert_eq!(office.send(&Packet::discover(1)).unwrap().yiaddr, address(10));
    assert_eq!(office.engine.found_used(address(10), mac(2), at(0)).writes, []);
}
