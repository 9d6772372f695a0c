//! Phones that ask by multicast.

use std::net::UdpSocket;
use std::time::Duration;

use block66::model::Mac;

use crate::ground::{GROUP, Ground, Place, receive};

/// The bytes of a W52P's question, with its own address and MAC in them.
pub(crate) fn subscribe(place: &Place, mac: Mac, port: u16, call: &str) -> String {
    let (address, digits) = (place.address, mac.plain());
    format!(
        "SUBSCRIBE sip:MAC{digits}@224.0.1.75 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {address}:{port};branch=z9hG4bK{call}\r\n\
         From: <sip:MAC{digits}@224.0.1.75>;tag=1536537630\r\n\
         To: <sip:MAC{digits}@224.0.1.75>\r\n\
         Call-ID: {call}@{address}\r\n\
         CSeq: 1 SUBSCRIBE\r\n\
         Contact: <sip:MAC{digits}@{address}:{port}>\r\n\
         Max-Forwards: 70\r\n\
         User-Agent: Yealink W52P 25.81.0.10\r\n\
         Expires: 0\r\n\
         Event: ua-profile;profile-type=\"device\";vendor=\"yealink\";model=\"W52P\";version=\"25.81.0.10\"\r\n\
         Accept: application/url\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

pub(crate) fn field<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in:\n{message}"))
}

/// Takes the NOTIFY as a phone does.
pub(crate) fn take(socket: &UdpSocket, notify: &str, from: std::net::SocketAddr) {
    let fields = ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", field(notify, name)));
    let answer = format!("SIP/2.0 200 OK\r\n{}Content-Length: 0\r\n\r\n", fields.concat());
    socket.send_to(answer.as_bytes(), from).unwrap();
}

#[test]
fn a_phone_that_asks_by_multicast_is_told_a_url_that_serves_it() {
    let ground = Ground::new();
    let place = ground.place("80:5e:c0:00:00:01".parse().unwrap());
    ground.list(place.mac, "yealink", "udp");
    let socket = place.socket(5059);
    let question = subscribe(&place, place.mac, 5059, "1536537630");
    socket.send_to(question.as_bytes(), GROUP).unwrap();
    let (accepted, _) = receive(&socket).unwrap();
    assert!(accepted.starts_with("SIP/2.0 200 OK\r\n"), "{accepted}");
    assert_eq!(field(&accepted, "Via"), field(&question, "Via"));
    let (notify, from) = receive(&socket).unwrap();
    assert!(notify.starts_with(&format!("NOTIFY sip:MAC805ec0000001@{}:5059 SIP/2.0\r\n", place.address)), "{notify}");
    assert_eq!(field(&notify, "Call-ID"), field(&question, "Call-ID"));
    assert_eq!(field(&notify, "Event"), field(&question, "Event"));
    assert_eq!(field(&notify, "Content-Type"), "application/url");
    assert_eq!(field(&notify, "To"), field(&question, "From"));
    take(&socket, &notify, from);
    let url = notify.split("\r\n\r\n").nth(1).unwrap();
    assert_eq!(url, "http://10.66.0.1/p/");
    let fetched = place
        .run("curl", &["-s", "-A", "Yealink W52P 25.81.0.10 80:5e:c0:00:00:01", &format!("{url}805ec0000001.cfg")]);
    let file = String::from_utf8(fetched.stdout).unwrap();
    assert!(file.starts_with("#!version:1.0.0.1\n"), "{file}");
    ground.event(place.mac, "sip.pnp-answered");
    let phone = ground.lab.api().get(&format!("phones/{}", place.mac)).unwrap();
    assert_eq!(phone["model"], "W52P");
}

#[test]
fn strangers_and_liars_get_silence_and_an_event() {
    let ground = Ground::new();
    let place = ground.place("80:5e:c0:00:00:01".parse().unwrap());
    let other: Mac = "80:5e:c0:00:00:02".parse().unwrap();
    ground.list(other, "yealink", "udp");
    let socket = place.socket(5059);
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket.send_to(subscribe(&place, place.mac, 5059, "one").as_bytes(), GROUP).unwrap();
    ground.event(place.mac, "sip.pnp-waiting");
    socket.send_to(subscribe(&place, other, 5059, "two").as_bytes(), GROUP).unwrap();
    ground.event(other, "box.mac-mismatch");
    assert_eq!(receive(&socket), None);
}

/// A telephone system that answers this one phone, and every datagram that the phone gets meanwhile.
fn pbx(place: &Place, mac: Mac) -> std::thread::JoinHandle<std::io::Result<()>> {
    let (address, digits) = (place.address, mac.plain());
    let work = move || {
        let socket = UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, GROUP.1)).unwrap();
        socket.join_multicast_v4(&GROUP.0, &address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        loop {
            let Some((question, from)) = receive(&socket) else { return };
            if !question.contains(&digits) || !question.starts_with("SUBSCRIBE") {
                continue;
            }
            let copied = |names: &[&str]| -> String {
                names.iter().map(|name| format!("{name}: {}\r\n", field(&question, name))).collect()
            };
            let accepted = copied(&["Via", "From", "To", "Call-ID", "CSeq"]);
            let _ = socket.send_to(format!("SIP/2.0 200 OK\r\n{accepted}Content-Length: 0\r\n\r\n").as_bytes(), from);
            let notify = format!(
                "NOTIFY sip:{from} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:5060;branch=z9hG4bKpbx\r\n{}\
                 CSeq: 1 NOTIFY\r\nContent-Type: application/url\r\nContent-Length: 12\r\n\r\nhttp://pbx/p",
                copied(&["From", "To", "Call-ID", "Event"])
            );
            let _ = socket.send_to(notify.as_bytes(), from);
            // It also answers whoever asks for everybody, as some do: the box hears of it so.
            let _ = socket.send_to(notify.as_bytes(), (block66::lab::ground::BOX, 5060));
            return;
        }
    };
    place.namespace.spawn("pbx".into(), work).unwrap()
}

#[test]
fn a_telephone_system_on_the_segment_keeps_its_phones() {
    let ground = Ground::new();
    let system = ground.place("02:00:00:00:00:09".parse().unwrap());
    let theirs = ground.place("80:5e:c0:00:00:01".parse().unwrap());
    let ours = ground.place("80:5e:c0:00:00:02".parse().unwrap());
    ground.list(ours.mac, "yealink", "udp");
    let answering = pbx(&system, theirs.mac);
    system.wait_for_port("udp", GROUP.1);
    let ask = |place: &Place, call: &str| {
        let socket = place.socket(5059);
        socket.send_to(subscribe(place, place.mac, 5059, call).as_bytes(), GROUP).unwrap();
        socket
    };
    let first = ask(&theirs, "one");
    ground.event(theirs.mac, "sip.pnp-waiting");
    answering.join().unwrap().unwrap();
    first.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut heard = 0;
    while let Some((text, from)) = receive(&first) {
        assert_eq!(from.ip(), system.address, "the box stays silent: {text}");
        heard += 1;
    }
    assert_eq!(heard, 2, "a 200 and a NOTIFY");
    let events = ground.lab.api().get("events?kind=sip&limit=50").unwrap();
    let noticed = events["events"].as_array().unwrap().iter().any(|event| event["code"] == "sip.pnp-other-responder");
    assert!(noticed, "{events:#}");
    // Its own phones are answered all the same.
    let second = ask(&ours, "two");
    let (accepted, from) = receive(&second).unwrap();
    assert!(accepted.starts_with("SIP/2.0 200 OK") && from.ip() == block66::lab::ground::BOX, "{from}: {accepted}");
    let (notify, from) = receive(&second).unwrap();
    assert!(notify.ends_with("http://10.66.0.1/p/"), "{notify}");
    take(&second, &notify, from);
    ground.event(ours.mac, "sip.pnp-answered");
}
