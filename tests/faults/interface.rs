//! The box's cable is pulled, or put into another network, and its address becomes another one.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use block66::lab::Lab;
use block66::lab::ground::INTERFACE;
use block66::lab::namespace::Namespace;
use block66::model::Mac;
use block66::phonesim::link::Netlink;
use nix::libc;
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{PATIENCE, all_serve, lab_behind, phones_are_served, wait_until};

fn ip(lab: &Lab, arguments: &str) {
    let words: Vec<&str> = arguments.split(' ').collect();
    let output = lab.ground().appliance().run(|| Command::new("ip").args(&words).output().unwrap()).unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether the box says that it does not hear its network, as a fault and where it says what it does there.
fn is_deaf(lab: &Lab) -> bool {
    let status = lab.api().get("status").unwrap();
    let why = "eth0 is down or has no address in 10.66.0.0/22";
    let said = |text: &Value| text.as_str().is_some_and(|text| text.contains(why));
    let alarms: Vec<&Value> = status["alarms"].as_array().unwrap().iter().collect();
    match alarms.as_slice() {
        [] => false,
        [alarm] => {
            assert_eq!((&alarm["code"], &status["health"]), (&"dhcp.deaf".into(), &"fault".into()), "{status:#}");
            assert!(said(&alarm["says"]) && said(&status["networks"][0]["says"]), "{status:#}");
            true
        }
        _ => panic!("{status:#}"),
    }
}

/// The journal says that DHCP did not run so often, and once more that it does.
fn is_on_record(lab: &Lab, times: u64) {
    let count = |code: &str| -> u64 {
        let events = lab.api().get("events?kind=dhcp&limit=1000").unwrap();
        let all = events["events"].as_array().unwrap().iter().filter(|event| event["code"] == code);
        all.map(|event| event["count"].as_u64().unwrap()).sum()
    };
    let both = || (count("dhcp.deaf"), count("dhcp.full"));
    assert!(wait_until(PATIENCE, || both() == (times, times + 1)), "{:?}, not {times} times", both());
}

/// DHCP messages that go over the switch.
struct Overheard {
    ear: Socket,
}

impl Overheard {
    fn on_the_switch(lab: &Lab) -> Self {
        let all = u16::try_from(libc::ETH_P_ALL).unwrap().to_be();
        let open = || Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(i32::from(all)))).unwrap();
        let ear = lab.ground().switch().run(open).unwrap();
        ear.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        Self { ear }
    }

    /// Listens until clients have asked so often, and servers have answered when they are `to_answer`; what they said.
    fn answers(&mut self, times: u32, to_answer: bool) -> Vec<Vec<u8>> {
        let (mut asked, mut answers) = (0, Vec::new());
        let deadline = Instant::now() + PATIENCE;
        let mut frame = [0; 2048];
        while asked < times || to_answer && answers.is_empty() {
            assert!(Instant::now() < deadline, "clients asked {asked} times and were answered {} times", answers.len());
            let Ok(length) = self.ear.read(&mut frame) else { continue };
            // Ethernet, IPv4 without options, UDP: the port of whoever sends.
            match (&frame[12..14], frame[23], &frame[34..36]) {
                ([8, 0], 17, [0, 68]) => asked += 1,
                ([8, 0], 17, [0, 67]) => answers.push(frame[..length].to_vec()),
                _ => {}
            }
        }
        answers
    }
}

/// Whether a laptop is given a lease. Unlike the phones it wants answers to its hardware address, which need none of the
/// box's own addresses to leave.
fn laptop_is_given_a_lease(laptop: &Namespace) -> bool {
    let arguments = ["-i", INTERFACE, "-f", "-n", "-q", "-t", "3", "-T", "1", "-s", "/bin/true"];
    let output = laptop.run(|| Command::new("udhcpc").args(arguments).output().expect("udhcpc")).unwrap();
    output.status.success()
}

#[test]
fn a_cable_put_into_another_network_gives_no_address_there_and_says_so() {
    let (mut lab, _program) = lab_behind("", 2);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    let mut overheard = Overheard::on_the_switch(&lab);
    for phone in lab.phones() {
        phone.remote.reboot();
    }
    // It hears what the box says.
    overheard.answers(1, true);
    let laptop = lab.ground().plug("laptop", Mac::new([2, 0, 0, 0, 0, 0x77])).unwrap();
    laptop.run(|| Netlink::open().unwrap().up(INTERFACE).unwrap()).unwrap();
    assert!(laptop_is_given_a_lease(&laptop));
    all_serve(&mut lab, "overheard");

    // The switch is in the other network from now on. Whoever starts there, at once or later, gets nothing of the pool.
    ip(&lab, "addr del 10.66.0.1/22 dev eth0");
    ip(&lab, "addr add 10.99.0.5/24 dev eth0");
    let mut overheard = Overheard::on_the_switch(&lab);
    for phone in lab.phones() {
        phone.remote.reboot();
    }
    assert!(!laptop_is_given_a_lease(&laptop));
    assert_eq!(overheard.answers(24, false), Vec::<Vec<u8>>::new(), "an answer by DHCP in the other network");
    assert!(wait_until(PATIENCE, || is_deaf(&lab)), "{}", lab.api().get("status").unwrap());
    assert_eq!(overheard.answers(24, false), Vec::<Vec<u8>>::new(), "an answer by DHCP in the other network");
    assert!(!lab.phones().iter().any(|phone| phone.remote.report().address.is_some()));
    let status = lab.api().get("status").unwrap();
    assert_eq!(status["addresses"], serde_json::json!(["10.99.0.5"]), "{status:#}");
    // Nor any file, by the address that it has there.
    let answer = lab.ground().switch().run(|| {
        let output = Command::new("ip").args(["addr", "add", "10.99.0.9/24", "dev", "switch"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut stream = TcpStream::connect((Ipv4Addr::new(10, 99, 0, 5), 80)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET /p/ca.pem HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = answer.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");

    ip(&lab, "addr del 10.99.0.5/24 dev eth0");
    ip(&lab, "addr add 10.66.0.1/22 dev eth0");
    all_serve(&mut lab, "after the cable came back");
    assert!(wait_until(PATIENCE, || !is_deaf(&lab)), "{}", lab.api().get("status").unwrap());
    is_on_record(&lab, 1);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
}

#[test]
fn a_cable_that_is_pulled_and_put_back_leaves_nothing_behind() {
    let (mut lab, _program) = lab_behind("", 3);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    for _ in 0..3 {
        assert!(!is_deaf(&lab), "{}", lab.api().get("status").unwrap());
        ip(&lab, "link set eth0 down");
        for phone in lab.phones() {
            phone.remote.reboot();
        }
        // Nobody is served meanwhile, the box says why, and nobody gives up.
        assert!(wait_until(PATIENCE, || is_deaf(&lab)), "{}", lab.api().get("status").unwrap());
        let served = || lab.phones().iter().any(|phone| phone.remote.report().in_service());
        assert!(wait_until(PATIENCE, || !served()));
        ip(&lab, "link set eth0 up");
        all_serve(&mut lab, "after the cable was put back");
        assert!(wait_until(PATIENCE, || !is_deaf(&lab)), "{}", lab.api().get("status").unwrap());
    }
    is_on_record(&lab, 3);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    lab.appliance().stop().unwrap();
    let log = fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
}

#[test]
fn an_address_that_changes_is_followed_by_certificate_and_phones() {
    let (mut lab, _program) = lab_behind("", 2);
    lab.power_on().unwrap();
    all_serve(&mut lab, "before");
    let root = lab.api().get("ca").unwrap()["fingerprint"].clone();
    // In this order: with the first address of a subnet the kernel takes away all others of it.
    ip(&lab, "addr del 10.66.0.1/22 dev eth0");
    ip(&lab, "addr add 10.66.0.5/22 dev eth0");
    // The box notices by itself: phones that start are sent to where it is now, with a certificate for it.
    let arrived = wait_until(PATIENCE, || {
        for phone in lab.phones() {
            phone.remote.reboot();
        }
        lab.phones().iter().all(|phone| {
            let there = |report: &block66::phonesim::Report| {
                report.in_service() && report.exchanges.iter().any(|exchange| exchange.url.contains("10.66.0.5"))
            };
            phone.remote.wait_for(PATIENCE / 4, there).is_ok()
        })
    });
    let log = |lab: &Lab| lab.phones()[0].remote.report().log;
    assert!(arrived, "{:#?}\n{}", log(&lab), lab.appliance().last_words());
    assert_eq!(lab.api().get("ca").unwrap()["fingerprint"], root);
    assert_eq!(lab.disagreements().unwrap(), Vec::<String>::new());
    let status: Value = lab.api().get("status").unwrap();
    assert!(status.to_string().contains("10.66.0.5"), "{status}");
    ip(&lab, "addr del 10.66.0.5/22 dev eth0");
    ip(&lab, "addr add 10.66.0.1/22 dev eth0");
    assert!(wait_until(PATIENCE, || lab.api().get("status").unwrap().to_string().contains("10.66.0.1")));
    phones_are_served(&mut lab, "after the address came back");
}
