//! What each conduct answers, and care for addresses and for those who must not go without one.

use super::super::packets::{Heard, Packet};
use super::tests::{Office, address, at, kind, mac, network};
use super::*;

pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 254);

fn office(conduct: Conduct, first: u8, last: u8) -> Office {
    Office::new(Network { conduct, ..network(first, last) })
}

pub(super) fn phone() -> Knowledge {
    let url = b"http://10.66.0.1/p/".to_vec();
    Knowledge { options: vec![(66, url.clone()), (160, url)], phone: true, custom: Vec::new() }
}

#[test]
fn silent_is_silent_to_every_message() {
    let mut office = office(Conduct::Silent, 10, 20);
    for packet in [
        Packet::discover(1),
        Packet::select(1, SERVER, address(10)),
        Packet::renew(1, address(10)),
        Packet::reboot(1, address(10)),
        Packet::inform(1, address(77)),
    ] {
        assert_eq!(office.send_knowing(&packet, &phone()), None);
        assert_eq!(office.last.silence, Some(Silence::NotServing));
    }
}

#[test]
fn inform_only_tells_phones_where_their_configuration_is_and_nothing_else() {
    let mut office = office(Conduct::InformOnly, 10, 20);
    let asks = Packet::inform(1, address(77)).with(55, &[1, 3, 6, 15, 42, 51, 66, 160]);
    let told = office.send_knowing(&asks, &phone()).unwrap();
    assert_eq!((told.kind, told.yiaddr), (5, Ipv4Addr::UNSPECIFIED));
    assert_eq!(told.codes(), [53, 54, 66, 160], "never 1, 3, 6, 15, 42 or 51");
    assert_eq!(office.send(&asks), None, "nobody else");
    assert_eq!(office.send_knowing(&asks.with(60, b"PXEClient:Arch:00000"), &phone()).unwrap().codes(), [53, 54]);
    assert_eq!(office.send_knowing(&Packet::discover(1), &phone()), None);
    assert_eq!(office.send_knowing(&Packet::reboot(1, address(10)), &phone()), None);
    assert_eq!(office.send_knowing(&Packet::select(1, SERVER, address(10)), &phone()), None);
}

#[test]
fn phones_only_leaves_everybody_else_to_the_other_server() {
    let mut office = office(Conduct::PhonesOnly, 10, 20);
    assert_eq!(office.send(&Packet::discover(1)), None);
    assert_eq!(office.last.silence, Some(Silence::NotAPhone));
    let offer = office.send_knowing(&Packet::discover(2), &phone()).unwrap();
    assert_eq!(kind(office.send_knowing(&Packet::select(2, SERVER, offer.yiaddr), &phone())), Some(5));
    for refused in
        [Packet::reboot(2, [192, 0, 2, 1].into()), Packet::renew(3, address(44)), Packet::reboot(4, address(10))]
    {
        assert_eq!(office.send_knowing(&refused, &phone()), None, "no NAK beside another server: {refused:?}");
    }
    let told = office.send_knowing(&Packet::inform(5, address(77)), &phone()).unwrap();
    assert_eq!(told.codes(), [53, 54, 66, 160]);
}

#[test]
fn stepping_down_renews_leases_to_their_end_and_gives_no_new_ones() {
    let mut office = office(Conduct::Full { sole: true }, 10, 20);
    let held = office.get(1).unwrap();
    office.engine.conduct(Conduct::InformOnly);
    office.now += 1800;
    let seconds = |heard: Option<Heard>| heard.map(|heard| <[u8; 4]>::try_from(heard.get(51).unwrap()).unwrap());
    assert_eq!(seconds(office.send(&Packet::renew(1, held))), Some(1800_u32.to_be_bytes()));
    assert_eq!(seconds(office.send(&Packet::reboot(1, held))), Some(1800_u32.to_be_bytes()));
    assert_eq!(office.send(&Packet::renew(2, held)), None, "not another's");
    assert_eq!(office.send(&Packet::select(1, OTHER, held)), None);
    assert_eq!(office.send(&Packet::discover(1)), None);
    assert!(office.engine.has_leases());
    office.now += 1750;
    assert_eq!(office.send(&Packet::renew(1, held)), None, "it has time to find the other server");
    office.now += 60;
    office.engine.tick(at(office.now));
    assert!(!office.engine.has_leases());
}

#[test]
fn standing_in_gives_short_leases_of_probed_addresses_and_no_nak() {
    let mut facts = network(10, 20);
    facts.conduct = Conduct::StandIn;
    facts.subnet.on_link = true;
    let mut office = Office::new(facts);
    assert_eq!(office.send(&Packet::discover(1)), None);
    assert_eq!(office.last.probe, Some(address(10)));
    office.engine.found_unused(address(10));
    let offer = office.send(&Packet::discover(1)).unwrap();
    assert_eq!(offer.get(51), Some(&600_u32.to_be_bytes()[..]));
    let ack = office.send(&Packet::select(1, SERVER, address(10))).unwrap();
    assert_eq!(ack.get(51), Some(&600_u32.to_be_bytes()[..]));
    assert_eq!(office.stored[&address(10)].seconds_left, 600);
    assert_eq!(office.send(&Packet::reboot(2, [192, 0, 2, 1].into())), None);
    assert_eq!(office.send(&Packet::renew(3, address(15))), None, "a lease of the other server");
}

#[test]
fn standing_in_grants_no_address_that_was_not_seen_to_be_unused() {
    let mut facts = network(10, 20);
    facts.subnet.on_link = true;
    let mut office = Office::new(facts);
    office.send(&Packet::discover(1));
    office.engine.found_unused(address(10));
    assert_eq!(office.get(1), Some(address(10)));
    office.now += 4000;
    office.send(&Packet::discover(2));
    office.engine.found_unused(address(11));
    assert_eq!(office.send(&Packet::discover(2)).unwrap().yiaddr, address(11));

    // The lease is over: the other server may have given the address to somebody since.
    office.engine.conduct(Conduct::StandIn);
    assert_eq!(office.send(&Packet::reboot(1, address(10))), None);
    assert_eq!(office.last.silence, Some(Silence::NoRecord));
    assert_eq!(office.send(&Packet::select(2, SERVER, address(11))), None, "offered before it stood in");
    assert_eq!(office.send(&Packet::select(3, SERVER, address(12))), None, "never offered");
    assert_eq!(office.send(&Packet::discover(1)), None);
    assert_eq!(office.last.probe, Some(address(10)));
    assert_eq!(office.send(&Packet::select(1, SERVER, address(10))), None, "before the probe is over");
    office.engine.found_unused(address(10));
    assert_eq!(office.get(1), Some(address(10)));
    assert_eq!(kind(office.send(&Packet::reboot(1, address(10)))), Some(5), "its lease runs");
    assert_eq!(kind(office.send(&Packet::renew(1, address(10)))), Some(5));
}

#[test]
fn standing_in_what_a_relay_was_offered_is_seen_to_be_unused_before_its_client_gets_it_on_the_wire() {
    let mut facts = network(10, 20);
    facts.conduct = Conduct::StandIn;
    facts.subnet.on_link = true;
    let mut office = Office::new(facts);
    let through_a_relay = |mut packet: Packet| {
        packet.giaddr = [10, 66, 0, 200];
        packet
    };
    let offer = office.send(&through_a_relay(Packet::discover(1))).unwrap();
    assert_eq!((offer.kind, offer.yiaddr), (2, address(10)), "behind a relay nothing can be seen");
    assert_eq!(office.send(&Packet::select(1, SERVER, address(10))), None);
    assert_eq!(office.last.silence, Some(Silence::NotSole));
    assert_eq!(office.send(&Packet::discover(1)), None);
    assert_eq!(office.last.probe, Some(address(10)));
    office.engine.found_unused(address(10));
    assert_eq!(office.send(&Packet::discover(1)).unwrap().yiaddr, address(10));

    office.send(&through_a_relay(Packet::discover(2)));
    let ack = office.send(&through_a_relay(Packet::select(2, SERVER, address(11))));
    assert_eq!(kind(ack), Some(5), "who stays behind the relay is served");
}

#[test]
fn a_first_offer_waits_for_a_probe_and_a_storm_does_not() {
    let mut facts = network(10, 200);
    facts.subnet.on_link = true;
    let mut office = Office::new(facts);
    assert_eq!(office.send(&Packet::discover(1)), None);
    let first = office.last.probe.unwrap();
    office.engine.found_unused(first);
    assert_eq!(office.send(&Packet::discover(1)).unwrap().yiaddr, first);
    assert_eq!(kind(office.send(&Packet::select(1, SERVER, first))), Some(5));
    office.send(&Packet::release(1, SERVER, first));
    office.now += 10;
    assert_eq!(office.send(&Packet::discover(1)).unwrap().yiaddr, first, "it was ours lately");
    office.now += 10;
    let waiting = (2..150).filter(|client| office.send(&Packet::discover(*client)).is_none()).count();
    assert_eq!(waiting, 16, "phones after a power cut are not kept waiting");
}

#[test]
fn an_address_that_somebody_is_heard_to_use_is_avoided() {
    let mut office = office(Conduct::Full { sole: true }, 10, 29);
    let static_host = mac(99);
    let noticed = office.engine.heard(address(10), static_host, at(0));
    assert_eq!(noticed.event.as_ref().unwrap().reason, Reason::AddressInUse { address: address(10) });
    assert_eq!(office.get(1), Some(address(11)));
    assert_eq!(office.engine.heard(address(11), mac(1), at(0)), Decision::default(), "it is the client itself");
    assert_eq!(office.engine.heard(address(200), static_host, at(0)), Decision::default(), "not of the pool");
    // Whoever claims every address by ARP does not empty the pool.
    for host in 10..30 {
        office.engine.heard(address(host), mac(98), at(0));
    }
    assert_eq!(office.engine.abandoned().len(), 5);
    assert_eq!(office.engine.abandoned().iter().filter(|(_, mac)| *mac == static_host).count(), 1);
    assert!(office.get(2).is_some());
}

#[test]
fn an_address_that_was_set_aside_stays_so_while_it_is_used_and_is_looked_at_before_it_is_given() {
    let mut facts = network(10, 13);
    facts.subnet.on_link = true;
    let mut office = Office::new(facts);
    let static_host = mac(99);
    office.engine.heard(address(10), static_host, at(0));
    for seconds in [700, 1400] {
        office.engine.tick(at(seconds));
        let again = office.engine.heard(address(10), static_host, at(seconds));
        assert_eq!((again.event, again.writes.len()), (None, 1), "it is told once, and set aside again");
    }
    // It is off now. A storm of other clients is no reason to give its address away unseen.
    office.now = 2100;
    office.engine.tick(at(2100));
    for client in 1..=3 {
        office.send(&Packet::discover(client));
        office.engine.found_unused(address(10 + client));
        assert!(office.get(client).is_some());
    }
    for client in 100..200 {
        office.send(&Packet::discover(client).with(50, &address(11).octets()));
    }
    office.engine.tick(at(2200));
    office.now = 2200;
    office.send(&Packet::discover(4));
    assert_eq!(office.last.probe, Some(address(10)));
}

#[test]
fn a_flood_of_invented_clients_leaves_room_for_phones_and_old_friends() {
    let mut office = office(Conduct::Full { sole: true }, 10, 49);
    let friend = office.get(250).unwrap();
    office.send(&Packet::release(250, SERVER, friend));
    let strangers = (1..100).filter(|client| office.get(*client).is_some()).count();
    assert!((30..=35).contains(&strangers), "{strangers}");
    assert!(office.send_knowing(&Packet::discover(200), &phone()).is_some());
    assert!(office.send(&Packet::discover(250)).is_some());
    assert_eq!(office.send(&Packet::discover(201)), None);
    assert_eq!(office.last.silence, Some(Silence::PoolExhausted));
}

#[test]
fn leases_beyond_the_pool_take_nothing_of_it() {
    let mut facts = network(10, 49);
    for client in 1..=40 {
        let reservation = Reservation { address: address(100 + client), host_name: None };
        facts.subnet.reservations.insert(mac(client), reservation);
    }
    let mut office = Office::new(facts);
    for client in 1..=40 {
        assert_eq!(office.get(client), Some(address(100 + client)));
    }
    office.engine.tick(at(1));
    office.now = 60;
    let strangers = (50..=250).filter(|client| office.get(*client).is_some()).count();
    assert!((30..=35).contains(&strangers), "{strangers}");
}

#[test]
fn reservations_inside_the_pool_leave_its_last_part_to_phones() {
    let mut facts = network(10, 49);
    for client in 1..=20 {
        let reservation = Reservation { address: address(9 + client), host_name: None };
        facts.subnet.reservations.insert(mac(client), reservation);
    }
    let mut office = Office::new(facts);
    for client in 1..=20 {
        assert_eq!(office.get(client), Some(address(9 + client)));
    }
    office.engine.tick(at(1));
    let strangers = (100..150).filter(|client| office.get(*client).is_some()).count();
    assert!((16..=18).contains(&strangers), "{strangers} of twenty");
    assert!(office.send_knowing(&Packet::discover(200), &phone()).is_some());
}

#[test]
fn a_client_that_was_heard_before_it_asked_keeps_its_address() {
    let mut office = office(Conduct::Full { sole: true }, 10, 29);
    assert!(office.engine.heard(address(20), mac(1), at(0)).event.is_some());
    assert_eq!(kind(office.send(&Packet::reboot(1, address(20)))), Some(6), "it did not begin to use it yet");
    assert_eq!(office.engine.abandoned().len(), 1);
    assert_eq!(kind(office.send(&Packet::renew(2, address(20)))), Some(6), "another one's");
    assert_eq!(kind(office.send(&Packet::renew(1, address(20)))), Some(5));
    assert_eq!(office.stored[&address(20)].state, LeaseState::Bound);

    // What was set aside long ago is in the pool again: it is there once.
    let mut later = Office::new(network(10, 11));
    later.engine.heard(address(10), mac(1), at(0));
    later.now = 700;
    later.engine.tick(at(later.now));
    assert_eq!(kind(later.send(&Packet::renew(1, address(10)))), Some(5));
    assert_eq!(later.get(2), Some(address(11)));
    assert_eq!(later.get(3), None, "two clients have one address");

    let mut restored = network(10, 29);
    restored.restored = Some(std::time::Duration::ZERO);
    let mut office = Office::new(restored);
    office.engine.heard(address(20), mac(1), at(0));
    assert_eq!(kind(office.send(&Packet::reboot(1, address(20)))), Some(5), "its record may be lost");
}

#[test]
fn naming_an_address_is_no_claim_to_the_last_of_them() {
    let mut office = office(Conduct::Full { sole: true }, 10, 49);
    let strangers = (1..100).filter(|client| office.get(*client).is_some()).count();
    assert!((30..=35).contains(&strangers), "{strangers}");
    let free = address(49);
    assert_eq!(office.send(&Packet::discover(200).with(50, &free.octets())), None, "by asking for it");
    assert_eq!(kind(office.send(&Packet::select(201, SERVER, free))), Some(6), "by taking it without an offer");
    assert_eq!(office.send(&Packet::renew(202, free)), None, "by saying to have it");
    assert_eq!(office.send_knowing(&Packet::discover(203).with(50, &free.octets()), &phone()).unwrap().yiaddr, free);
}

#[test]
fn a_release_counts_only_from_the_address_that_is_released() {
    let mut office = office(Conduct::Full { sole: true }, 10, 20);
    let held = office.get(1).unwrap();
    let forged = Packet::release(1, SERVER, held).request();
    for source in [Ipv4Addr::UNSPECIFIED, address(66)] {
        let request = Request { source, ..forged.clone() };
        let decision = office.engine.handle(&request, &Knowledge::default(), at(1));
        assert_eq!((decision.silence, decision.writes.len()), (Some(Silence::Forged), 0));
    }
    assert_eq!(office.engine.handle(&forged, &Knowledge::default(), at(1)).writes.len(), 1);
}

#[test]
fn a_released_address_is_seen_to_be_unused_before_another_gets_it() {
    let released = || {
        let mut facts = network(10, 10);
        facts.subnet.on_link = true;
        let mut office = Office::new(facts);
        assert_eq!(office.send(&Packet::discover(1)), None);
        office.engine.found_unused(address(10));
        assert_eq!(office.get(1), Some(address(10)));
        office.send(&Packet::release(1, SERVER, address(10)));
        office.now += 10;
        office
    };
    let mut office = released();
    assert_eq!(office.send(&Packet::discover(2)), None);
    assert_eq!(office.last.probe, Some(address(10)), "it may have been released in the client's name");
    assert_eq!(released().send(&Packet::discover(1)).unwrap().yiaddr, address(10), "its own client needs no proof");
}

#[test]
fn rapid_commit_saves_two_packets_where_nobody_else_answers() {
    let mut office = office(Conduct::Full { sole: true }, 10, 20);
    let hasty = Packet::discover(1).with(80, &[]);
    let ack = office.send(&hasty).unwrap();
    assert_eq!((ack.kind, ack.get(80)), (5, Some(&[][..])));
    assert!(office.stored.contains_key(&ack.yiaddr));
    office.engine.conduct(Conduct::Full { sole: false });
    let offer = office.send(&Packet::discover(2).with(80, &[])).unwrap();
    assert_eq!((offer.kind, offer.get(80)), (2, None));
}

#[test]
fn offers_carry_the_marker_and_what_an_administrator_set() {
    let mut facts = network(10, 20);
    facts.marker = Some(b"block66\x01aaaaaaaaaaaaaaaa".to_vec());
    let mut office = Office::new(facts);
    let knows =
        Knowledge { custom: vec![(6, vec![9, 9, 9, 9]), (156, b"x".to_vec()), (66, b"tftp".to_vec())], ..phone() };
    let offer = office.send_knowing(&Packet::discover(1).with(55, &[1, 6]), &knows).unwrap();
    assert_eq!(offer.get(6), Some(&[9, 9, 9, 9][..]));
    assert_eq!(offer.get(156), Some(&b"x"[..]));
    assert_eq!(offer.get(224), Some(&b"block66\x01aaaaaaaaaaaaaaaa"[..]));
    assert_eq!(offer.get(66), Some(&b"tftp"[..]), "the administrator's word goes before the brand's");
    let ack = office.send_knowing(&Packet::select(1, SERVER, offer.yiaddr), &knows).unwrap();
    assert_eq!(ack.get(224), None);
}

#[test]
fn an_address_of_the_box_or_the_gateway_is_kept_for_nobody() {
    let text = r#"
[[network]]
name = "office"
interface = "eth0"
subnet = "10.66.0.0/24"
gateway = "10.66.0.254"
dns = ["10.66.0.254"]
dhcp = { mode = "full", pool = "10.66.0.10-10.66.0.20", reservation = [
  { mac = "80:5e:c0:00:00:01", address = "10.66.0.1" }, { mac = "80:5e:c0:00:00:02", address = "10.66.0.40" } ] }
"#;
    let (config, _) = crate::config::Config::parse(text, "block66.toml".as_ref()).unwrap();
    let mut facts = Network::of(&config.networks[0], SERVER).remove(0);
    facts.conduct = Conduct::Full { sole: true };
    facts.subnet.on_link = false;
    let mut office = Office::new(facts);
    assert_eq!((office.get(1), office.get(2)), (Some(address(10)), Some(address(40))));
}
