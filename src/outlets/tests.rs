//! Outlets over real sockets of the loopback.

use std::io::{Read, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_util::sync::CancellationToken;

mod mail;

use super::*;
use crate::model::{Door, Event, Timestamp};
use crate::store::samples;

const LIMIT: Duration = Duration::from_secs(20);
const PHONE: Mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);

struct Ground {
    outlets: Outlets,
    journal: Journal,
    stop: CancellationToken,
    alarm: Arc<Mutex<Vec<Reason>>>,
    _directory: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_800_000_000));
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        let (journal, _) = Journal::open(store.clone()).unwrap();
        let alarm = Arc::new(Mutex::new(Vec::new()));
        let stands = alarm.clone();
        let outlets = Outlets::new(Foundations {
            store,
            journal: journal.clone(),
            clock,
            name: "box.lan".into(),
            alarms: Arc::new(move || stands.lock().unwrap().clone()),
            phone_at: Arc::new(|address| address.is_loopback().then_some(PHONE)),
        });
        Self { outlets, journal, stop: CancellationToken::new(), alarm, _directory: directory }
    }

    async fn set(&self, settings: &str) {
        let settings: Settings = serde_json::from_str(settings).unwrap();
        settings.check().unwrap();
        self.outlets.set(settings).await.unwrap();
    }

    async fn serve(&self, settings: &str) {
        self.set(settings).await;
        let (outlets, stop) = (self.outlets.clone(), self.stop.clone());
        tokio::spawn(async move { outlets.run(stop).await });
        // It listens to the journal from its first turn on.
        self.until("is told of something", |counts| {
            self.say("first");
            counts.events.contains_key("http.render-failed")
        })
        .await;
    }

    fn say(&self, what: &str) {
        let reason = Reason::RenderFailed { what: format!("{what} {:?}", Instant::now()) };
        self.journal.record(Event::new(Timestamp::from_secs(1_800_000_000), Door::Http, reason));
    }

    async fn until(&self, what: &str, enough: impl Fn(&Counts) -> bool) {
        let until = Instant::now() + LIMIT;
        while !enough(&self.outlets.counts()) {
            assert!(Instant::now() < until, "{what}: {:?}", self.outlets.counts());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The next octet-counted message (RFC 6587 section 3.4.1).
fn counted(from: &mut impl Read) -> String {
    let mut length = String::new();
    loop {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        match byte[0] {
            b' ' => break,
            digit => length.push(char::from(digit)),
        }
    }
    let mut message = vec![0; length.parse().unwrap()];
    from.read_exact(&mut message).unwrap();
    String::from_utf8(message).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_reach_collectors_over_udp_tcp_and_tls() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(LIMIT)).unwrap();
    let (tcp, tls) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().self_signed(&key).unwrap();
    let settings = serde_json::json!({
        "syslog": [
            { "host": "127.0.0.1", "port": udp.local_addr().unwrap().port() },
            { "host": "127.0.0.1", "port": tcp.local_addr().unwrap().port(), "transport": "tcp" },
            { "host": "127.0.0.1", "port": tls.local_addr().unwrap().port(), "transport": "tls" },
        ],
        "authorities": certificate.pem(),
    });
    let by_tcp = std::thread::spawn(move || {
        let (mut stream, _) = tcp.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        // The first connection is lost: what is said after it comes by another one.
        let first = counted(&mut stream);
        drop(stream);
        let (mut stream, _) = tcp.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        (first, counted(&mut stream))
    });
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let by_tls = std::thread::spawn(move || {
        let (stream, _) = tls.accept().unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut secured = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::new(config)).unwrap(), stream);
        counted(&mut secured)
    });
    let ground = Ground::new();
    ground.serve(&settings.to_string()).await;
    let mut buffer = [0; 4096];
    let length = udp.recv(&mut buffer).unwrap();
    let datagram = String::from_utf8_lossy(&buffer[..length]).into_owned();
    let until = Instant::now() + LIMIT;
    while !by_tcp.is_finished() || !by_tls.is_finished() {
        assert!(Instant::now() < until, "{:?}", ground.outlets.counts());
        ground.say("again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (first, second) = by_tcp.join().unwrap();
    for message in [datagram, first, second, by_tls.join().unwrap()] {
        assert!(
            message.starts_with("<132>1 20") && message.contains(" box.lan block66 - http.render-failed - "),
            "{message}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_is_told_again_and_one_that_refuses_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let answers = ["503 No", "200 OK", "410 Gone", "204 Good"];
    let server = std::thread::spawn(move || {
        answers.map(|answer| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            let mut request = Vec::new();
            let whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).into_owned();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length: usize =
                    head.to_lowercase().split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
                (body.len() == length).then(|| body.to_owned())
            };
            let body = loop {
                let mut piece = [0; 1024];
                let read = stream.read(&mut piece).unwrap();
                request.extend(&piece[..read]);
                if let Some(body) = whole(&request) {
                    break body;
                }
            };
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            serde_json::from_str::<serde_json::Value>(&body).unwrap()
        })
    });
    let ground = Ground::new();
    let hook = serde_json::json!({ "webhooks": [{ "url": format!("http://{at}/x?key=secret"), "alarms": true }] });
    ground.serve(&hook.to_string()).await;
    let sent = |counts: &Counts| counts.targets.values().next().copied().unwrap_or_default();
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("the alarm is told", |counts| sent(counts).sent == 1).await;
    ground.alarm.lock().unwrap().clear();
    ground.until("its end is refused", |counts| sent(counts).dropped == 1).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "hall".into() });
    ground.until("the next is told", |counts| sent(counts).sent == 2).await;
    let told = server.join().unwrap();
    assert_eq!(told[0], told[1], "the same again");
    assert_eq!(told.map(|told| told["kind"].as_str().unwrap().to_owned()), ["alarm", "alarm", "alarm-over", "alarm"]);
    assert_eq!(sent(&ground.outlets.counts()), Sent { sent: 2, dropped: 1, failed: 1 });
    assert!(!format!("{:?}", ground.outlets.counts()).contains("secret"), "its URL is not shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_nobody_anything() {
    let ground = Ground::new();
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    ground.serve(&format!(r#"{{"syslog":[{{"host":"127.0.0.1","port":{port},"transport":"tcp"}}]}}"#)).await;
    let until = Instant::now() + LIMIT;
    let dropped = || ground.outlets.counts().targets.values().map(|sent| sent.dropped).sum::<u64>();
    while dropped() == 0 {
        assert!(Instant::now() < until, "{:?}", ground.outlets.counts());
        for number in 0..200 {
            ground.say(&number.to_string());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_lines_are_kept_with_their_phone() {
    let ground = Ground::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    ground.serve(&format!(r#"{{"phone_log_port":{port}}}"#)).await;
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    ground
        .until("a line is kept", |counts| {
            // A port that nobody has opened yet is no failure of a datagram's.
            let _ = phone.send_to(b"<131>SIP: registration failed", ("127.0.0.1", port));
            counts.lines > 0
        })
        .await;
    let line = ground.outlets.phone_log(PHONE).remove(0);
    assert_eq!((line.severity, line.text.as_str()), (Some(3), "SIP: registration failed"));
    assert_eq!(ground.outlets.phone_log(Mac::new([2; 6])), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_twice_at_once_is_told() {
    let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
    collector.set_read_timeout(Some(LIMIT)).unwrap();
    let ground = Ground::new();
    let port = collector.local_addr().unwrap().port();
    ground.serve(&format!(r#"{{"syslog":[{{"host":"127.0.0.1","port":{port}}}]}}"#)).await;
    for _ in 0..3 {
        let reason = Reason::RenderFailed { what: "burst".into() };
        ground.journal.record(Event::new(Timestamp::from_secs(1_800_000_000), Door::Http, reason));
    }
    let mut message = [0; 2048];
    while !String::from_utf8_lossy(&message).contains("burst") {
        message.fill(0);
        collector.recv(&mut message).expect("the burst is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_new_is_told_what_stands_and_who_stays_goes_on() {
    let ground = Ground::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hook = |at: std::net::SocketAddr| {
        format!(r#"{{"webhooks":[{{"url":"http://{at}/x","alarms":true}}],"phone_log_port":{port}}}"#)
    };
    ground.serve(&hook(gone)).await;
    ground.alarm.lock().unwrap().push(Reason::PoolExhausted { network: "office".into() });
    ground.until("nobody is there", |counts| counts.targets.values().any(|sent| sent.failed > 0)).await;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let mut read = 0;
        while !String::from_utf8_lossy(&request[..read]).contains("office") {
            read += stream.read(&mut request[read..]).unwrap();
        }
        stream.write_all(b"HTTP/1.1 204 Good\r\nConnection: close\r\n\r\n").unwrap();
    });
    ground.set(&hook(taken)).await;
    ground.until("the alarm is told", |counts| counts.targets.values().any(|sent| sent.sent == 1)).await;
    server.join().unwrap();

    // The port of phones' own lines was never given up.
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    for number in 1..=5 {
        ground.set(&hook(if number % 2 == 0 { taken } else { gone })).await;
        phone.send_to(b"<131>SIP: registration failed", ("127.0.0.1", port)).expect("somebody listens");
        ground.until("the line is kept", |counts| counts.lines == number).await;
    }
}
