//! The table once more, from the packet of each device to the packet that it is sent.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use block66::brands::Registry;
use block66::dhcp::{Conduct, Knowledge, Network, Request, Segments, Subnet};
use block66::model::{Now, Timestamp};

use crate::table::{Device, NOBODY, PHONES, told};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 1);
/// By these phones find their configuration. 43 is one of them, and so are the text forms of a VLAN.
const PROVISIONING: [u8; 15] = [43, 66, 67, 114, 120, 125, 128, 132, 150, 159, 160, 161, 176, 232, 242];

fn segments() -> Segments {
    let subnet = Subnet {
        net: "10.66.0.0/24".parse().expect("a network"),
        first: Ipv4Addr::new(10, 66, 0, 100),
        last: Ipv4Addr::new(10, 66, 0, 110),
        gateway: Some(Ipv4Addr::new(10, 66, 0, 254)),
        dns: vec![Ipv4Addr::new(10, 66, 0, 253)],
        domain: None,
        lease_time: Duration::from_secs(3600),
        reservations: BTreeMap::new(),
        on_link: true,
    };
    let network = Network {
        name: "office".into(),
        server: SERVER,
        subnet,
        conduct: Conduct::Silent,
        marker: None,
        dated: true,
        restored: false,
    };
    let nets = [network.subnet.net];
    let mut segments = Segments::new(SERVER, (&[network], &nets), &[], &[], now());
    segments.conduct(Conduct::Full { sole: true });
    segments
}

fn now() -> Now {
    Now { monotonic: Duration::from_secs(1), wall: Timestamp::from_secs(1_800_000_000), trusted: true }
}

/// The DISCOVER of a device.
fn discover(device: &Device) -> Vec<u8> {
    let mut packet = vec![1, 1, 6, 0, 0, 0, 0, 66];
    packet.resize(28, 0);
    packet.extend(device.mac);
    packet.resize(236, 0);
    packet.extend([99, 130, 83, 99, 53, 1, 1]);
    for (code, value) in [(60, device.class), (77, device.user_class), (55, device.requested)] {
        if !value.is_empty() {
            packet.extend([code, u8::try_from(value.len()).expect("a short option")]);
            packet.extend(value);
        }
    }
    packet.push(255);
    packet
}

/// What stands in the OFFER for a device of that by which phones find their configuration.
fn offered(registry: &Registry, device: &Device) -> Vec<(u8, Vec<u8>)> {
    let request = Request::decode(&discover(device)).expect("a DISCOVER");
    let options = told(registry, device);
    let knowledge = Knowledge { phone: options.is_some(), options: options.unwrap_or_default(), custom: Vec::new() };
    let mut segments = segments();
    let probed = segments.handle(&request, &knowledge, now()).probe.expect("an address that is probed first");
    segments.found_unused(probed);
    let reply = segments.handle(&request, &knowledge, now()).reply.expect("an OFFER");
    assert_eq!(reply.message[236..243], [99, 130, 83, 99, 53, 1, 2]);
    assert!(reply.message[44..236].iter().all(|octet| *octet == 0), "neither a server name nor a boot file");
    assert_eq!(reply.message[20..24], [0; 4], "no next server");
    let mut options = Vec::new();
    let mut rest = &reply.message[240..];
    while let [code, length, tail @ ..] = rest {
        if *code == 255 {
            break;
        }
        let (value, tail) = tail.split_at(usize::from(*length));
        options.extend(PROVISIONING.contains(code).then(|| (*code, value.to_vec())));
        rest = tail;
    }
    options
}

#[test]
fn each_brands_offer_holds_exactly_these_bytes() {
    let registry = Registry::builtin().expect("the built-in brands");
    for device in PHONES {
        let mut expected: Vec<_> = device.told.iter().map(|(number, value)| (*number, value.to_vec())).collect();
        let mut found = offered(&registry, device);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{}", device.what);
    }
}

#[test]
fn the_offers_of_laptops_and_network_boots_hold_none_of_them() {
    let registry = Registry::builtin().expect("the built-in brands");
    for class in [&b""[..], b"MSFT 5.0", b"PXEClient:Arch:00007", b"HTTPClient:Arch:00016:UNDI:003016"] {
        for mac in PHONES.iter().map(|device| device.mac) {
            // Of the hardware of phones, what says nothing else is a phone.
            let says_so = !class.is_empty() && class != b"MSFT 5.0";
            if says_so || mac == NOBODY.mac {
                let device = Device { class, mac, ..NOBODY };
                assert_eq!(offered(&registry, &device), [], "{class:?} {mac:x?}");
            }
        }
    }
}
