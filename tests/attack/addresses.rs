//! Addresses: taking all of them, and giving away those of others.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use block66::lab::ground::BOX;
use block66::model::Mac;
use serde_json::{Value, json};

use crate::ground::{ATTACKER, Ground, PATIENCE, wait_until};
use crate::place::Place;

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;
const RELEASE: u8 = 7;

/// What somebody says by DHCP (RFC 2131 figure 1), true or not.
#[derive(Clone, Copy)]
struct Say {
    kind: u8,
    mac: Mac,
    holds: Ipv4Addr,
    wants: Option<Ipv4Addr>,
    class: &'static [u8],
}

impl Say {
    const fn discover(mac: Mac) -> Self {
        Self { kind: DISCOVER, mac, holds: Ipv4Addr::UNSPECIFIED, wants: None, class: b"" }
    }

    fn bytes(self) -> Vec<u8> {
        let mac = self.mac.octets();
        let mut packet = vec![1, 1, 6, 0, mac[2], mac[3], mac[4], mac[5], 0, 0];
        // To everybody, since who has no address yet hears nothing else.
        packet.extend(if self.holds.is_unspecified() { [0x80, 0] } else { [0, 0] });
        packet.extend(self.holds.octets());
        packet.extend([0; 12]);
        packet.extend(mac);
        packet.extend([0; 10 + 192]);
        packet.extend([99, 130, 83, 99, 53, 1, self.kind]);
        if let Some(wants) = self.wants {
            packet.extend([50, 4]);
            packet.extend(wants.octets());
        }
        if self.kind != DISCOVER {
            packet.extend([54, 4]);
            packet.extend(BOX.octets());
        }
        if !self.class.is_empty() {
            packet.extend([60, u8::try_from(self.class.len()).unwrap()]);
            packet.extend(self.class);
        }
        packet.extend([55, 4, 1, 3, 51, 66, 255]);
        packet.resize(packet.len().max(300), 0);
        packet
    }
}

/// The next answer of the box: its kind, for whom, and the address.
fn heard(socket: &UdpSocket) -> Option<(u8, Mac, Ipv4Addr)> {
    let mut packet = [0; 1500];
    loop {
        let (length, _) = socket.recv_from(&mut packet).ok()?;
        if length < 243 || packet[0] != 2 || packet[240..242] != [53, 1] {
            continue;
        }
        let mac = Mac::new(packet[28..34].try_into().unwrap());
        return Some((packet[242], mac, Ipv4Addr::from(<[u8; 4]>::try_from(&packet[16..20]).unwrap())));
    }
}

fn tell(socket: &UdpSocket, say: Say) {
    socket.send_to(&say.bytes(), (Ipv4Addr::BROADCAST, 67)).unwrap();
}

/// The address that is offered to this hardware address, if any is within a few seconds.
fn offered(socket: &UdpSocket, say: Say) -> Option<Ipv4Addr> {
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        tell(socket, say);
        while let Some((kind, mac, address)) = heard(socket) {
            if kind == OFFER && mac == say.mac {
                return Some(address);
            }
        }
    }
    None
}

/// Takes a lease in the name of a hardware address, whosever it is.
pub(crate) fn take_lease(place: &Place, mac: Mac) -> Ipv4Addr {
    let socket = place.socket(68);
    let address = offered(&socket, Say { class: b"yealink", ..Say::discover(mac) }).expect("an offer");
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        tell(&socket, Say { kind: REQUEST, wants: Some(address), class: b"yealink", ..Say::discover(mac) });
        while let Some((kind, to, acknowledged)) = heard(&socket) {
            if kind == ACK && to == mac {
                return acknowledged;
            }
        }
    }
    panic!("no lease for {mac}");
}

fn leases(ground: &Ground) -> BTreeMap<Ipv4Addr, Value> {
    let all = ground.lab.api().get("leases?limit=1000").unwrap();
    let entry = |lease: &Value| (lease["address"].as_str().unwrap().parse().unwrap(), lease.clone());
    all["leases"].as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn who_takes_every_address_leaves_those_for_phones() {
    const CLIENTS: u16 = 1_200;
    let mut ground = Ground::new(2);
    let evil = ground.place(ATTACKER);
    let socket = evil.socket(68);
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20).unwrap();
    let invented = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Mac::new([0x02, 0xbb, 0, 0, high, low])
    };
    let mut taken = BTreeSet::new();
    let all: Vec<u16> = (0..CLIENTS).collect();
    for some in all.chunks(50) {
        for number in some {
            tell(&socket, Say::discover(invented(*number)));
        }
        while let Some((kind, mac, address)) = heard(&socket) {
            match kind {
                OFFER => tell(&socket, Say { kind: REQUEST, wants: Some(address), ..Say::discover(mac) }),
                ACK => drop(taken.insert(mac)),
                _ => {}
            }
        }
    }
    // By naming what is free, in every way in which a client may: offered or not.
    let pool: Vec<u32> = (u32::from(Ipv4Addr::new(10, 66, 0, 10))..=u32::from(Ipv4Addr::new(10, 66, 3, 145))).collect();
    for some in pool.chunks(50) {
        for (number, address) in (5_000_u16..).zip(some) {
            let mac = invented(number + u16::try_from(address % 1_000).unwrap() * 50);
            let wants = Some(Ipv4Addr::from(*address));
            tell(&socket, Say { kind: REQUEST, wants, ..Say::discover(mac) });
            tell(&socket, Say { wants, ..Say::discover(mac) });
        }
        while let Some((kind, mac, address)) = heard(&socket) {
            match kind {
                OFFER => tell(&socket, Say { kind: REQUEST, wants: Some(address), ..Say::discover(mac) }),
                ACK => drop(taken.insert(mac)),
                _ => {}
            }
        }
    }
    // A client that names another address gives back the one that it had: what counts is what is held in the end.
    let strangers = leases(&ground).into_values().filter(|lease| lease["mac"].as_str().unwrap().starts_with("02:bb"));
    let held = strangers.filter(|lease| lease["state"] == "bound").count();
    let all = pool.len();
    println!("figure: {} invented clients were given an address; they hold {held} of {all}", taken.len());
    assert!((400..=all - all / 8).contains(&held), "{held} addresses are taken");
    let alarms = || ground.lab.api().get("status").unwrap()["alarms"].to_string();
    assert!(wait_until(PATIENCE, || alarms().contains("dhcp.pool-exhausted")), "{}", alarms());
    // Those who were here keep what they have, a phone that is new gets an address, and all are served.
    ground.phones_are_served();
    let new: Mac = "80:5e:c0:00:00:42".parse().unwrap();
    ground.lab.api().post("phones", &json!({ "mac": new.to_string(), "name": "New", "lines": [] })).unwrap();
    take_lease(&ground.place(new), new);
    assert_eq!(ground.lab.disagreements().unwrap(), Vec::<String>::new());
    ground.box_is_well();
}

#[test]
fn nobody_releases_the_address_of_another() {
    let ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    let victim = ground.lab.phones()[0].mac;
    let there = ground.lab.phones()[0].remote.report().address.unwrap();
    let release = Say { kind: RELEASE, holds: there, ..Say::discover(victim) };
    let socket = evil.socket(0);
    for _ in 0..3 {
        socket.send_to(&release.bytes(), (BOX, 67)).unwrap();
    }
    // What comes later was decided later.
    let later = evil.socket(68);
    assert!(offered(&later, Say::discover(ATTACKER)).is_some_and(|address| address != there));
    assert!(leases(&ground)[&there].to_string().contains(&victim.to_string()));
    assert_eq!(ground.events_of(victim).iter().filter(|event| event["code"] == "dhcp.released").count(), 0);

    // With the phone's own address as that of the packet it cannot be told from the phone. Then the address is not
    // given to another all the same, for the phone is seen to use it.
    forge(&evil, (there, 68), 67, &release.bytes());
    ground.event(victim, "dhcp.released");
    let thief = Mac::new([0x02, 0xbb, 0, 0, 9, 9]);
    tell(&later, Say { kind: REQUEST, wants: Some(there), ..Say::discover(thief) });
    while let Some((kind, mac, _)) = heard(&later) {
        assert!(kind != ACK || mac != thief, "the address of a phone that uses it was given to another");
    }
    let offer = offered(&later, Say { wants: Some(there), ..Say::discover(thief) });
    assert_ne!(offer, Some(there), "the address of a phone that uses it was offered to another");
    ground.phones_are_served();
    assert_eq!(ground.lab.disagreements().unwrap(), Vec::<String>::new());
}

/// Sends a datagram to a port of the box that says to come from a port of `source`.
fn forge(place: &Place, (source, from): (Ipv4Addr, u16), to: u16, body: &[u8]) {
    let length = u16::try_from(body.len()).unwrap();
    let mut packet = vec![0x45, 0];
    packet.extend((28 + length).to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    packet.extend(source.octets());
    packet.extend(BOX.octets());
    for word in [from, to, 8 + length, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(body);
    place
        .namespace
        .run(|| {
            let raw =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(socket2::Protocol::from(255)));
            let raw = raw.unwrap();
            raw.set_header_included_v4(true).unwrap();
            raw.send_to(&packet, &SocketAddr::from((IpAddr::from(BOX), 0)).into()).unwrap();
        })
        .unwrap();
}

#[test]
fn a_false_dhcp_server_is_shown() {
    let ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    // To everybody, as a router that somebody brought along sends it.
    let offer = offer_of([10, 66, 3, 151]);
    let socket = evil.socket(67);
    let so = wait_until(PATIENCE, || {
        socket.send_to(&offer, (Ipv4Addr::BROADCAST, 68)).unwrap();
        let told = ground.lab.api().get("dhcp").unwrap().to_string();
        told.contains(&evil.address.to_string())
    });
    assert!(so, "another server is not shown: {:#}", ground.lab.api().get("dhcp").unwrap());
}

/// An OFFER of another server.
fn offer_of(server: [u8; 4]) -> Vec<u8> {
    let mut offer = Say::discover(ATTACKER).bytes();
    offer[0] = 2;
    offer[16..20].copy_from_slice(&[10, 66, 3, 99]);
    offer[240..].fill(0);
    let mut options = vec![53, 1, OFFER, 54, 4];
    options.extend(server);
    options.extend([1, 4, 255, 255, 252, 0, 51, 4, 0, 0, 14, 16, 255]);
    offer[240..240 + options.len()].copy_from_slice(&options);
    offer
}

/// Whoever can send a packet to the box from another network cannot make it step back as before a server of its LAN.
#[test]
fn no_packet_from_another_network_is_taken_for_a_server_of_this_one() {
    let ground = Ground::new(1);
    let evil = ground.place(ATTACKER);
    let (far, server) = (Ipv4Addr::new(198, 51, 100, 9), Ipv4Addr::new(198, 51, 100, 1));
    // A client that takes another server's offer.
    let mut request =
        Say { kind: REQUEST, wants: Some(Ipv4Addr::new(10, 66, 3, 99)), ..Say::discover(ATTACKER) }.bytes();
    let named = request.windows(4).position(|bytes| bytes == BOX.octets()).unwrap();
    request[named..named + 4].copy_from_slice(&server.octets());
    forge(&evil, (far, 68), 67, &request);
    // The same by a relay agent of nobody's, and the server's own word.
    let mut relayed = request.clone();
    relayed[24..28].copy_from_slice(&far.octets());
    forge(&evil, (evil.address, 67), 67, &relayed);
    forge(&evil, (server, 67), 68, &offer_of(server.octets()));
    // What comes later was decided later.
    assert!(offered(&evil.socket(68), Say::discover(ATTACKER)).is_some());
    let told = ground.lab.api().get("dhcp").unwrap().to_string();
    assert!(!told.contains("198.51.100"), "{told}");

    // Control: the same from here is heard.
    forge(&evil, (evil.address, 68), 67, &request);
    let is_told = || ground.lab.api().get("dhcp").unwrap().to_string().contains(&server.to_string());
    assert!(wait_until(PATIENCE, is_told), "{:#}", ground.lab.api().get("dhcp").unwrap());
}
