//! Images over real sockets: whole, in ranges, to old clients, to slow ones, and to many at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use block66::depot::Depot;
use block66::http::firmware::FirmwareDoor;
use block66::http::listeners::{self, Entrance};
use block66::http::provision::{Foundations, Provision};
use block66::http::{Limits, Service, Workers, body};
use block66::journal::Live;
use block66::model::{Firmware, Id, Lease, LeaseState, Mac, Reason, Timestamp, Via};
use block66::pairing::Pairing;
use block66::pki::Authority;
use block66::store::{Key, Write};
use block66::sys::sockets::connections;
use hyper::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::ground::{Ground, Upstream, image, response, sha256, within};

/// For one answer.
const LIMIT: Duration = Duration::from_secs(30);
const PATH: &str = "/p/firmware/yealink/66.86.0.160/T46S.rom";

/// A plain listener on the loopback, with the door for images in front of nothing.
struct Door {
    at: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Door {
    fn open(ground: &Ground, limits: Limits) -> Self {
        let directory = ground.directory();
        let authority = Authority::open(&directory.join("ca"), ground.clock.now().wall).unwrap();
        let provision = Provision::new(Foundations {
            store: ground.store.clone(),
            depot: Depot::open(directory, Key::new(&[7; 32]), Default::default()).unwrap(),
            pairing: Pairing::new(ground.store.clone(), Id::new(Timestamp::default(), 99)),
            journal: ground.journal.clone(),
            registry: ground.registry.clone(),
            authority: &authority,
            clock: ground.clock.clone(),
            networks: Vec::new(),
            policy: None,
            http: 80,
            https: 443,
        });
        let door = FirmwareDoor::new(
            ground.library.clone(),
            Arc::new(provision),
            ground.clock.clone(),
            FirmwareDoor::PER_SOURCE,
        );
        let nothing: Service = Arc::new(|_, _| Box::pin(async { Response::new(body("no image")) }));
        let service = door.in_front_of(nothing);
        let socket = connections((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (at, stop) = (socket.local_addr().unwrap(), CancellationToken::new());
        let entrance = Entrance { service, tls: None, limits, clock: ground.clock.clone(), workers: Workers::here() };
        tokio::spawn(listeners::serve(socket, entrance, stop.clone()));
        Self { at, stop }
    }

    async fn connect(&self, from: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        // What a client that does not read leaves with us, and not with the kernel, is to be seen.
        socket.set_recv_buffer_size(4096).unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.at).await.unwrap()
    }

    /// Asks, and reads to the end.
    async fn ask(&self, from: Ipv4Addr, request: &str) -> Answer {
        let mut stream = self.connect(from).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        tokio::time::timeout(LIMIT, stream.read_to_end(&mut bytes)).await.expect("an answer in time").unwrap();
        Answer::read(&bytes)
    }

    async fn get(&self, headers: &str) -> Answer {
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n{headers}\r\n");
        self.ask(Ipv4Addr::LOCALHOST, &request).await
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end..].to_vec() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name))).map(|(_, v)| v)
    }
}

async fn served(length: usize) -> (Ground, Firmware, Vec<u8>) {
    let (ground, bytes) = (Ground::new(), image(length));
    let firmware = ground.upload("66.86.0.160", &bytes).await;
    (ground, firmware, bytes)
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn whole_files_heads_and_copies_that_are_new_enough() {
    within(60, async {
        let (ground, _, bytes) = served(300_001).await;
        let door = Door::open(&ground, Limits::default());
        let answer = door.get("").await;
        assert!(answer.status == 200 && answer.body == bytes, "{}", answer.head);
        let tag = format!("\"{}\"", hex(sha256(&bytes)));
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        assert_eq!(answer.header("content-length"), Some("300001"));
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        let modified = answer.header("last-modified").unwrap().to_owned();

        let head = format!("HEAD {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        let head = door.ask(Ipv4Addr::LOCALHOST, &head).await;
        assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("300001")));
        for condition in [format!("If-None-Match: {tag}"), format!("If-Modified-Since: {modified}")] {
            let fresh = door.get(&format!("{condition}\r\n")).await;
            assert_eq!((fresh.status, fresh.body.len()), (304, 0), "{condition}");
        }
        // Any case, and the bare name where the newest is meant.
        for path in ["/p/FIRMWARE/yealink/66.86.0.160/t46s.ROM", "/T46S.rom", "//p//T46S.rom"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
            assert!(door.ask(Ipv4Addr::LOCALHOST, &request).await.body == bytes, "{path}");
        }
        let other = "GET /p/firmware/yealink/1.0/T46S.rom HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n";
        assert_eq!(door.ask(Ipv4Addr::LOCALHOST, other).await.body, b"no image");
    });
}

#[test]
fn a_phone_behind_a_relay_that_names_no_port_is_on_record() {
    within(60, async {
        let (ground, firmware, bytes) = served(10_000).await;
        let door = Door::open(&ground, Limits::default());
        let (phone, mac) = (Ipv4Addr::new(127, 0, 66, 7), Mac::new([0x80, 0x5e, 0xc0, 0, 0, 7]));
        let lease = Lease {
            address: phone,
            mac,
            client_id: None,
            host_name: None,
            vendor_class: None,
            state: LeaseState::Bound,
            expires: ground.clock.now().wall.plus(Duration::from_secs(3600)),
            seconds_left: 3600,
            via: Via::Unknown,
        };
        ground.store.commit(vec![Write::PutLease { network: "office".into(), lease }]).await.unwrap();
        let mut news = ground.journal.subscribe();
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        assert!(door.ask(phone, &request).await.body == bytes);
        let given = Reason::FirmwareGiven { release: firmware.release };
        let event = loop {
            match news.recv().await.unwrap() {
                Live::Event { event, .. } if event.reason == given => break event,
                _ => {}
            }
        };
        assert_eq!((event.mac, event.address), (Some(mac), Some(phone.into())));
    });
}

#[test]
fn ranges_one_and_several_if_the_copy_is_of_this_revision() {
    within(60, async {
        let (ground, _, bytes) = served(300_001).await;
        let door = Door::open(&ground, Limits::default());
        let tag = format!("\"{}\"", hex(sha256(&bytes)));
        let modified = door.get("").await.header("last-modified").unwrap().to_owned();
        for (range, from, to) in
            [("0-0", 0, 1), ("100000-", 100_000, 300_001), ("-500", 299_501, 300_001), ("32767-32768", 32_767, 32_769)]
        {
            let answer = door.get(&format!("Range: bytes={range}\r\n")).await;
            assert!(answer.status == 206 && answer.body == bytes[from..to], "{range}: {}", answer.head);
            let expected = format!("bytes {from}-{}/300001", to - 1);
            assert_eq!(answer.header("content-range"), Some(expected.as_str()));
        }
        for (held, status) in
            [(tag.as_str(), 206), (modified.as_str(), 206), ("\"other\"", 200), ("Thu, 01 Jan 1970 00:00:00 GMT", 200)]
        {
            let answer = door.get(&format!("Range: bytes=5-9\r\nIf-Range: {held}\r\n")).await;
            assert_eq!(answer.status, status, "{held}");
            let expected = if status == 206 { &bytes[5..10] } else { &bytes[..] };
            assert!(answer.body == expected, "{held}");
        }
        let several = door.get("Range: bytes=0-9, 290000-, -3\r\n").await;
        let kind = several.header("content-type").unwrap();
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
        let mut expected = Vec::new();
        for (from, to) in [(0, 10), (290_000, 300_001), (299_998, 300_001)] {
            expected.extend_from_slice(
                format!(
                    "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {from}-{}/300001\r\n\r\n",
                    to - 1
                )
                .as_bytes(),
            );
            expected.extend_from_slice(&bytes[from..to]);
        }
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(several.status == 206 && several.body == expected, "{}", several.head);
        assert_eq!(several.header("content-length").unwrap(), expected.len().to_string());
    });
}

#[test]
fn a_thousand_ranges_and_ranges_that_are_not_there_are_refused() {
    within(60, async {
        let (ground, _, bytes) = served(10_000).await;
        let door = Door::open(&ground, Limits::default());
        let many = vec!["0-0"; 1000].join(",");
        for range in [many.as_str(), "10000-", "99999999999999999999-"] {
            let answer = door.get(&format!("Range: bytes={range}\r\n")).await;
            assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10000")), "{range:.20}");
        }
        // Overlapping ones bring no more than the file.
        assert!(door.get("Range: bytes=0-,0-,0-\r\n").await.body == bytes);
    });
}

#[test]
fn clients_of_http_1_0_are_served() {
    within(60, async {
        let (ground, _, bytes) = served(100_000).await;
        let door = Door::open(&ground, Limits::default());
        let answer = door.ask(Ipv4Addr::LOCALHOST, &format!("GET {PATH} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.head.starts_with("HTTP/1.0 200 "), "{}", answer.head);
        assert!(answer.body == bytes && answer.header("content-length") == Some("100000"), "{}", answer.head);
        assert!(answer.header("transfer-encoding").is_none(), "{}", answer.head);
        let range = door.ask(Ipv4Addr::LOCALHOST, &format!("GET {PATH} HTTP/1.0\r\nRange: bytes=9-\r\n\r\n")).await;
        assert!(range.status == 206 && range.body == bytes[9..]);
    });
}

/// Memory of this process, in bytes.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let line = text.lines().find(|line| line.starts_with("Rss:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn fifty_transfers_that_stall_keep_nobody_out_and_their_places_come_back() {
    within(90, async {
        let (ground, _, bytes) = served(4_000_000).await;
        let stalled = Duration::from_secs(2);
        let door = Door::open(&ground, Limits { stalled, ..Limits::default() });
        let phone = Ipv4Addr::new(127, 0, 66, 1);
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\n\r\n");
        let mut held = Vec::new();
        for _ in 0..50 {
            let mut stream = door.connect(phone).await;
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut first = vec![0; 12];
            tokio::time::timeout(LIMIT, stream.read_exact(&mut first)).await.expect("a word in time").unwrap();
            held.push((stream, String::from_utf8(first).unwrap()));
        }
        let given = held.iter().filter(|(_, said)| said.ends_with("200")).count();
        let refused = held.iter().filter(|(_, said)| said.ends_with("503")).count();
        assert_eq!((given, refused), (FirmwareDoor::PER_SOURCE, 50 - FirmwareDoor::PER_SOURCE));
        // Another phone is served meanwhile, as fast as ever.
        let close = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        let began = Instant::now();
        assert!(door.ask(Ipv4Addr::new(127, 0, 66, 2), &close).await.body == bytes);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        // Who does not read is given up, and may come again.
        let deadline = Instant::now() + stalled * 5;
        loop {
            let answer = door.ask(phone, &close).await;
            if answer.status == 200 {
                assert!(answer.body == bytes);
                break;
            }
            assert!(Instant::now() < deadline, "their places do not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn a_slow_phone_gets_all_of_it() {
    within(60, async {
        let (ground, _, bytes) = served(60_000).await;
        let door = Door::open(&ground, Limits { stalled: Duration::from_secs(2), ..Limits::default() });
        let mut stream = door.connect(Ipv4Addr::LOCALHOST).await;
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut read, mut piece) = (Vec::new(), [0; 1024]);
        // Four seconds for all of it: longer than one may stand still.
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            read.extend_from_slice(&piece[..length]);
            tokio::time::sleep(Duration::from_millis(66)).await;
        }
        assert!(Answer::read(&read).body == bytes, "{}", read.len());
    });
}

#[test]
fn three_hundred_who_hardly_read_take_little_memory() {
    // In a process of its own: what other tests take is not to be counted.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "--nocapture", "serving::memory_in_a_child"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let figure = said.lines().find(|line| line.starts_with("figure:"));
    println!("{}", figure.unwrap_or_else(|| panic!("nothing was measured: {said}")));
}

#[test]
#[ignore = "measured in a process of its own, by another test"]
fn memory_in_a_child() {
    within(90, async {
        let (ground, _, _) = served(32 << 20).await;
        let door = Door::open(&ground, Limits { stalled: Duration::from_secs(60), ..Limits::default() });
        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\n\r\n");
        // The blocks that all share are there before it is measured.
        let whole = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
        assert_eq!(door.ask(Ipv4Addr::LOCALHOST, &whole).await.status, 200);
        let before = memory();
        let mut held = Vec::new();
        for number in 0..300_u16 {
            let [high, low] = number.to_be_bytes();
            let mut stream = door.connect(Ipv4Addr::new(127, 1, high, low)).await;
            stream.write_all(request.as_bytes()).await.unwrap();
            // Each at another place of the file.
            let mut some = vec![0; 4096 * usize::from(number % 50 + 1)];
            tokio::time::timeout(LIMIT, stream.read_exact(&mut some)).await.expect("bytes in time").unwrap();
            held.push(stream);
        }
        let each = memory().saturating_sub(before) / 300;
        println!("\nfigure: {each} bytes of memory for a transfer that stands still");
        assert!(each < 96 * 1024, "{each} bytes for each");
    });
}

#[test]
fn five_hundred_phones_make_one_request_outside_and_all_sums_match() {
    within(120, async {
        let (ground, bytes) = (Ground::new(), image(3_000_017));
        let upstream = Upstream::start({
            let bytes = bytes.clone();
            move |_, _| response("200 OK", &format!("Content-Length: {}\r\nETag: \"one\"\r\n", bytes.len()), &bytes)
        })
        .await;
        ground.refer(upstream.at, &bytes).await;
        let door = Arc::new(Door::open(&ground, Limits::default()));
        let sum = sha256(&bytes);
        for round in ["cold", "warm"] {
            let began = Instant::now();
            let phones: Vec<_> = (0..500_u16)
                .map(|number| {
                    let door = Arc::clone(&door);
                    tokio::spawn(async move {
                        let [high, low] = number.to_be_bytes();
                        let request = format!("GET {PATH} HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n");
                        let answer = door.ask(Ipv4Addr::new(127, 2, high, low), &request).await;
                        (answer.status, aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &answer.body))
                    })
                })
                .collect();
            for phone in phones {
                let (status, found) = phone.await.unwrap();
                assert!(status == 200 && found.as_ref() == sum, "{round}: {status}");
            }
            assert_eq!(upstream.asked(), 1, "{round}");
            println!("figure: 500 phones, {round}: {:.2?}", began.elapsed());
        }
    });
}
