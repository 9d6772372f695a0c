//! Who may have an address that was given back: in a client's name anybody can do that.

use super::super::packets::Packet;
use super::mode_tests::SERVER;
use super::tests::{Office, kind, network};
use super::*;

/// An office on the wire, where it can be seen whether an address is used.
fn office() -> Office {
    let mut network = network(10, 100);
    network.subnet.on_link = true;
    Office::new(network)
}

/// A client gets an address that is seen to be unused, if that has to be seen.
fn given(office: &mut Office, client: u8) -> Ipv4Addr {
    office.send(&Packet::discover(client));
    if let Some(address) = office.last.probe {
        office.engine.found_unused(address);
    }
    let address = office.send(&Packet::discover(client)).unwrap().yiaddr;
    assert_eq!(kind(office.send(&Packet::select(client, SERVER, address))), Some(5));
    address
}

#[test]
fn what_was_released_is_given_to_nobody_else_who_was_not_offered_it() {
    let mut office = office();
    let there = given(&mut office, 1);
    office.send(&Packet::release(1, SERVER, there));
    assert_eq!(kind(office.send(&Packet::select(2, SERVER, there))), Some(6));
    assert_eq!(office.send(&Packet::renew(2, there)), None);
    assert_eq!(office.send(&Packet::reboot(2, there)), None);
    // Nor while it is looked whether somebody uses it.
    assert_eq!(office.send(&Packet::discover(2).with(50, &there.octets())), None);
    assert_eq!(office.last.probe, Some(there));
    assert_eq!(kind(office.send(&Packet::select(2, SERVER, there))), Some(6));
    assert_eq!(kind(office.send(&Packet::renew(1, there))), Some(5), "its own client goes on");
}

#[test]
fn who_was_offered_what_is_seen_to_be_unused_gets_it() {
    let mut office = office();
    let there = given(&mut office, 1);
    office.send(&Packet::release(1, SERVER, there));
    let asked = Packet::discover(2).with(50, &there.octets());
    assert_eq!(office.send(&asked), None);
    office.engine.found_unused(there);
    assert_eq!(office.send(&asked).unwrap().yiaddr, there);
    assert_eq!(kind(office.send(&Packet::select(2, SERVER, there))), Some(5));
}

#[test]
fn a_storm_is_no_excuse_for_what_was_released() {
    let mut office = office();
    let there = given(&mut office, 1);
    office.send(&Packet::release(1, SERVER, there));
    for client in 100..140 {
        office.send(&Packet::discover(client));
    }
    assert_eq!(office.last.probe, None, "there are too many at once");
    assert_eq!(office.send(&Packet::discover(2).with(50, &there.octets())), None);
    assert_eq!(office.last.probe, Some(there));
}
