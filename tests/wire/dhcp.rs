//! Clients that other people wrote get, renew and release addresses, and come back to them.

use std::fs;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use socket2::{Domain, Protocol, Socket, Type};

use crate::capture::Capture;
use crate::ground::{Appliance, BOX, Client, Ground, Process, version};
use crate::hand::{Hand, message};

const DHCP: &str = "pool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"1h\"";

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
pub(crate) const RELEASE: u8 = 7;

fn lan(dhcp: &str) -> (Ground, Appliance, Capture) {
    let ground = Ground::new();
    let appliance = ground.start(dhcp);
    let capture = Capture::start(&ground);
    (ground, appliance, capture)
}

pub(crate) fn script(client: &Client, name: &str, text: &str) -> String {
    let path: PathBuf = client.directory.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Configures the interface and says what it was told.
pub(crate) const UDHCPC: &str = "#!/bin/sh
echo \"event $1 ip=$ip router=$router dns=$dns domain=$domain ntp=$ntpsrv lease=$lease tftp=$tftp opt160=$opt160\"
case $1 in
    deconfig) ip -4 addr flush dev $interface ;;
    bound|renew) ip -4 addr flush dev $interface; ip addr add $ip/$mask dev $interface
        ip route replace default via $router dev $interface ;;
esac
";

pub(crate) fn udhcpc(client: &Client, more: &[&str]) -> Process {
    let script = script(client, "udhcpc.sh", UDHCPC);
    let arguments = [&["-f", "-i", "eth0", "-s", &script, "-t", "10", "-T", "1"], more].concat();
    Process::start(client.command("udhcpc", &arguments))
}

/// Runs udhcpc until it has an address, which it keeps.
pub(crate) fn udhcpc_once(client: &Client, more: &[&str]) -> (Ipv4Addr, String) {
    let mut process = udhcpc(client, &[&["-q", "-n"], more].concat());
    process.ends();
    (client.address(), process.text())
}

#[test]
fn udhcpc_gets_renews_releases_and_comes_back() {
    let (ground, appliance, capture) = lan(DHCP);
    let client = ground.client();
    let process = udhcpc(&client, &["-O", "ntpsrv"]);
    process.says("event bound", 1);
    let first = client.address();
    let told =
        format!("event bound ip={first} router=10.66.0.254 dns=10.66.0.253 domain=branch.example ntp={BOX} lease=3600");
    process.says(&told, 1);
    let ack = capture.wait_for(&client, |seen| seen.kind == ACK);
    assert_eq!(ack.to, [2, 0, 0, 0, 0, 1], "a client that can take it gets a unicast frame");
    assert!(ack.sums, "its checksums are right");
    assert_eq!(ack.get(54), Some(&BOX.octets()[..]));
    let before = capture.of(&client);
    let requests = before.iter().take_while(|seen| seen.kind != ACK).filter(|seen| seen.kind == REQUEST).count();
    assert_eq!(requests, 1, "the box is idle and the client waits for a second: {before:#?}");

    process.signal(Signal::SIGUSR1);
    process.says("event renew", 1);
    process.signal(Signal::SIGUSR2);
    capture.wait_for(&client, |seen| seen.kind == RELEASE);
    drop(process);

    let (again, _) = udhcpc_once(&client, &[]);
    assert_eq!(again, first);
    capture.report(&client, "udhcpc", &version("busybox", &["--help"]));
    assert!(capture.exchanges(&client) >= 5, "offer, ack, renewal, offer, ack: {:#?}", capture.of(&client));
    appliance.stop();
}

#[test]
fn a_phones_class_brings_provisioning_options_and_no_other_does() {
    let (ground, appliance, capture) = lan(DHCP);
    let url = format!("http://{BOX}/p/");
    let hexadecimal: String = url.bytes().map(|byte| format!("{byte:02x}")).collect();
    let phone = ground.client();
    let (_, told) = udhcpc_once(&phone, &["-V", "yealink", "-O", "66", "-O", "160"]);
    // Its own option 66 is for host names alone, and says "bad" of a URL: what counts is what went over the wire.
    assert!(told.contains(&format!("opt160={hexadecimal}")), "{told}");
    let ack = capture.wait_for(&phone, |seen| seen.kind == ACK);
    assert_eq!((ack.get(66), ack.get(160)), (Some(url.as_bytes()), Some(url.as_bytes())));

    let silent = ground.client();
    udhcpc_once(&silent, &["-V", "yealink"]);
    let ack = capture.wait_for(&silent, |seen| seen.kind == ACK);
    assert_eq!(ack.get(66), Some(url.as_bytes()), "it is told without asking");

    for class in [&[][..], &["-V", "PXEClient:Arch:00000:UNDI:002001"], &["-V", "MSFT 5.0"]] {
        let other = ground.client();
        let (_, told) = udhcpc_once(&other, &[class, &["-O", "66", "-O", "160"]].concat());
        assert!(told.contains("tftp= opt160="), "{told}");
        let answers: Vec<_> = capture.of(&other).into_iter().filter(|seen| seen.from_server).collect();
        assert!(!answers.is_empty());
        assert!(answers.iter().all(|seen| seen.get(66).or(seen.get(160)).is_none()), "{class:?}: {answers:#?}");
    }
    capture.report(&phone, "udhcpc", &version("busybox", &["--help"]));
    appliance.stop();
}

#[test]
fn a_reservation_is_kept_and_named() {
    let reserved = "[[network.dhcp.reservation]]\nmac = \"02:00:00:00:00:01\"\naddress = \"10.66.0.20\"\n\
                    host-name = \"reception\"";
    let (ground, appliance, capture) = lan(&format!("{DHCP}\n{reserved}"));
    let client = ground.client();
    assert_eq!(udhcpc_once(&client, &["-O", "hostname"]).0, Ipv4Addr::new(10, 66, 0, 20));
    let ack = capture.wait_for(&client, |seen| seen.kind == ACK);
    assert_eq!(ack.get(12), Some(&b"reception"[..]));
    appliance.stop();
}

#[test]
fn leases_survive_a_killed_box() {
    let (ground, appliance, capture) = lan(DHCP);
    let clients: Vec<Client> = (0..3).map(|_| ground.client()).collect();
    let before: Vec<_> = clients.iter().map(|client| udhcpc_once(client, &[]).0).collect();
    let steady = ground.client();
    let process = udhcpc(&steady, &[]);
    process.says("event bound", 1);
    let held = steady.address();
    appliance.kill();

    let appliance = ground.start(DHCP);
    process.signal(Signal::SIGUSR1);
    process.says("event renew", 1);
    assert_eq!(steady.address(), held);
    // A stranger comes first, and still gets nobody's address.
    let stranger = ground.client();
    let (strange, _) = udhcpc_once(&stranger, &[]);
    assert!(!before.contains(&strange) && strange != held);
    for (client, address) in clients.iter().zip(before).rev() {
        assert_eq!(udhcpc_once(client, &[]).0, address);
    }
    capture.report(&steady, "udhcpc", &version("busybox", &["--help"]));
    appliance.stop();
}

#[test]
fn after_a_restore_no_address_in_use_is_offered() {
    let (ground, appliance, capture) = lan(DHCP);
    // It has the first two addresses of the pool, and the box does not know.
    let squatter = ground.client();
    squatter.add_address("10.66.0.100/24");
    squatter.add_address("10.66.0.101/24");
    let first = ground.client();
    assert_eq!(udhcpc_once(&first, &[]).0, Ipv4Addr::new(10, 66, 0, 102), "a static host in the pool is found");
    appliance.kill();
    ground.lose_database();

    let appliance = ground.start(DHCP);
    let client = ground.client();
    // Whether or not the snapshot knows the lease of the first client, nobody else may get its address.
    let given = Ipv4Addr::new(10, 66, 0, 103);
    assert_eq!(udhcpc_once(&client, &[]).0, given);
    let offers: Vec<_> = capture.of(&client).into_iter().filter(|seen| seen.kind == OFFER).collect();
    assert!(offers.iter().all(|offer| offer.yiaddr == given), "{offers:?}");
    appliance.kill();

    // That leases are missing is known at the next start, too: even an address that the box gave lately is probed.
    client.run("ip", &["address", "flush", "dev", "eth0"]);
    squatter.add_address(&format!("{given}/24"));
    let appliance = ground.start(DHCP);
    assert_eq!(udhcpc_once(&client, &[]).0, Ipv4Addr::new(10, 66, 0, 104));
    appliance.stop();
}

#[test]
fn malformed_packets_hinder_nobody() {
    let (ground, appliance, capture) = lan(DHCP);
    let hostile = ground.client();
    let namespace = format!("/run/netns/{}", hostile.namespace);
    let flood = std::thread::spawn(move || {
        setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.bind_device(Some(b"eth0")).unwrap();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into()).unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67).into();
        let mut good = vec![1, 1, 6, 0, 1, 2, 3, 4];
        good.resize(28, 0);
        good.extend([2, 0, 0, 0, 0, 1]);
        good.resize(236, 0);
        good.extend([99, 130, 83, 99, 53, 1, DISCOVER]);
        let bent = |at: usize, value: u8| {
            let mut packet = good.clone();
            packet[at] = value;
            packet
        };
        let long_option = [&good[..], &[12, 200, b'x']].concat();
        let packets = [
            bent(2, 255),
            bent(0, 2),
            bent(1, 99),
            bent(236, 0),
            bent(242, 77),
            long_option,
            good[..100].to_vec(),
            Vec::new(),
            vec![0xff; 1472],
        ];
        for packet in packets.iter().cycle().take(9_000) {
            // A full queue on the way drops some; they are many.
            let _ = socket.send_to(packet, &to);
        }
    });
    let client = ground.client();
    let (address, _) = udhcpc_once(&client, &[]);
    flood.join().unwrap();
    let process = udhcpc(&client, &[]);
    process.says("event bound", 1);
    process.signal(Signal::SIGUSR1);
    process.says("event renew", 1);
    assert_eq!(client.address(), address);
    let bad: Vec<_> = capture.of(&hostile).into_iter().filter(|seen| [OFFER, ACK, NAK].contains(&seen.kind)).collect();
    assert!(bad.is_empty(), "none of these packets has an answer: {bad:#?}");
    assert!(capture.of(&client).iter().any(|seen| seen.kind == REQUEST));
    appliance.stop();
}

#[test]
fn a_client_whose_lease_could_not_be_stored_takes_no_other_leases_with_it() {
    let (ground, appliance, _capture) = lan(DHCP);
    let hostile = Hand::at(&ground.client());
    let over = Arc::new(AtomicBool::new(false));
    let ends = over.clone();
    // An address that nobody has, for an identifier as long as an option can be.
    let wish = message(REQUEST, 1, &[(54, &BOX.octets()), (50, &[10, 66, 0, 115]), (61, &[7; 255])]);
    let sender = thread::spawn(move || {
        for _ in 0..1500 {
            if ends.load(Ordering::Relaxed) {
                break;
            }
            hostile.send(&wish);
            thread::sleep(Duration::from_millis(20));
        }
    });
    let client = ground.client();
    let mut process = udhcpc(&client, &["-q", "-n"]);
    process.ends();
    over.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    assert!(process.text().contains("event bound"), "{}", process.text());
    assert!(!appliance.log().contains("could not be stored"), "{}", appliance.log());
    appliance.stop();
}

#[test]
fn an_address_of_its_own_that_becomes_a_lease_ends_its_giving_and_one_for_good_begins_it() {
    let (ground, appliance, capture) = lan(DHCP);
    ground.give_box_its_address_for("600");
    ground.dhcp_says("by DHCP or for a limited time");
    let client = ground.client();
    let mut process = udhcpc(&client, &["-q", "-n", "-t", "3"]);
    process.ends();
    assert!(process.text().contains("leasefail"), "{}", process.text());
    assert_eq!(capture.from(BOX, &[OFFER]).len(), 0);
    ground.give_box_its_address_for("forever");
    ground.dhcp_says("This box is the DHCP server of office");
    udhcpc_once(&client, &[]);
    appliance.stop();
}
