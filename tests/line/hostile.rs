//! A client that speaks the protocol by hand, and not as it should.

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ground::{Ground, IMAGE, far};
use crate::impair::{FAR, NEAR};

const DOOR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(FAR), 69);

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((NEAR, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn request(operation: u8, name: &str, options: &[(&str, &str)]) -> Vec<u8> {
    let mut packet = vec![0, operation];
    let fields = [name, "octet"].into_iter().chain(options.iter().flat_map(|(name, value)| [*name, *value]));
    for field in fields {
        packet.extend_from_slice(field.as_bytes());
        packet.push(0);
    }
    packet
}

/// The next packet: operation, the two bytes after it, and whose it is.
fn heard(socket: &UdpSocket) -> Option<(u8, u16, SocketAddr)> {
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    assert!(length >= 4, "{length}");
    Some((buffer[1], u16::from_be_bytes([buffer[2], buffer[3]]), from))
}

/// What a request is answered with.
fn answered(packet: &[u8]) -> Option<(u8, u16, SocketAddr)> {
    let socket = socket();
    socket.send_to(packet, DOOR).unwrap();
    heard(&socket)
}

#[test]
fn it_only_reads_and_knows_what_is_no_request() {
    let ground = Ground::new(3000, 11);
    ground.line.on_near(|| {
        let answer = |packet: &[u8]| answered(packet).map(|(operation, code, _)| (operation, code));
        // RFC 1350: 5 is an error; 1 no such file, 2 not allowed, 4 no such operation.
        assert_eq!(answer(&request(2, "805ec0123456-contact.xml", &[])), Some((5, 2)), "nobody leaves anything");
        assert_eq!(answer(&request(1, "nobody.asks.for.this", &[])), Some((5, 1)));
        assert_eq!(answer(&request(1, "../../etc/passwd", &[])), Some((5, 4)));
        assert_eq!(answer(&request(1, "a\u{1}b", &[])), Some((5, 4)));
        assert_eq!(answer(b"\0\x01nothing ends"), Some((5, 4)));
        assert_eq!(answer(&request(1, &"a".repeat(600), &[])), Some((5, 4)));
        assert_eq!(answer(&request(1, IMAGE, &[("blksize", "8"), ("blksize", "9")])), Some((5, 4)));
        // An error is never answered, and neither is what belongs to no transfer.
        for stray in [&b"\0\x05\0\0bye\0"[..], b"\0\x04\0\x01", b"\0\x03\0\x01abc"] {
            let socket = socket();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            socket.send_to(stray, DOOR).unwrap();
            let answer = heard(&socket).map(|(operation, code, _)| (operation, code));
            assert!(matches!(answer, None | Some((5, 4))), "{stray:?}: {answer:?}");
        }
        assert_eq!(answer(&request(1, IMAGE, &[])), Some((3, 1)), "it serves all the while");
        assert_eq!(answer(&request(1, IMAGE, &[("windowsize", "4")])), Some((6, 0x7769)), "\"wi\" of windowsize");
    });
    // atftp leaves files, too, if one lets it.
    let put = |place: &Path| {
        std::fs::write(place, b"something").unwrap();
        let text = format!("--put --remote-file new.rom --local-file {} {}", place.display(), far());
        text.split(' ').map(str::to_owned).collect()
    };
    let (_, said) = ground.fetched("atftp", &put);
    assert!(said.contains("Access violation"), "{said}");
}

#[test]
fn nobody_has_a_phones_file_for_the_asking() {
    let ground = Ground::new(1, 12);
    ground.told(&[
        "phones",
        "add",
        "80:5e:c0:12:34:56",
        "--name",
        "Desk",
        "--user",
        "201",
        "--server",
        "pbx.example",
        "--password",
        "line-secret",
    ]);
    ground.line.on_near(|| {
        for name in ["805ec0123456.cfg", "805ec0999999.cfg", "p/805ec0123456.cfg"] {
            let (operation, code, _) = answered(&request(1, name, &[])).unwrap();
            assert_eq!((operation, code), (5, 2), "{name}: as over HTTP, listed and unlisted phones alike");
        }
    });
    // Events are stored a moment after what they tell of.
    let deadline = Instant::now() + Duration::from_secs(10);
    let events = loop {
        let events = ground.told(&["events", "--json"]);
        if events.contains("805ec0123456.cfg") || Instant::now() > deadline {
            break events;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    };
    assert!(events.contains("805ec0123456.cfg") && !events.contains("line-secret"), "{events}");
}

#[test]
fn fifty_clients_that_stall_keep_nobody_else_out() {
    let ground = Ground::new(200_000, 13);
    ground.line.on_near(|| {
        let stalled: Vec<UdpSocket> = (0..50)
            .map(|_| {
                let socket = socket();
                socket.send_to(&request(1, IMAGE, &[("windowsize", "64")]), DOOR).unwrap();
                socket
            })
            .collect();
        // Eight at once to one address: who says nothing gives way to who comes, and nobody is refused.
        let newest = stalled.last().unwrap();
        assert_eq!(heard(newest).map(|(operation, _, _)| operation), Some(6));
        assert!(heard(newest).is_some(), "it is told once more");
        stalled.iter().for_each(|socket| socket.set_nonblocking(true).unwrap());
        let told = |socket: &UdpSocket| std::iter::from_fn(|| heard(socket)).collect::<Vec<_>>();
        let told: Vec<_> = stalled.iter().map(told).collect();
        assert!(told.iter().flatten().all(|(operation, _, _)| *operation == 6), "{told:?}");
        let once_more = told.iter().filter(|told| told.len() > 1).count();
        assert!(once_more < 8, "{once_more} besides the last");
    });
    // Those who stall sit at another address of the same branch.
    crate::impair::ip(&format!("-n {} addr add 10.77.0.3/24 dev eth0", ground.line.place("near")));
    let (bytes, said) = ground.fetched("curl", &|place| {
        let text = format!("-sS --interface 10.77.0.3 -o {} tftp://{}/{IMAGE}", place.display(), far());
        text.split(' ').map(str::to_owned).collect()
    });
    assert!(bytes == ground.image, "{said}");
}

#[test]
fn on_one_port_every_packet_comes_from_it() {
    let ground = Ground::new(3000, 14);
    let transfer = || {
        let socket = socket();
        socket.send_to(&request(1, IMAGE, &[]), DOOR).unwrap();
        let mut from = Vec::new();
        for block in 1..=6 {
            let (operation, number, sender) = heard(&socket).unwrap();
            assert_eq!((operation, number), (3, block));
            from.push(sender.port());
            socket.send_to(&[0, 4, 0, u8::try_from(block).unwrap()], sender).unwrap();
        }
        from
    };
    let usual = ground.line.on_near(transfer);
    assert!(usual.iter().all(|port| *port == usual[0] && *port != 69), "{usual:?}");
    ground.told(&["firmware", "settings", "--tftp-single-port", "true"]);
    assert_eq!(ground.line.on_near(transfer), [69; 6]);
}

#[test]
fn a_window_that_lost_its_first_block_is_sent_again_and_duplicates_do_not_multiply() {
    let ground = Ground::new(8 * 512, 15);
    ground.line.on_near(|| {
        let socket = socket();
        socket.send_to(&request(1, IMAGE, &[("windowsize", "4")]), DOOR).unwrap();
        let (operation, _, transfer) = heard(&socket).unwrap();
        assert_eq!(operation, 6);
        let ack = |number: u8| socket.send_to(&[0, 4, 0, number], transfer).unwrap();
        let window = || -> Vec<u16> { (0..4).map(|_| heard(&socket).unwrap().1).collect() };
        ack(0);
        assert_eq!(window(), [1, 2, 3, 4]);
        // Block 3 got lost: RFC 7440 section 4 has the client say what it has.
        ack(2);
        assert_eq!(window(), [3, 4, 5, 6]);
        ack(6);
        assert_eq!([heard(&socket).unwrap().1, heard(&socket).unwrap().1, heard(&socket).unwrap().1], [7, 8, 9]);
        ack(9);
        // It is over: nothing more comes.
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let began = Instant::now();
        assert_eq!(heard(&socket), None);
        assert!(began.elapsed() >= Duration::from_millis(400));
    });
}
