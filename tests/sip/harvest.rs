//! A laptop that wants the hash of a line's password asks for it in the phone's name, and in the line's very realm.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use block66::lab::ground::{BOX, INTERFACE};
use block66::model::Mac;
use serde_json::Value;

use crate::ground::{GROUP, Ground, PATIENCE, Place, receive, wait_until};
use crate::notify::{MAC, leased};
use crate::pnp::{field, subscribe, take};

const LAPTOP: Mac = Mac::new([0x02, 0, 0, 0, 0, 0x66]);
/// For how long nothing more has to come.
const QUIET: Duration = Duration::from_secs(8);

/// Asks in the line's realm for the login of whoever sent this.
fn challenge(socket: &UdpSocket, notify: &str, from: SocketAddr) {
    let fields = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", field(notify, name)));
    let challenge = "WWW-Authenticate: Digest realm=\"pbx.example.net\", nonce=\"47364c23432d2e131a5fb210812c\"\r\n";
    let answer = format!("SIP/2.0 401 Unauthorized\r\n{}{challenge}Content-Length: 0\r\n\r\n", fields.concat());
    socket.send_to(answer.as_bytes(), from).unwrap();
}

/// The next NOTIFY that is not another copy of `but`.
fn told(socket: &UdpSocket, but: Option<&str>, within: Duration) -> Option<(String, SocketAddr)> {
    let until = Instant::now() + within;
    socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    while Instant::now() < until {
        let Some((text, from)) = receive(socket) else { continue };
        if text.starts_with("NOTIFY ") && but.is_none_or(|but| field(&text, "CSeq") != field(but, "CSeq")) {
            return Some((text, from));
        }
    }
    None
}

/// A phone whose address the box did not lease, listed and with a login of its own.
fn unleased(ground: &Ground) -> Place {
    let place = ground.place(MAC);
    ground.list(MAC, "yealink", "udp");
    place.learn_login();
    place
}

/// The phone is unplugged, and a laptop takes its address.
pub(crate) fn in_place_of(ground: &Ground, place: &Place) -> Place {
    let mut laptop = ground.place(LAPTOP);
    place.run("ip", &["link", "set", INTERFACE, "down"]);
    let net = format!("{}/22", place.address);
    for step in [&["addr", "flush", "dev", INTERFACE][..], &["addr", "add", &net, "dev", INTERFACE]] {
        assert!(laptop.run("ip", step).status.success());
    }
    laptop.address = place.address;
    laptop
}

/// Has a place answer no question by ARP, or all again.
fn silence(place: &Place, silent: bool) {
    // 8: no answer for any address; 0: for each.
    let level = if silent { "8" } else { "0" };
    place.namespace.run(|| std::fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", level).unwrap()).unwrap();
}

fn resync(ground: &Ground) {
    ground.lab.api().post(&format!("phones/{MAC}/resync"), &Value::Null).unwrap();
}

#[test]
fn a_laptop_that_asks_in_a_phones_name_is_told_nothing_later() {
    let ground = Ground::new();
    let place = unleased(&ground);
    let laptop = ground.place(LAPTOP);
    // It keeps silent when the box asks who has its address.
    silence(&laptop, true);
    let socket = laptop.socket(5059);
    // What it sends straight to the box has it ask for the box by ARP: so the box can reach it all the same.
    socket.send_to(b"\r\n\r\n", (BOX, 5060)).unwrap();
    socket.send_to(subscribe(&laptop, MAC, 5059, "poison").as_bytes(), GROUP).unwrap();
    let (accepted, _) = receive(&socket).unwrap();
    assert!(accepted.starts_with("SIP/2.0 200 OK"), "{accepted}");
    let (notify, from) = receive(&socket).unwrap();
    take(&socket, &notify, from);
    ground.event(MAC, "sip.pnp-answered");
    // Nor is anything believed that it says of the phone.
    let known = || {
        let phone = ground.lab.api().get(&format!("phones/{MAC}")).unwrap();
        (phone["brand"].clone(), phone["model"].clone())
    };
    let before = known();
    let lie = subscribe(&laptop, MAC, 5059, "lie").replace("Yealink W52P 25.81.0.10", "Fanvil X4 2.10.2.6887");
    socket.send_to(lie.replace("yealink", "fanvil").replace("W52P", "X4").as_bytes(), GROUP).unwrap();
    let (accepted, _) = receive(&socket).unwrap();
    assert!(accepted.starts_with("SIP/2.0 200 OK"), "{accepted}");
    let (notify, from) = receive(&socket).unwrap();
    take(&socket, &notify, from);
    // What is stored later is stored after whatever came of the lie.
    ground.list(LAPTOP, "snom", "udp");
    assert_eq!(known(), before);
    // The phone is told where it fetched from, and nobody else is.
    let phone = place.socket(5060);
    resync(&ground);
    let (first, from) = told(&phone, None, PATIENCE).expect("the phone is told");
    socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    // What it took already may have been sent to it once more before the box heard that.
    let more = std::iter::from_fn(|| receive(&socket)).find(|(text, _)| *text != notify);
    assert_eq!(more, None, "the laptop is told");
    // The neighbour table vouches for the phone, whoever gave it its address.
    challenge(&phone, &first, from);
    let (second, from) = told(&phone, Some(&first), PATIENCE).expect("the phone gets its answer");
    assert!(field(&second, "Authorization").starts_with("Digest username=\"201\""), "{second}");
    take(&phone, &second, from);
    place.run("sh", &["fetch.sh"]);
    assert_eq!(ground.outcome(MAC)["code"], "sip.resynced");
}

#[test]
fn a_phone_that_asks_by_multicast_is_told_at_the_port_that_it_named() {
    let ground = Ground::new();
    let place = unleased(&ground);
    let socket = place.socket(5077);
    socket.send_to(subscribe(&place, MAC, 5077, "honest").as_bytes(), GROUP).unwrap();
    receive(&socket).unwrap();
    let (notify, from) = receive(&socket).unwrap();
    take(&socket, &notify, from);
    ground.event(MAC, "sip.pnp-answered");
    resync(&ground);
    let (first, from) = told(&socket, None, PATIENCE).expect("the phone is told");
    take(&socket, &first, from);
    place.run("sh", &["fetch.sh"]);
    assert_eq!(ground.outcome(MAC)["code"], "sip.resynced");
}

#[test]
fn a_laptop_at_the_address_of_a_phone_gets_no_hash() {
    let ground = Ground::new();
    let place = leased(&ground, "udp");
    let laptop = in_place_of(&ground, &place);
    let socket = laptop.socket(5060);
    socket.send_to(b"\r\n\r\n", (BOX, 5060)).unwrap();
    resync(&ground);
    let (notify, from) = told(&socket, None, PATIENCE).expect("that there is something to fetch is no secret");
    assert!(!notify.contains("Authorization"), "{notify}");
    challenge(&socket, &notify, from);
    assert_eq!(told(&socket, Some(&notify), QUIET), None, "the laptop has a hash");
    let outcome = ground.outcome(MAC);
    assert_eq!(outcome["code"], "sip.login-unproven", "{outcome}");
    assert!(outcome["says"].as_str().unwrap().contains(&place.address.to_string()), "{outcome}");
}

#[test]
fn one_that_has_its_entry_in_the_neighbour_table_run_out_gets_no_hash() {
    let ground = Ground::new();
    let place = leased(&ground, "udp");
    let laptop = in_place_of(&ground, &place);
    let socket = laptop.socket(5060);
    socket.send_to(b"\r\n\r\n", (BOX, 5060)).unwrap();
    resync(&ground);
    let (notify, from) = told(&socket, None, PATIENCE).expect("it is told");
    // The box asks a few times who has the address, hears nothing, and knows nobody there any more.
    silence(&laptop, true);
    let entry = format!("{} ", place.address);
    let nobody = wait_until(PATIENCE, || {
        let table = ground.lab.ground().appliance().run(|| std::fs::read_to_string("/proc/thread-self/net/arp"));
        let table = table.unwrap().unwrap();
        !table.lines().any(|line| line.starts_with(&entry) && line.split_ascii_whitespace().nth(2) == Some("0x2"))
    });
    assert!(nobody, "the table still knows who has the address");
    challenge(&socket, &notify, from);
    // Now it wants to be found again.
    silence(&laptop, false);
    assert_eq!(told(&socket, Some(&notify), QUIET), None, "the laptop has a hash");
}
