//! Several subnets, on a wire and behind relays.

use super::super::packets::{Heard, Packet};
use super::mode_tests::{SERVER, phone};
use super::tests::{address, at, mac, network};
use super::*;
use crate::model::{Timestamp, Via};

/// Two subnets: one on the wire, and one behind a relay.
fn segments() -> Segments {
    let local = network(10, 11);
    let mut local_too = network(10, 20);
    local_too.subnet.net = "10.67.0.0/24".parse().unwrap();
    local_too.subnet.first = [10, 67, 0, 10].into();
    local_too.subnet.last = [10, 67, 0, 20].into();
    let mut remote = network(10, 20);
    remote.subnet.net = "10.70.0.0/24".parse().unwrap();
    remote.subnet.first = [10, 70, 0, 10].into();
    remote.subnet.last = [10, 70, 0, 20].into();
    let mut networks = [local, local_too, remote];
    networks[0].subnet.on_link = true;
    networks[1].subnet.on_link = true;
    let nets = networks.each_ref().map(|network| network.subnet.net);
    let relays = [[10, 70, 0, 1].into(), [10, 71, 0, 1].into()];
    let mut segments = Segments::new(SERVER, (&networks, &nets), &relays, &[], at(0));
    segments.conduct(Conduct::Full { sole: true });
    segments
}

#[test]
fn a_relays_clients_get_addresses_of_their_subnet_and_unknown_relays_none() {
    let mut segments = segments();
    let mut send = |packet: &Packet| segments.handle(&packet.request(), &Knowledge::default(), at(0));
    let mut relayed = Packet::discover(1).with(82, &[1, 2, 7, 7]);
    relayed.giaddr = [10, 70, 0, 1];
    let reply = send(&relayed).reply.unwrap();
    let offer = Heard::read(&reply.message);
    assert_eq!(offer.yiaddr, Ipv4Addr::new(10, 70, 0, 10));
    assert_eq!(reply.to, super::super::reply::Destination::Relay([10, 70, 0, 1].into()));
    assert_eq!(offer.options.last(), Some(&(82, vec![1, 2, 7, 7])), "echoed, and last");

    relayed.giaddr = [10, 70, 0, 99];
    assert_eq!(send(&relayed).silence, Some(Silence::UnknownRelay));

    // The relay stands elsewhere and says by link selection where its client is (RFC 3527).
    let mut selected = Packet::discover(2).with(82, &[1, 1, 9, 5, 4, 10, 70, 0, 0]);
    selected.giaddr = [10, 71, 0, 1];
    let reply = send(&selected).reply.unwrap();
    assert_eq!(Heard::read(&reply.message).yiaddr, Ipv4Addr::new(10, 70, 0, 11));
    assert_eq!(reply.to, super::super::reply::Destination::Relay([10, 71, 0, 1].into()));
}

#[test]
fn a_wire_with_two_subnets_uses_the_second_when_the_first_is_full() {
    let mut segments = segments();
    let mut got = Vec::new();
    for client in 1..=4 {
        let mut decision = segments.handle(&Packet::discover(client).request(), &Knowledge::default(), at(0));
        if let Some(probe) = decision.probe {
            segments.found_unused(probe);
            decision = segments.handle(&Packet::discover(client).request(), &Knowledge::default(), at(0));
        }
        let offered = Heard::read(&decision.reply.unwrap().message).yiaddr;
        let taken = Packet::select(client, SERVER, offered).request();
        assert_eq!(Heard::read(&segments.handle(&taken, &Knowledge::default(), at(0)).reply.unwrap().message).kind, 5);
        got.push(offered);
    }
    let second = |host: u8| Ipv4Addr::new(10, 67, 0, host);
    assert_eq!(got, [address(10), address(11), second(10), second(11)]);
    let renewed = segments.handle(&Packet::renew(3, second(10)).request(), &Knowledge::default(), at(9));
    assert_eq!(Heard::read(&renewed.reply.unwrap().message).kind, 5);
    // It remembers which of them has it.
    let again = segments.handle(&Packet::discover(4).request(), &Knowledge::default(), at(9));
    assert_eq!(Heard::read(&again.reply.unwrap().message).yiaddr, second(11));
}

#[test]
fn the_store_vouches_for_no_lease_before_those_of_all_subnets_are_written_again() {
    let mut networks = [network(10, 20), network(10, 20)];
    networks[1].subnet.net = "10.70.0.0/16".parse().unwrap();
    networks[1].subnet.first = [10, 70, 0, 1].into();
    networks[1].subnet.last = [10, 70, 9, 255].into();
    let nets = networks.each_mut().map(|network| {
        network.dated = false;
        network.subnet.net
    });
    // More than are written in one tick, by a clock that was two days behind.
    let lease = |number: u16| Lease {
        address: Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 70, 0, 1)) + u32::from(number)),
        mac: Mac::new([0x80, 0x5e, 0xc0, 1, number.to_be_bytes()[0], number.to_be_bytes()[1]]),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: Timestamp::from_secs(at(3600).wall.secs() - 172_800),
        seconds_left: 3600,
        via: Via::Wire,
    };
    let leases: Vec<Lease> = (0..300).map(lease).collect();
    let mut segments = Segments::new(SERVER, (&networks, &nets), &[], &leases, at(0));
    let said = [5, 10].map(|seconds| {
        let writes = segments.tick(at(seconds));
        let written = writes.iter().filter(|write| matches!(write, LeaseWrite::Put(_))).count();
        (written, writes.contains(&LeaseWrite::Dated(true)))
    });
    assert_eq!(said, [(256, false), (44, true)]);
}

#[test]
fn that_clients_find_no_address_is_known_until_none_asked_for_a_while() {
    let mut facts = network(10, 10);
    facts.subnet.on_link = true;
    let nets = [facts.subnet.net];
    let mut segments = Segments::new(SERVER, (&[facts], &nets), &[], &[], at(0));
    segments.conduct(Conduct::Full { sole: true });
    let mut asks = |client| {
        let decision = segments.handle(&Packet::discover(client).request(), &Knowledge::default(), at(0));
        (decision.silence, segments.is_exhausted(at(899)), segments.is_exhausted(at(900)))
    };
    assert_eq!(asks(1), (None, false, false));
    assert_eq!(asks(2), (Some(Silence::PoolExhausted), true, false));
}

#[test]
fn a_preview_changes_nothing() {
    let mut segments = segments();
    let question = Packet::discover(1).request();
    let before = segments.preview(&question, &Knowledge::default(), at(0));
    assert_eq!(before.address, Some(address(10)));
    assert_eq!(segments.preview(&question, &Knowledge::default(), at(0)), before);
    segments.conduct(Conduct::PhonesOnly);
    assert_eq!(segments.preview(&question, &Knowledge::default(), at(0)).answer, Err(Silence::NotAPhone));
    let inform = Packet::inform(1, address(77)).request();
    assert!(segments.preview(&inform, &phone(), at(0)).answer.is_ok());
}

#[test]
fn engines_made_anew_do_not_let_a_source_ask_more_often() {
    let mut network = network(10, 11);
    network.subnet.on_link = true;
    let nets = [network.subnet.net];
    let made = || Segments::new(SERVER, (std::slice::from_ref(&network), &nets), &[], &[], at(0));
    let mut segments = made();
    segments.conduct(Conduct::Full { sole: true });
    let ask =
        |segments: &mut Segments| segments.handle(&Packet::discover(1).request(), &Knowledge::default(), at(0)).silence;
    while ask(&mut segments) != Some(Silence::TooMany) {}
    segments.renew(made());
    assert_eq!(ask(&mut segments), Some(Silence::TooMany));
    let other = segments.handle(&Packet::discover(2).request(), &Knowledge::default(), at(0));
    assert_eq!(other.probe, Some(address(10)), "it goes on serving");
}

#[test]
fn leases_of_another_server_are_taken_over_where_none_runs_here() {
    let mut segments = segments();
    let take = |segments: &mut Segments, packet: Packet, seconds| {
        let decision = segments.handle(&packet.request(), &Knowledge::default(), at(seconds));
        decision.reply.map(|reply| Heard::read(&reply.message).kind)
    };
    let lease = |client: u8, address| Lease {
        address,
        mac: mac(client),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: at(7200).wall,
        seconds_left: 3600,
        via: Via::Unknown,
    };
    // One that ended, one that was given back, one that runs, one that is offered; and somebody without a lease.
    let other = |host: u8| Ipv4Addr::new(10, 67, 0, host);
    assert_eq!(take(&mut segments, Packet::select(1, SERVER, other(10)), 0), Some(5));
    assert_eq!(take(&mut segments, Packet::select(2, SERVER, other(11)), 3000), Some(5));
    assert_eq!(take(&mut segments, Packet::release(2, SERVER, other(11)), 3000), None);
    assert_eq!(take(&mut segments, Packet::select(3, SERVER, other(12)), 3000), Some(5));
    let offered =
        segments.handle(&Packet::discover(4).with(50, &other(13).octets()).request(), &Knowledge::default(), at(3600));
    assert_eq!(offered.probe, Some(other(13)));
    assert_ne!(segments.heard(other(14), mac(24), at(3600)).writes, []);
    assert_ne!(segments.heard(other(15), mac(99), at(3600)).writes, []);

    let theirs: Vec<_> = (10..=15).map(|host| lease(host + 10, other(host))).collect();
    let elsewhere = lease(40, [192, 0, 2, 1].into());
    let moved = lease(3, other(20));
    let all = [&theirs[..], &[elsewhere, moved]].concat();
    let taken: Vec<_> = segments.importable(all, at(3600)).iter().map(|lease| lease.address.octets()[3]).collect();
    assert_eq!(taken, [10, 11, 13, 14], "12 runs, 15 is used by somebody else, 20 is of a client that has moved here");
}
