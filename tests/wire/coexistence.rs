//! Beside a DHCP server that other people wrote, and beside another box.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use socket2::{Domain, Protocol, Socket, Type};

use crate::capture::Capture;
use crate::dhcp::{ACK, DISCOVER, NAK, OFFER, REQUEST, script, udhcpc, udhcpc_once};
use crate::ground::{BOX, Client, Ground, Process, version, wait_until};
use crate::hand::{Hand, message};
use crate::life::DHCLIENT;
use crate::vlan::{PRIORITY, offer, send};

const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 254);
const SECOND: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 2);
/// Leases short enough that a client renews while a test waits.
const AUTO: &str = "mode = \"auto\"\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"\n\
                    probe-interval = \"5s\"\nquiet-time = \"10s\"";

/// A router with dnsmasq, which gives addresses from `first` on and knows every client that asks for its own.
pub(crate) fn dnsmasq(router: &Client, first: u8) -> Process {
    let range = format!("--dhcp-range=10.66.0.{first},10.66.0.{},2m", first + 20);
    let leases = format!("--dhcp-leasefile={}", router.directory.join("dnsmasq.leases").display());
    let pid = format!("--pid-file={}", router.directory.join("dnsmasq.pid").display());
    let fixed = ["--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--port=0", "--user=root"];
    let dhcp = ["--dhcp-authoritative", "--no-ping", "--log-dhcp", &range, &leases, &pid];
    let process = Process::start(router.command("dnsmasq", &[&fixed[..], &dhcp[..]].concat()));
    process.says("DHCP, IP range", 1);
    process
}

/// A place for a router, with its address.
pub(crate) fn router(ground: &Ground) -> Client {
    let router = ground.client();
    router.add_address("10.66.0.254/24");
    router
}

/// Sends an INFORM from `address` with this class, as a device does that has its address already.
fn inform(client: &Client, address: Ipv4Addr, class: &[u8]) {
    let namespace = format!("/run/netns/{}", client.namespace);
    let octets: Vec<u8> = client.mac.split(':').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
    let mut packet = vec![1, 1, 6, 0, 9, 9, 9, 9, 0, 0, 0, 0];
    packet.extend(address.octets());
    packet.resize(28, 0);
    packet.extend(octets);
    packet.resize(236, 0);
    packet.extend([99, 130, 83, 99, 53, 1, 8, 55, 7, 1, 3, 6, 15, 51, 66, 160, 60]);
    packet.push(u8::try_from(class.len()).unwrap());
    packet.extend(class);
    packet.push(255);
    packet.resize(300, 0);
    let sender = thread::spawn(move || {
        setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.bind_device(Some(b"eth0")).unwrap();
        socket.bind(&SocketAddrV4::new(address, 68).into()).unwrap();
        socket.send_to(&packet, &SocketAddrV4::new(Ipv4Addr::BROADCAST, 67).into()).unwrap();
    });
    sender.join().unwrap();
}

/// Tries to get an address and must fail.
fn gets_nothing(client: &Client) {
    let script = script(client, "nothing.sh", "#!/bin/sh\necho \"event $1\"\n");
    let arguments = ["-f", "-i", "eth0", "-s", &script, "-t", "3", "-T", "1", "-n", "-q"];
    let mut process = Process::start(client.command("udhcpc", &arguments));
    process.ends();
    assert!(process.text().contains("leasefail"), "{}", process.text());
}

#[test]
fn beside_dnsmasq_it_stands_back_takes_over_by_hand_and_steps_down() {
    let ground = Ground::new();
    let router = router(&ground);
    let other = dnsmasq(&router, 100);
    let capture = Capture::start(&ground);
    let appliance = ground.start_as(AUTO);
    ground.dhcp_says("10.66.0.254 gives the addresses on office");

    let early = ground.client();
    let early_process = udhcpc(&early, &[]);
    early_process.says("event bound", 1);
    let kept = early.address();
    early_process.signal(Signal::SIGUSR1);
    early_process.says("event renew", 1);

    // One that is switched off and on asks for the address that it had.
    let rebooting = ground.client();
    let hook = script(&rebooting, "dhclient.sh", DHCLIENT);
    let state =
        ["-4", "-d", "-sf", &hook, "-lf", "/var/lib/dhcp/leases", "-pf", "/run/pid", "-cf", "/dev/null", "eth0"];
    let process = Process::start(rebooting.command("dhclient", &state));
    // Its lease is written between its script and these words.
    process.says("bound to", 1);
    let had = rebooting.address();
    drop(process);
    let process = Process::start(rebooting.command("dhclient", &state));
    process.says("event REBOOT", 1);
    assert_eq!(rebooting.address(), had);
    drop(process);

    // Octets of a class of RFC 3925 with the number that phones of one brand send, and what Windows sends.
    let (phone, windows) = (ground.client(), ground.client());
    phone.add_address("10.66.0.50/24");
    windows.add_address("10.66.0.51/24");
    inform(&phone, [10, 66, 0, 50].into(), b"\0\0\x36\x3d\x05\x01\x03\x33\x31\x31");
    inform(&windows, [10, 66, 0, 51].into(), b"MSFT 5.0");
    let told = capture.wait_for(&phone, |seen| seen.kind == ACK && seen.get(54) == Some(&BOX.octets()[..]));
    assert_eq!(told.get(160), Some(&b"http://10.66.0.1/p/"[..]));
    assert!([1, 3, 6, 15, 42, 51].iter().all(|code| told.get(*code).is_none()), "{told:?}");
    capture.wait_for(&windows, |seen| seen.kind == ACK && seen.get(54) == Some(&ROUTER.octets()[..]));
    let ours = |capture: &Capture, kinds: &[u8]| capture.from(BOX, kinds);
    assert_eq!(ours(&capture, &[ACK]).len(), 1, "the phone alone was answered");
    assert_eq!(ours(&capture, &[OFFER, NAK]).len(), 0);

    // What the other server tells phones is found out, and that it leads nowhere.
    let asked = ground.block66(&["dhcp", "ask"], "");
    assert!(asked.contains("10.66.0.254 answers with no option 66"), "{asked}");
    let seen = ground.block66(&["dhcp", "seen"], "");
    assert!(seen.contains(&early.mac), "{seen}");

    drop(other);
    ground.dhcp_says("The DHCP server 10.66.0.254 on office no longer answers");
    let status = ground.block66(&["status"], "");
    assert!(status.contains("no longer answers"), "{status}");
    gets_nothing(&ground.client());
    assert_eq!(ours(&capture, &[OFFER, NAK]).len(), 0, "an alarm, and still no offer");

    ground.block66(&["dhcp", "take-over"], "");
    ground.dhcp_says("stands in for the DHCP server 10.66.0.254");
    let late = ground.client();
    let late_process = udhcpc(&late, &[]);
    late_process.says("event bound", 1);
    let given = late.address();
    let offer = capture.wait_for(&late, |seen| seen.kind == OFFER);
    assert_eq!(offer.get(54), Some(&BOX.octets()[..]));
    let lease = u32::from_be_bytes(offer.get(51).unwrap().try_into().unwrap());
    assert!(lease <= 600, "a lease of {lease} s");
    assert!(offer.get(224).is_some_and(|marker| marker.starts_with(b"block66")), "{offer:?}");
    assert_ne!(given, kept, "the address of a client that is there is not given again");

    let _again = dnsmasq(&router, 100);
    ground.dhcp_says("10.66.0.254 turned up on office");
    let theirs = |seen: &crate::capture::Seen| seen.kind == ACK && seen.get(54) == Some(&ROUTER.octets()[..]);
    let moved = capture.wait_for(&late, theirs);
    assert_eq!(moved.yiaddr, given, "it moves over and keeps its address");
    assert_eq!(late.addresses(), [given]);
    ground.dhcp_says("10.66.0.254 gives the addresses on office");
    assert_eq!(ours(&capture, &[NAK]).len(), 0);
    assert_eq!(early.addresses(), [kept]);
    println!("client: dnsmasq {} · beside it", version("dnsmasq", &["--version"]));
    appliance.stop();
}

#[test]
fn powered_on_together_with_a_slow_router_it_offers_nothing() {
    let ground = Ground::new();
    let router = router(&ground);
    let capture = Capture::start(&ground);
    // The usual times: a router has five minutes.
    let appliance = ground.start_as("mode = \"auto\"\npool = \"10.66.0.100-10.66.0.120\"\nprobe-interval = \"10s\"");
    let started = Instant::now();
    let client = ground.client();
    let process = udhcpc(&client, &["-t", "60", "-T", "1"]);
    process.says("broadcasting discover", 5);
    ground.dhcp_says("waits for slow ones");
    assert!(wait_until(Duration::from_secs(70), || started.elapsed() > Duration::from_secs(60)));
    let _other = dnsmasq(&router, 100);
    process.says("event bound", 1);
    ground.dhcp_says("10.66.0.254 gives the addresses on office");
    assert_eq!(capture.from(BOX, &[OFFER, ACK, NAK]).len(), 0);
    drop(process);

    // After a power cut it remembers, and waits for the router.
    appliance.kill();
    let appliance = ground.start_as(AUTO);
    ground.dhcp_says("10.66.0.254");
    appliance.stop();
}

#[test]
fn after_a_power_cut_full_still_knows_of_the_router_and_gives_it_its_time() {
    const FULL: &str =
        "mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"\nprobe-interval = \"5s\"\nquiet-time = \"20s\"";
    let ground = Ground::new();
    let router = router(&ground);
    let other = dnsmasq(&router, 200);
    let appliance = ground.start_as(FULL);
    ground.dhcp_says("10.66.0.254, answers on office as well");
    appliance.kill();
    drop(other);

    // The box is up long before the router.
    let appliance = ground.start_as(FULL);
    ground.dhcp_says("10.66.0.254, answers on office as well");
    ground.dhcp_says("This box is the DHCP server of office");
    let _again = dnsmasq(&router, 200);
    ground.dhcp_says("10.66.0.254, answers on office as well");
    appliance.stop();
}

#[test]
fn of_two_boxes_in_the_same_second_one_serves_and_the_other_says_so() {
    for mode in ["mode = \"full\"", "mode = \"auto\""] {
        let ground = Ground::new();
        let place = ground.client();
        place.add_address("10.66.0.2/24");
        let capture = Capture::start(&ground);
        let dhcp = format!(
            "{mode}\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"1h\"\nprobe-interval = \"5s\"\nquiet-time = \"10s\""
        );
        let (one, two) = thread::scope(|scope| {
            let second = scope.spawn(|| ground.start_second(&place, &dhcp));
            (ground.start_as(&dhcp), second.join().unwrap())
        });
        let client = ground.client();
        let process = udhcpc(&client, &["-t", "60", "-T", "1"]);
        process.says("event bound", 1);
        let banner = "Another Block66 box";
        let mut said = [String::new(), String::new()];
        let so = wait_until(Duration::from_secs(40), || {
            said = [ground.block66(&["dhcp"], ""), ground.block66_at(&place, &["dhcp"])];
            said.iter().filter(|said| said.contains(banner)).count() == 1
        });
        assert!(so, "{mode}: {said:#?}");
        let offers = [BOX, SECOND].map(|server| capture.from(server, &[OFFER, ACK]).len());
        assert!(offers.iter().filter(|count| **count > 0).count() == 1, "{mode}: both serve: {offers:?}");
        let serves = usize::from(said[0].contains(banner));
        assert!(offers[serves] > 0, "{mode}: {offers:?} {said:#?}");
        drop(process);
        one.stop();
        two.stop();
    }
}

#[test]
fn phones_only_serves_phones_beside_dnsmasq_and_leaves_the_rest_to_it() {
    let ground = Ground::new();
    let router = router(&ground);
    let _other = dnsmasq(&router, 200);
    let capture = Capture::start(&ground);
    let appliance = ground.start_as(
        "mode = \"phones-only\"\npool = \"10.66.0.100-10.66.0.120\"\nlease-time = \"20s\"\nprobe-interval = \"5s\"",
    );
    ground.dhcp_says("gives addresses to phones alone");
    let laptop = ground.client();
    let (address, _) = udhcpc_once(&laptop, &["-V", "MSFT 5.0"]);
    assert!(address >= Ipv4Addr::new(10, 66, 0, 200), "{address}");
    assert!(capture.of(&laptop).iter().all(|seen| seen.get(54) != Some(&BOX.octets()[..]) || !seen.from_server));

    // The other server answers phones as well: whose offer they take is theirs to choose, ours is there.
    let ours = |client: &Client, kind| {
        capture.wait_for(client, |seen| seen.kind == kind && seen.get(54) == Some(&BOX.octets()[..]))
    };
    let phone = ground.client();
    let process = udhcpc(&phone, &["-V", "yealink"]);
    process.says("event bound", 1);
    assert!(ours(&phone, OFFER).yiaddr < Ipv4Addr::new(10, 66, 0, 200));
    drop(process);
    let phone = ground.client();
    let script = script(&phone, "dhclient.sh", DHCLIENT);
    let conf = phone.directory.join("dhclient.conf");
    std::fs::write(&conf, "send vendor-class-identifier \"yealink\";\n").unwrap();
    let conf = conf.to_str().unwrap();
    let arguments = ["-4", "-d", "-sf", &script, "-lf", "/var/lib/dhcp/leases", "-pf", "/run/pid", "-cf", conf, "eth0"];
    let process = Process::start(phone.command("dhclient", &arguments));
    // Its lease is written between its script and these words.
    process.says("bound to", 1);
    ours(&phone, OFFER);
    drop(process);
    let phone = ground.client();
    let conf = phone.directory.join("dhcpcd.conf");
    std::fs::write(&conf, "clientid\nnoarp\nvendorclassid yealink\nnohook resolv.conf\n").unwrap();
    let process = Process::start(phone.command("dhcpcd", &["-B", "-4", "-f", conf.to_str().unwrap(), "eth0"]));
    phone.address();
    ours(&phone, OFFER);
    drop(process);
    assert_eq!(capture.from(BOX, &[NAK]).len(), 0);
    appliance.stop();
}

#[test]
fn phones_only_gives_nothing_where_another_server_gives_addresses_of_a_further_pool() {
    let ground = Ground::new();
    let place = ground.client();
    let appliance = ground.start_as(
        "mode = \"phones-only\"\npool = \"10.66.0.100-10.66.0.120\"\n[[network.dhcp.subnet]]\n\
         subnet = \"10.67.0.0/24\"\npool = \"10.67.0.10-10.67.0.20\"\ngateway = \"10.67.0.254\"",
    );
    ground.dhcp_says("gives addresses to phones alone");
    let given = Ipv4Addr::new(10, 67, 0, 15);
    let heard = || ground.block66(&["dhcp"], "").contains("10.67.0.15");
    send(&place, &offer(ROUTER, given, PRIORITY), heard);
    ground.dhcp_says("gave 10.67.0.15, which is in this box's pool");
    appliance.stop();
}

#[test]
fn a_server_on_the_box_itself_that_has_the_port_is_told_of_until_it_ends() {
    let ground = Ground::new();
    let mut command = ground.command(Path::new("dnsmasq"));
    command.args(["--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--port=0", "--user=root"]);
    command.args(["--pid-file", "--leasefile-ro", "--dhcp-range=10.66.0.150,10.66.0.170,2m"]);
    let mut forgotten = Process::start(command);
    forgotten.says("DHCP, IP range", 1);

    let appliance = ground.start_as("mode = \"full\"\npool = \"10.66.0.100-10.66.0.120\"");
    ground.dhcp_says("another program on this box has UDP port 67");
    let status = ground.block66(&["status"], "");
    assert!(status.starts_with("This box itself has a fault") && status.contains("stop that DHCP server"), "{status}");

    forgotten.signal(Signal::SIGTERM);
    forgotten.ends();
    ground.dhcp_says("This box is the DHCP server of");
    appliance.stop();
}

#[test]
fn a_client_that_names_the_other_box_or_nobody_ends_no_naks() {
    let ground = Ground::new();
    let appliance = ground.start("pool = \"10.66.0.100-10.66.0.120\"");
    let place = ground.client();
    place.add_address("10.66.0.2/24");
    let hand = Hand::at(&place);
    // A box that gives no addresses here.
    let marker = [&b"block66\x03"[..], &[6; 16]].concat();
    hand.send(&message(DISCOVER, 1, &[(224, &marker)]));
    let wrong = message(REQUEST, 2, &[(50, &[192, 168, 1, 5])]);
    let answer = || hand.answers(Duration::from_millis(500)).first().map(|answer| answer.kind);
    for named in [SECOND, Ipv4Addr::UNSPECIFIED, SECOND, Ipv4Addr::BROADCAST] {
        hand.send(&message(REQUEST, 3, &[(54, &named.octets()), (50, &[10, 66, 0, 110])]));
        assert_eq!(answer(), None, "{named}");
        hand.send(&wrong);
        assert_eq!(answer(), Some(NAK), "after {named}");
    }
    ground.dhcp_says("This box is the DHCP server of office");
    // A server that there may be is another matter.
    hand.send(&message(REQUEST, 3, &[(54, &[10, 66, 0, 99]), (50, &[10, 66, 0, 110])]));
    ground.dhcp_says("10.66.0.99");
    hand.send(&wrong);
    assert_eq!(answer(), None);
    appliance.stop();
}
