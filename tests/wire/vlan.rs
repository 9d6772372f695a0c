//! What goes over the same cable in a VLAN is on another LAN.

use std::fs::File;
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{MsgFlags, sendto};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dhcp::OFFER;
use crate::ground::{Client, Ground, PATIENCE};

/// In the VLAN, and on the LAN of the box.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 77);
const HERE: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 78);
const GIVEN: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 200);
/// VLAN 20; and VLAN 0 with priority 5, which is none.
const VOICE: u16 = 20;
pub(crate) const PRIORITY: u16 = 5 << 13;

/// An OFFER of `given` by `server` to somebody, in a frame with this tag (IEEE 802.1Q).
pub(crate) fn offer(server: Ipv4Addr, given: Ipv4Addr, tag: u16) -> Vec<u8> {
    let mut message = vec![2, 1, 6, 0, 9, 9, 9, 9];
    message.resize(16, 0);
    message.extend(given.octets());
    message.resize(28, 0);
    message.extend([2, 0, 0, 0, 0x66, 1]);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99, 53, 1, OFFER, 54, 4]);
    message.extend(server.octets());
    message.push(255);
    let length = |more: usize| u16::try_from(message.len() + more).unwrap().to_be_bytes();
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 77, 0x81, 0]);
    frame.extend(tag.to_be_bytes());
    frame.extend([8, 0, 0x45, 0]);
    frame.extend(length(28));
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend(server.octets());
    frame.extend([255; 4]);
    frame.extend([0, 67, 0, 68]);
    frame.extend(length(8));
    frame.extend([0, 0]);
    frame.extend(message);
    frame
}

/// Sends a frame from a place on the LAN until `done`.
pub(crate) fn send(place: &Client, frame: &[u8], done: impl Fn() -> bool + Send) {
    let namespace = format!("/run/netns/{}", place.namespace);
    let send = move || {
        setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(0))).unwrap();
        let links = getifaddrs().unwrap().filter(|entry| entry.interface_name == "eth0");
        let link = links.filter_map(|entry| entry.address?.as_link_addr().copied()).next().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while !done() && Instant::now() < deadline {
            sendto(socket.as_raw_fd(), frame, &link, MsgFlags::empty()).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
    };
    thread::scope(|scope| scope.spawn(send).join().unwrap());
}

#[test]
fn a_server_in_a_vlan_of_the_same_cable_is_not_on_this_lan() {
    let ground = Ground::new();
    let place = ground.client();
    let appliance = ground
        .start_as("mode = \"auto\"\npool = \"10.66.0.100-10.66.0.120\"\nprobe-interval = \"5s\"\nquiet-time = \"10s\"");
    let says = |what: &str| ground.block66(&["dhcp"], "").contains(what);
    send(&place, &offer(ELSEWHERE, GIVEN, VOICE), || says(&ELSEWHERE.to_string()) || says("No other DHCP server"));
    assert!(!says(&ELSEWHERE.to_string()), "{}", ground.block66(&["dhcp"], ""));
    send(&place, &offer(HERE, GIVEN, PRIORITY), || says(&HERE.to_string()));
    ground.dhcp_says(&HERE.to_string());
    appliance.stop();
}
