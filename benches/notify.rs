//! How long it takes to tell ten thousand phones, a third of which ask for a login and one in twenty of which is
//! silent; and how long two thousand phones wait that ask by SIP multicast within a second.
//!
//! The phones are one socket with an address of the loopback for each. With `--test` there are fewer of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, HashMap};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use block66::brands::{Registry, Told};
use block66::journal::Journal;
use block66::model::{
    Door, Event, FirstContact, Id, Line, Login, Mac, Organisation, Phone, Policy, Reason, Secret, Timestamp,
};
use block66::pki::{Authority, Certificates, Names};
use block66::sip::campaign::{Plan, State};
use block66::sip::{self, Parts, Settings};
use block66::store::{Disk, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, recvmsg, sendmsg, setsockopt, sockopt,
};
use tokio_util::sync::CancellationToken;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);

fn mac(number: u32) -> Mac {
    let [_, a, b, c] = number.to_be_bytes();
    Mac::new([0x80, 0x5e, 0xc0, a, b, c])
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + number)
}

fn phone(number: u32, organisation: Id) -> Phone {
    Phone {
        id: Id::new(START, u128::from(number) + 10),
        version: 0,
        origin: Id::new(START, 1),
        mac: mac(number),
        organisation,
        brand: Some("yealink".into()),
        model: None,
        name: format!("Desk {number}"),
        lines: vec![Line {
            user: number.to_string(),
            auth_user: None,
            password: Secret::new("password"),
            display: String::new(),
            server: "pbx.example.net".into(),
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: block66::model::settings::Settings::default(),
        }],
        group: None,
        settings: block66::model::settings::Settings::default(),
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: START,
    }
}

fn is_silent(number: u32) -> bool {
    number % 20 == 7
}

fn challenges(number: u32) -> bool {
    number.is_multiple_of(3)
}

/// What the phones saw.
#[derive(Default)]
struct Seen {
    repeats: AtomicU64,
    ended: AtomicBool,
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

fn answer(text: &str, status: &str, more: &str) -> String {
    let copied: String =
        ["Via", "From", "To", "Call-ID", "CSeq"].map(|name| format!("{name}: {}\r\n", field(text, name))).concat();
    format!("SIP/2.0 {status}\r\n{copied}{more}Content-Length: 0\r\n\r\n")
}

/// All phones in one thread: each answers from its own address, and fetches at once.
fn play(socket: &UdpSocket, journal: &Journal, clock: &Clock, seen: &Seen) {
    let mut buffer = [0; 4096];
    let mut branches: HashMap<u32, String> = HashMap::new();
    while !seen.ended.load(Ordering::Relaxed) {
        let mut control = nix::cmsg_space!(libc::in_pktinfo);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let Ok(received) =
            recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::empty())
        else {
            continue;
        };
        let info = received.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(info),
            _ => None,
        });
        let (from, length) = (received.address.unwrap(), received.bytes);
        let own = Ipv4Addr::from(info.unwrap().ipi_addr.s_addr.to_ne_bytes());
        let number = u32::from(own) - u32::from(address(0));
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if is_silent(number) {
            continue;
        }
        let branch = field(&text, "Via").to_owned();
        if branches.insert(number, branch.clone()) == Some(branch) {
            seen.repeats.fetch_add(1, Ordering::Relaxed);
        }
        let asks = challenges(number) && !text.contains("Authorization: Digest");
        let reply = if asks {
            answer(
                &text,
                "401 Unauthorized",
                "WWW-Authenticate: Digest realm=\"pbx.example.net\", nonce=\"n\", qop=\"auth\"\r\n",
            )
        } else {
            answer(&text, "200 OK", "")
        };
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(own.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let _ = sendmsg(
            socket.as_raw_fd(),
            &[IoSlice::new(reply.as_bytes())],
            &[ControlMessage::Ipv4PacketInfo(&source)],
            MsgFlags::empty(),
            Some(&from),
        );
        if !asks {
            let fetched =
                Reason::Success { own_file: true, own_login: true, revision: "r".into(), resources: Vec::new() };
            journal.record(
                Event::new(clock.now().wall, Door::Https, fetched).about(mac(number)).from_address(IpAddr::V4(own)),
            );
        }
    }
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

async fn fill(store: &Store, phones: u32, port: u16) {
    let organisation = Organisation {
        id: Id::new(START, 2),
        version: 0,
        origin: Id::new(START, 1),
        name: "Branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("secret") },
        policy: Policy::default(),
        settings: block66::model::settings::Settings::default(),
        created: START,
    };
    let id = organisation.id;
    store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).await.unwrap();
    for first in (0..phones).step_by(250) {
        let mut writes = Vec::new();
        for number in first..(first + 250).min(phones) {
            writes.push(Write::PutPhone { phone: phone(number, id), expect: None });
            let at = SocketAddr::from((address(number), port));
            let value = serde_json::json!({ "proven": { "at": at, "transport": "udp" } });
            writes.push(Write::PutSetting { key: format!("sip.contact.{}", mac(number).plain()), value });
        }
        store.commit(writes).await.unwrap();
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--test");
    let (phones, askers) = if quick { (500, 200) } else { (10_000, 2000) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(phones, askers));
}

async fn measure(phones: u32, askers: u32) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(START);
    let key = Key::new(&[7; 32]);
    let options = Options { directory: directory.path().to_owned(), key, clock: clock.clone(), disk: Disk::default() };
    let (store, _) = Store::open(options).unwrap();
    let (journal, writing) = Journal::open(store.clone()).unwrap();
    let authority = Authority::open(directory.path(), START).unwrap();
    let names = Names { common_name: "bench".into(), dns: Vec::new(), addresses: vec![Ipv4Addr::LOCALHOST.into()] };
    let certificates = Certificates::open(directory.path(), &authority, &names, clock.now()).unwrap();

    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true).unwrap();
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20);
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    fill(&store, phones, socket.local_addr().unwrap().port()).await;
    let seen = Arc::new(Seen::default());
    let player = std::thread::spawn({
        let (journal, clock, seen) = (journal.clone(), clock.clone(), seen.clone());
        move || play(&socket, &journal, &clock, &seen)
    });

    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (sip, orders) = sip::channel();
    let stop = CancellationToken::new();
    let parts = Parts {
        store: store.clone(),
        journal: journal.clone(),
        pairing: block66::pairing::Pairing::new(store.clone(), Id::new(START, 1)),
        registry: Arc::new(Registry::builtin().unwrap()),
        clock,
        networks: Vec::new(),
        http: 80,
        https: 443,
        tls: certificates.server_config(),
        settings: Settings {
            listen: (Ipv4Addr::LOCALHOST, port).into(),
            listen_tls: (Ipv4Addr::LOCALHOST, 0).into(),
            proxy: None,
            registrar: None,
            realms: Vec::new(),
            resync_on_change: None,
        },
        otherwise: Arc::new(BTreeMap::new()),
    };
    let serving = tokio::spawn(sip::serve(parts, Arc::new(tokio::sync::Mutex::new(orders)), stop.clone()));
    let before = resident();

    let silent = (0..phones).filter(|number| is_silent(*number)).count();
    let plan = Plan {
        told: Told::Resync,
        phones: (0..phones).map(mac).collect(),
        at_most: Plan::MOST,
        per_second: 2500,
        between: None,
        stop_above: 100,
    };
    let began = Instant::now();
    let id = sip.begin(plan).await.unwrap();
    let answered = loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let campaign = sip.campaigns().into_iter().find(|campaign| campaign.id == id).unwrap();
        let done = campaign.phones.done;
        if done + silent >= phones as usize || began.elapsed() > Duration::from_secs(40) {
            break (done, began.elapsed());
        }
        assert_ne!(campaign.state, State::Failing);
    };
    let memory = (before, resident());
    let asked = tokio::task::spawn_blocking(move || ask(askers, port)).await.unwrap();

    println!("{:<52} {:>12}", "notify", "");
    println!("{:<52} {:>12}", "phones, of them silent", format!("{phones}, {silent}"));
    println!("{:<52} {:>12}", "re-synced", answered.0);
    println!("{:<52} {:>10.1} s", "until all that answer were done", answered.1.as_secs_f64());
    println!("{:<52} {:>12}", "messages that phones saw twice", seen.repeats.load(Ordering::Relaxed));
    println!(
        "{:<52} {:>9} MB",
        "memory before, most (phones and store among it)",
        format!("{}, {}", memory.0, memory.1)
    );
    println!("{:<52} {:>12}", "phones that asked by multicast within a second", askers);
    println!("{:<52} {:>12}", "of them answered with 200 and NOTIFY", asked.0);
    println!("{:<52} {:>9.0} ms", "the longest that one of them waited for the NOTIFY", asked.1.as_secs_f64() * 1000.0);

    seen.ended.store(true, Ordering::Relaxed);
    player.join().unwrap();
    stop.cancel();
    serving.await.unwrap().unwrap();
    tokio::task::spawn_blocking(move || {
        writing.close();
        store.close();
    })
    .await
    .unwrap();
}

/// Phones that ask, evenly over one second. How many were answered, and the longest wait.
fn ask(askers: u32, port: u16) -> (usize, Duration) {
    let socket = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let _ = socket2::SockRef::from(&*socket).set_recv_buffer_size(8 << 20);
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let own = socket.local_addr().unwrap().port();
    let began = Instant::now();
    let sender = std::thread::spawn({
        let socket = socket.clone();
        move || {
            let mut sent = HashMap::new();
            for number in 0..askers {
                let due = Duration::from_secs(1) * number / askers;
                std::thread::sleep(due.saturating_sub(began.elapsed()));
                let digits = mac(number).plain();
                let question = format!(
                    "SUBSCRIBE sip:MAC{digits}@224.0.1.75 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bKq{number}\r\n\
                     From: <sip:MAC{digits}@224.0.1.75>;tag={number}\r\nTo: <sip:MAC{digits}@224.0.1.75>\r\n\
                     Call-ID: q{number}\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:MAC{digits}@127.0.0.1:{own}>\r\n\
                     Event: ua-profile;profile-type=\"device\";vendor=\"yealink\";model=\"T46U\";version=\"1\"\r\n\
                     Accept: application/url\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"
                );
                sent.insert(format!("q{number}"), Instant::now());
                let _ = socket.send_to(question.as_bytes(), (Ipv4Addr::LOCALHOST, port));
            }
            sent
        }
    });
    let mut told: HashMap<String, Instant> = HashMap::new();
    let mut buffer = [0; 4096];
    while told.len() < askers as usize && began.elapsed() < Duration::from_secs(8) {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if text.starts_with("NOTIFY") {
            let _ = socket.send_to(answer(&text, "200 OK", "").as_bytes(), from);
            told.entry(field(&text, "Call-ID").to_owned()).or_insert_with(Instant::now);
        }
    }
    let sent = sender.join().unwrap();
    let waits = told.iter().filter_map(|(call, at)| Some(at.duration_since(*sent.get(call)?)));
    (told.len(), waits.max().unwrap_or_default())
}
