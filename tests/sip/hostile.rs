//! What nobody should send. All of it is counted and dropped, and nothing stops.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::Duration;

use block66::lab::ground::BOX;
use block66::model::Mac;

use crate::ground::{GROUP, Ground, PATIENCE, Place, receive, wait_until};

const MAC: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);

fn options(place: &Place, port: u16, branch: &str) -> String {
    format!(
        "OPTIONS sip:{BOX} SIP/2.0\r\nVia: SIP/2.0/UDP {}:{port};branch=z9hG4bK{branch};rport\r\n\
         From: <sip:probe@{BOX}>;tag=1\r\nTo: <sip:{BOX}>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        place.address
    )
}

/// Whether the box still answers.
fn answers(place: &Place, socket: &UdpSocket, branch: &str) -> bool {
    let port = socket.local_addr().unwrap().port();
    socket.send_to(options(place, port, branch).as_bytes(), (BOX, 5060)).unwrap();
    std::iter::from_fn(|| receive(socket)).any(|(text, _)| text.starts_with("SIP/2.0 200 OK") && text.contains(branch))
}

fn dropped(ground: &Ground, why: &str) {
    assert!(wait_until(PATIENCE, || ground.dropped(why) > 0), "nothing was dropped because of: {why}");
}

#[test]
fn datagrams_that_are_no_messages_hinder_nobody() {
    let ground = Ground::new();
    let place = ground.place(MAC);
    let socket = place.socket(5062);
    let long = [options(&place, 5062, "long").into_bytes(), vec![b'x'; 65_000]].concat();
    socket.send_to(&long[..65_000], (BOX, 5060)).unwrap();
    dropped(&ground, "too long");
    socket.send_to(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", (BOX, 5060)).unwrap();
    dropped(&ground, "first line");
    socket.send_to(&[0; 1400], (BOX, 5060)).unwrap();
    socket.send_to(b"\r\n\r\n", (BOX, 5060)).unwrap();
    socket.send_to(options(&place, 5062, "cut").replace("Length: 0", "Length: 9").as_bytes(), (BOX, 5060)).unwrap();
    dropped(&ground, "cut off");
    assert!(answers(&place, &socket, "after"));
    let told = wait_until(PATIENCE, || {
        let events = ground.lab.api().get("events?limit=50").unwrap();
        events["events"].as_array().unwrap().iter().any(|event| event["code"] == "sip.malformed")
    });
    assert!(told, "nothing of it is recorded");
}

#[test]
fn streams_that_break_off_hinder_nobody() {
    let ground = Ground::new();
    let place = ground.place(MAC);
    let socket = place.socket(5062);
    let connect = |port: u16| {
        let stream = place.namespace.run(move || TcpStream::connect((BOX, port)).unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    };
    let mut half = connect(5060);
    half.write_all(&options(&place, 5062, "half").as_bytes()[..150]).unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    dropped(&ground, "half a message");
    let mut endless = connect(5060);
    endless.write_all(&vec![b'x'; 20_000]).unwrap();
    dropped(&ground, "too long");
    let mut garbage = connect(5061);
    garbage.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n").unwrap();
    dropped(&ground, "handshake");
    // Two messages in pieces over one connection are two answers.
    let mut whole = connect(5060);
    let both = [options(&place, 5062, "first"), options(&place, 5062, "second")].concat().replace("/UDP", "/TCP");
    for piece in both.as_bytes().chunks(100) {
        whole.write_all(piece).unwrap();
    }
    let mut text = Vec::new();
    let mut buffer = [0; 2048];
    while String::from_utf8_lossy(&text).matches("SIP/2.0 200 OK").count() < 2 {
        let length = whole.read(&mut buffer).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&text));
        text.extend(&buffer[..length]);
    }
    assert!(answers(&place, &socket, "after"));
}

#[test]
fn who_has_many_connections_over_tcp_has_no_further_one_and_others_find_theirs() {
    const MOST: usize = 8;
    let ground = Ground::new();
    let crowd = ground.place(MAC);
    let phone = ground.place("80:5e:c0:00:00:02".parse().unwrap());
    // A connection on which the box has answered; none where it was closed instead.
    let connected = |place: &Place, branch: &str| {
        let mut stream = place.namespace.run(|| TcpStream::connect((BOX, 5060)).unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // One that is closed at once may be so before this is written.
        let _ = stream.write_all(options(place, 5062, branch).replace("/UDP", "/TCP").as_bytes());
        let mut answer = [0; 2048];
        match stream.read(&mut answer) {
            Ok(length @ 1..) => {
                assert!(answer[..length].starts_with(b"SIP/2.0 200 OK"), "{}", String::from_utf8_lossy(&answer));
                Some(stream)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("neither an answer nor an end"),
            Ok(_) | Err(_) => None,
        }
    };
    let mut held: Vec<_> = (0..MOST).map_while(|number| connected(&crowd, &format!("held{number}"))).collect();
    assert_eq!(held.len(), MOST);
    assert!(connected(&crowd, "ninth").is_none(), "a ninth connection of one source");
    assert!(connected(&phone, "other").is_some(), "another source");
    // One that ends makes room, and the others are there still.
    held.pop();
    assert!(wait_until(PATIENCE, || connected(&crowd, "again").is_some()), "its place does not come back");
    for (number, stream) in held.iter_mut().enumerate() {
        stream.write_all(options(&crowd, 5062, &format!("still{number}")).replace("/UDP", "/TCP").as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 2048]).unwrap() > 0, "one of the eight was closed");
    }
}

#[test]
fn answers_from_others_are_not_believed() {
    let ground = Ground::new();
    let mut place = ground.place(MAC);
    let liar = ground.place("02:00:00:00:00:66".parse().unwrap());
    ground.list(MAC, "yealink", "udp");
    place.lease();
    place.learn_login();
    let phone = place.socket(5060);
    ground.lab.api().post(&format!("phones/{MAC}/resync"), &serde_json::Value::Null).unwrap();
    let (notify, from) = receive(&phone).unwrap();
    let fields = |name: &str| {
        let line = notify.lines().find(|line| line.starts_with(&format!("{name}: "))).unwrap();
        format!("{line}\r\n")
    };
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"].map(fields).concat();
    // Somebody who saw the message answers in the phone's place, and asks for a hash in the line's very realm.
    let forged = liar.socket(5060);
    let challenge = "WWW-Authenticate: Digest realm=\"pbx.example.net\", nonce=\"n\"\r\n";
    forged.send_to(format!("SIP/2.0 401 Unauthorized\r\n{copied}{challenge}\r\n").as_bytes(), from).unwrap();
    forged.send_to(format!("SIP/2.0 200 OK\r\n{copied}\r\n").as_bytes(), from).unwrap();
    dropped(&ground, "another address");
    forged.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    assert_eq!(receive(&forged), None, "nothing is said to the liar");
    let telling = ground.lab.api().get(&format!("phones/{MAC}/telling")).unwrap();
    assert_eq!((&telling["over"], telling["says"].as_str()), (&serde_json::Value::Bool(false), Some("Is being told.")));
    // The phone itself repeats nothing of that and is believed.
    phone.send_to(format!("SIP/2.0 403 No\r\n{copied}\r\n").as_bytes(), from).unwrap();
    assert_eq!(ground.outcome(MAC)["code"], "sip.refused");
}

#[test]
fn the_boxes_own_multicast_comes_back_to_nobody() {
    let ground = Ground::new();
    let place = ground.place(MAC);
    let socket = place.socket(5062);
    // As a switch does that sends it round: from the box's own address and port.
    let own = options(&place, 5060, "loop").replace(&place.address.to_string(), &BOX.to_string());
    let from_the_box = ground
        .lab
        .ground()
        .appliance()
        .run(move || {
            let raw =
                socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::RAW, Some(socket2::Protocol::UDP)).unwrap();
            let length = u16::try_from(own.len() + 8).unwrap();
            let mut udp = Vec::new();
            for word in [5060_u16, 5060, length, 0] {
                udp.extend(word.to_be_bytes());
            }
            udp.extend(own.as_bytes());
            raw.set_multicast_loop_v4(true).unwrap();
            raw.set_multicast_if_v4(&BOX).unwrap();
            let to: std::net::SocketAddr = (GROUP.0, 0).into();
            raw.send_to(&udp, &to.into()).is_ok()
        })
        .unwrap();
    assert!(from_the_box);
    dropped(&ground, "our own message");
    assert!(answers(&place, &socket, "after"));
}

#[test]
fn another_responder_is_noticed() {
    let ground = Ground::new();
    let place = ground.place(MAC);
    let socket = place.socket(5062);
    let notify = options(&place, 5062, "other").replace("OPTIONS", "NOTIFY").replace(
        "Max-Forwards: 70",
        "Event: ua-profile;profile-type=\"device\"\r\nSubscription-State: terminated\r\nContent-Type: application/url",
    );
    socket.send_to(notify.as_bytes(), (BOX, 5060)).unwrap();
    let told = wait_until(PATIENCE, || {
        let events = ground.lab.api().get("events?limit=50").unwrap();
        events["events"].as_array().unwrap().iter().any(|event| event["code"] == "sip.pnp-other-responder")
    });
    assert!(told);
}
