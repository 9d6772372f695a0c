//! The part as phones meet it: over loopback, with a real store, and with leases in place of a neighbour table.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use block66::brands::{Registry, Told};
use block66::journal::Journal;
use block66::model::settings::Settings as Set;
use block66::model::{
    Door, Event, FirstContact, Group, Id, Journey, Lease, LeaseState, Line, Login, Mac, Organisation, Phone, Policy,
    Reason, Scope, Secret, Timestamp, Via,
};
use block66::pairing::{Pairing, Window};
use block66::pki::{Authority, Certificates, Names};
use block66::sip::campaign::Tally;
use block66::sip::{self, Parts, Settings, Sip, serve};
use block66::store::{Disk, EventFilter, Key, Options, Store, Write};
use block66::sys::clock::Clock;
use rustls::ServerConfig;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

const START: Timestamp = Timestamp::from_secs(1_790_000_000);
const PATIENCE: Duration = Duration::from_secs(20);

struct Ground {
    store: Store,
    journal: Journal,
    sip: Sip,
    port: u16,
    stop: CancellationToken,
    _directory: tempfile::TempDir,
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn now() -> Timestamp {
    Clock::new(START).now().wall
}

fn mac(last: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, last])
}

fn organisation() -> Organisation {
    Organisation {
        id: Id::new(START, 1),
        version: 0,
        origin: Id::new(START, 9),
        name: "Branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("password") },
        policy: Policy::default(),
        settings: Set::default(),
        created: START,
    }
}

fn group() -> Group {
    Group {
        id: Id::new(START, 5),
        version: 0,
        origin: Id::new(START, 9),
        organisation: organisation().id,
        name: "Hall".into(),
        scope: Scope::Members,
        settings: Set::default(),
        created: START,
    }
}

fn phone(last: u8) -> Phone {
    Phone {
        id: Id::new(START, 100 + u128::from(last)),
        version: 0,
        origin: Id::new(START, 9),
        mac: mac(last),
        organisation: organisation().id,
        brand: Some("yealink".into()),
        model: None,
        name: format!("Desk {last}"),
        lines: vec![Line {
            user: format!("20{last}"),
            auth_user: None,
            password: Secret::new("line-password"),
            display: String::new(),
            server: String::new(),
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Set::default(),
        }],
        group: None,
        settings: Set::default(),
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: START,
    }
}

/// The address is leased to the phone.
fn lease(last: u8, address: Ipv4Addr) -> Write {
    let lease = Lease {
        address,
        mac: mac(last),
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: now().plus(Duration::from_secs(86_400)),
        seconds_left: 86_400,
        via: Via::Wire,
    };
    Write::PutLease { network: "office".into(), lease }
}

/// A phone that fetched its files once and listens there.
fn at(last: u8, socket: &UdpSocket) -> Vec<Write> {
    let journey = Journey { revision: Some("one".into()), ..Journey::default() };
    let value = serde_json::json!({ "proven": { "at": socket.local_addr().unwrap(), "transport": "udp" } });
    vec![
        Write::PutJourney { mac: mac(last), journey },
        Write::PutSetting { key: format!("sip.contact.{}", mac(last).plain()), value },
    ]
}

async fn ground(writes: Vec<Write>) -> Ground {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(START);
    let options = Options {
        directory: directory.path().to_owned(),
        key: Key::new(&[7; 32]),
        clock: clock.clone(),
        disk: Disk::default(),
    };
    let (store, _) = Store::open(options).unwrap();
    store.commit(vec![Write::PutOrganisation { organisation: organisation(), expect: None }]).await.unwrap();
    store.commit(writes).await.unwrap();
    let (journal, _) = Journal::open(store.clone()).unwrap();
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let parts = Parts {
        store: store.clone(),
        journal: journal.clone(),
        pairing: Pairing::new(store.clone(), Id::new(START, 9)),
        registry: Arc::new(Registry::builtin().unwrap()),
        clock,
        networks: Vec::new(),
        http: 80,
        https: 443,
        tls: tls(directory.path()),
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
    let (sip, orders) = sip::channel();
    let serving = serve(parts, Arc::new(Mutex::new(orders)), stop.clone());
    tokio::spawn(async move { serving.await.unwrap() });
    Ground { store, journal, sip, port, stop, _directory: directory }
}

fn tls(directory: &Path) -> Arc<ServerConfig> {
    let authority = Authority::open(directory, START).unwrap();
    let names = Names { common_name: "box".into(), dns: Vec::new(), addresses: vec![Ipv4Addr::LOCALHOST.into()] };
    let now = Clock::new(START).now();
    Certificates::open(directory, &authority, &names, now).unwrap().server_config()
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// The next datagram; none within the socket's time.
async fn next(socket: &UdpSocket) -> Option<String> {
    let socket = socket.try_clone().unwrap();
    let received = tokio::task::spawn_blocking(move || {
        let mut buffer = [0; 4096];
        let length = socket.recv_from(&mut buffer).ok()?.0;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    received.await.unwrap()
}

fn question(last: u8) -> String {
    let digits = mac(last).plain();
    format!(
        "SUBSCRIBE sip:MAC{digits}@224.0.1.75 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5059;branch=z9hG4bK{last};rport\r\n\
         From: <sip:MAC{digits}@224.0.1.75>;tag=1\r\nTo: <sip:MAC{digits}@224.0.1.75>\r\nCall-ID: {last}\r\n\
         CSeq: 1 SUBSCRIBE\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\n\
         Event: ua-profile;profile-type=\"device\";vendor=\"yealink\";model=\"T46U\";version=\"108.86.0.20\"\r\n\
         Accept: application/url\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_window_is_open_a_phone_that_asks_is_put_on_the_list_and_told() {
    let ground = ground(vec![lease(1, Ipv4Addr::LOCALHOST)]).await;
    let pairing = Pairing::new(ground.store.clone(), Id::new(START, 9));
    let window = Window {
        opened: Some(Timestamp::default()),
        guests: Window::GUESTS,
        until: now().plus(Window::USUAL),
        organisation: organisation().id,
        group: None,
        free_lines: Vec::new(),
    };
    pairing.open(&window).await.unwrap();
    let socket = socket();
    // Somebody who poses as another is left alone, window or not.
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        socket.send_to(question(2).as_bytes(), (Ipv4Addr::LOCALHOST, ground.port)).unwrap();
        let events = ground.store.events(&EventFilter { mac: Some(mac(2)), after: None, limit: 10 });
        if events.iter().any(|(_, event)| matches!(event.reason, Reason::MacMismatch { .. })) {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{events:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(ground.store.listed(mac(2)).is_none());
    socket.send_to(question(1).as_bytes(), (Ipv4Addr::LOCALHOST, ground.port)).unwrap();
    let accepted = next(&socket).await.unwrap();
    assert!(accepted.starts_with("SIP/2.0 200 OK"), "{accepted}");
    let notify = next(&socket).await.unwrap();
    assert!(notify.starts_with("NOTIFY ") && notify.ends_with("http://127.0.0.1/p/"), "{notify}");
    let listed = ground.store.phone_by_mac(mac(1)).unwrap();
    assert_eq!((listed.brand.as_deref(), listed.model.as_deref()), (Some("yealink"), Some("T46U")));
    assert_eq!(pairing.waiting(), [], "this handle was told of nobody");
}

/// Waits until the part speaks: from that moment on it hears of what changes.
async fn speaks(ground: &Ground) {
    let answered = socket();
    let until = tokio::time::Instant::now() + PATIENCE;
    answered.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let options = "OPTIONS sip:box SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKo;rport\r\nFrom: <sip:a@b>;tag=1\r\n\
        To: <sip:box>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    loop {
        answered.send_to(options.as_bytes(), (Ipv4Addr::LOCALHOST, ground.port)).unwrap();
        if next(&answered).await.is_some() {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "it does not speak");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_phones_that_change_together_are_told_one_after_another() {
    let phones = socket();
    let put = |last| Write::PutPhone { phone: phone(last), expect: None };
    let ground = ground((1..=6).flat_map(|last| [vec![put(last)], at(last, &phones)].concat()).collect()).await;
    speaks(&ground).await;
    for last in 1..=6 {
        ground.journal.record(Event::new(now(), Door::Admin, Reason::PhoneChanged).about(mac(last)));
    }
    let until = tokio::time::Instant::now() + PATIENCE;
    let campaigns = loop {
        let campaigns = ground.sip.campaigns();
        if !campaigns.is_empty() {
            break campaigns;
        }
        assert!(tokio::time::Instant::now() < until, "no campaign begins");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let of = |tally: Tally| tally.waiting + tally.running + tally.done + tally.failed;
    assert_eq!(campaigns.iter().map(|campaign| of(campaign.phones)).collect::<Vec<_>>(), [6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_phones_share_are_told_to_those_whose_settings_want_that() {
    let (wants, does_not) = (socket(), socket());
    let told_at_once = |phone: Phone, group| Phone { group, ..phone };
    let own = group();
    let mut writes = vec![
        Write::PutGroup { group: own.clone(), expect: None },
        Write::PutPhone { phone: told_at_once(phone(1), None), expect: None },
        Write::PutPhone { phone: told_at_once(phone(2), Some(own.id)), expect: None },
    ];
    writes.extend(at(1, &wants));
    writes.extend(at(2, &does_not));
    let ground = ground(writes).await;
    speaks(&ground).await;
    let settings = Set::NONE.with("provisioning.resync_on_change", "no").unwrap();
    ground.store.commit(vec![Write::PutGroup { group: Group { settings, ..own }, expect: None }]).await.unwrap();
    let settings = Set::NONE.with("screen.title", "Branch").unwrap();
    let organisation = Organisation { settings, ..organisation() };
    ground.store.commit(vec![Write::PutOrganisation { organisation, expect: None }]).await.unwrap();
    let notify = next(&wants).await.unwrap();
    assert!(notify.starts_with("NOTIFY sip:201@127.0.0.1:"), "{notify}");
    assert!(notify.contains("\r\nEvent: check-sync"), "{notify}");
    does_not.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert_eq!(next(&does_not).await, None);
}

/// Answers a request as a phone does.
fn answer(ground: &Ground, socket: &UdpSocket, request: &str, status: &str) {
    let copied = request.lines().filter(|line| {
        ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|name| line.starts_with(&format!("{name}: ")))
    });
    let copied: String = copied.map(|line| format!("{line}\r\n")).collect();
    let answer = format!("SIP/2.0 {status}\r\n{copied}Content-Length: 0\r\n\r\n");
    socket.send_to(answer.as_bytes(), (Ipv4Addr::LOCALHOST, ground.port)).unwrap();
}

/// Has the first phone told, as soon as that can be.
async fn tell(ground: &Ground) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while ground.sip.tell(mac(1), Told::Resync).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "it does not run, or is busy");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a socket gets that is told, and asks for the login of the line in its very realm.
async fn harvest(ground: &Ground, socket: &UdpSocket) -> Option<String> {
    tell(ground).await;
    let notify = next(socket).await.unwrap();
    let challenge = "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"pbx.example.net\", nonce=\"n\"";
    answer(ground, socket, &notify, challenge);
    loop {
        match next(socket).await {
            // The same once more, sent before the answer came in.
            Some(text) if text == notify => {}
            other => return other,
        }
    }
}

fn with_a_server(last: u8) -> Write {
    let mut phone = phone(last);
    phone.lines[0].server = "pbx.example.net".into();
    Write::PutPhone { phone, expect: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_behind_a_router_nobody_is_the_phone_because_he_says_so() {
    let ground = ground(vec![with_a_server(1)]).await;
    let socket = socket();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let until = tokio::time::Instant::now() + PATIENCE;
    let notify = loop {
        match next(&socket).await {
            Some(notify) if notify.starts_with("NOTIFY ") => break notify,
            Some(accepted) => assert!(accepted.starts_with("SIP/2.0 200 OK"), "{accepted}"),
            None => drop(socket.send_to(question(1).as_bytes(), (Ipv4Addr::LOCALHOST, ground.port)).unwrap()),
        }
        assert!(tokio::time::Instant::now() < until, "it is not answered");
    };
    answer(&ground, &socket, &notify, "200 OK");
    loop {
        let events = ground.store.events(&EventFilter { mac: Some(mac(1)), after: None, limit: 10 });
        if events.iter().any(|(_, event)| matches!(event.reason, Reason::PnpAnswered { .. })) {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{events:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tell(&ground).await;
    let telling = ground.sip.telling(mac(1)).unwrap();
    assert_eq!(telling.code.as_deref(), Some("sip.no-address"), "{telling:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_router_a_challenge_is_answered_where_the_phone_has_proven_to_be() {
    let socket = socket();
    let ground = ground([vec![with_a_server(1)], at(1, &socket)].concat()).await;
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    assert_eq!(harvest(&ground, &socket).await, None, "nothing says that the phone is there");
    let telling = ground.sip.telling(mac(1)).unwrap();
    assert_eq!(telling.code.as_deref(), Some("sip.login-unproven"), "{telling:?}");
    let fetch = async |door| {
        let reason = Reason::Success { own_file: true, own_login: true, revision: "one".into(), resources: Vec::new() };
        let event = Event::new(now(), door, reason).about(mac(1));
        ground.journal.record(event.from_address(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)));
        // It is heard of within a tenth of a second.
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    fetch(Door::Http).await;
    assert_eq!(harvest(&ground, &socket).await, None, "somebody on the way may have taken part");
    fetch(Door::Https).await;
    let answered = harvest(&ground, &socket).await.unwrap();
    assert!(answered.contains("\r\nAuthorization: Digest username=\"201\""), "{answered}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_remembered_without_proof_is_not_read() {
    let poisoned = socket();
    let value = serde_json::json!({ "at": poisoned.local_addr().unwrap(), "transport": "udp" });
    let old = Write::PutSetting { key: format!("sip.contact.{}", mac(1).plain()), value };
    let ground = ground(vec![with_a_server(1), old]).await;
    tell(&ground).await;
    let telling = ground.sip.telling(mac(1)).unwrap();
    assert_eq!(telling.code.as_deref(), Some("sip.no-address"), "{telling:?}");
}
