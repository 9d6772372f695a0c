//! What a listener bears, over real sockets on the loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use block66::http::listeners::{self, Entrance};
use block66::http::{Limits, Peer, Service, Workers, body};
use block66::model::Timestamp;
use block66::sys::clock::Clock;
use block66::sys::sockets::connections;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// A listener on the loopback.
pub(crate) struct Listener {
    pub(crate) at: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Listener {
    fn plain(service: Service, limits: Limits) -> Self {
        let clock = Clock::new(Timestamp::default());
        Self::start(Entrance { service, tls: None, limits, clock, workers: Workers::here() })
    }

    pub(crate) fn start(entrance: Entrance) -> Self {
        let socket = connections((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let at = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(listeners::serve(socket, entrance, stop.clone()));
        Self { at, stop, served }
    }

    pub(crate) async fn connect(&self, from: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::from(from), 0).into()).unwrap();
        soon("connect", socket.connect(self.at)).await.unwrap()
    }

    /// Sends bytes as they are and reads until the listener closes.
    pub(crate) async fn raw(&self, from: [u8; 4], bytes: &[u8]) -> String {
        let mut stream = self.connect(from).await;
        // The listener may close before it has read all.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = soon("an answer", stream.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn lives(&self) {
        let answer = self.raw([127, 0, 0, 9], b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        soon("the listener ends", self.served).await.unwrap().unwrap();
    }
}

/// Says what was asked for.
fn echo() -> Service {
    Arc::new(|request: Request<Incoming>, peer: Peer| {
        Box::pin(async move { Response::new(body(format!("{} {} {}", request.method(), request.uri(), peer.address))) })
    })
}

fn impatient() -> Limits {
    Limits { head: Duration::from_secs(1), stalled: Duration::from_secs(1), ..Limits::default() }
}

#[tokio::test]
async fn old_and_untidy_clients_are_answered() {
    let listener = Listener::plain(echo(), Limits::default());
    for (sent, expected) in [
        ("GET /a HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK\r\n"),
        ("GET /a HTTP/1.1\nConnection: close\n\n", "HTTP/1.1 200 OK\r\n"),
        ("\r\n\r\nGET //a HTTP/1.1\r\nHost : box\r\nX: a\r\n b\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        ("GET  /a  HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
        ("GET http://10.66.0.1/a HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n"),
    ] {
        let answer = listener.raw([127, 0, 0, 1], sent.as_bytes()).await;
        assert!(answer.starts_with(expected), "{sent}: {answer}");
        assert!(answer.contains("\r\nDate: "), "{answer}");
        assert!(answer.ends_with("127.0.0.1"), "{answer}");
    }
    listener.end().await;
}

#[tokio::test]
async fn several_requests_share_a_connection_until_it_idles() {
    let listener = Listener::plain(echo(), impatient());
    let mut stream = listener.connect([127, 0, 0, 1]).await;
    for round in 0..3 {
        stream.write_all(format!("GET /{round} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"127.0.0.1") {
            soon("an answer", stream.read_buf(&mut answer)).await.unwrap();
        }
        assert!(String::from_utf8_lossy(&answer).contains(&format!("GET /{round} ")));
    }
    assert_eq!(soon("it is closed", stream.read(&mut [0; 64])).await.unwrap(), 0);
    listener.end().await;
}

#[tokio::test]
async fn a_slow_head_is_cut_off_however_it_drips() {
    let listener = Listener::plain(echo(), impatient());
    let mut stream = listener.connect([127, 0, 0, 1]).await;
    let drip = async {
        stream.write_all(b"GET / HTTP/1.1\r\n").await?;
        loop {
            stream.write_all(b"X: y\r\n").await?;
            // Waits for the listener to hang up, or a while.
            if let Ok(read) = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 512])).await {
                return read;
            }
        }
    };
    let ended = soon("it is cut off", drip).await;
    assert!(matches!(ended, Ok(0) | Err(_)) || ended.is_ok_and(|read| read > 0), "closed, or told so");
    listener.lives().await;
    listener.end().await;
}

#[tokio::test]
async fn a_head_of_a_megabyte_is_refused() {
    let listener = Listener::plain(echo(), Limits::default());
    let big = "a".repeat(1 << 20);
    for request in [
        format!("GET /x HTTP/1.1\r\nX: {big}\r\n\r\n"),
        format!("GET /{big} HTTP/1.1\r\n\r\n"),
        format!("GET /x HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(1 << 17)),
        big,
    ] {
        let answer = listener.raw([127, 0, 0, 1], request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{}", &answer[..answer.len().min(200)]);
    }
    listener.lives().await;
    listener.end().await;
}

#[tokio::test]
async fn noise_is_refused() {
    let listener = Listener::plain(echo(), impatient());
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\0\0\0\0\0\0",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ] {
        let answer = listener.raw([127, 0, 0, 1], noise).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{noise:?}: {answer}");
        listener.lives().await;
    }
    listener.end().await;
}

#[tokio::test]
async fn ten_thousand_idle_connections_of_one_source_leave_room_for_others() {
    let listener = Listener::plain(echo(), Limits { head: Duration::from_secs(60), ..Limits::default() });
    let mut idle = Vec::new();
    for _ in 0..10_000 {
        idle.push(listener.connect([127, 0, 0, 2]).await);
    }
    listener.lives().await;
    let mut held = 0;
    for stream in &mut idle {
        // Those beyond its share were closed: reading ends at once.
        if tokio::time::timeout(Duration::from_millis(1), stream.read(&mut [0; 1])).await.is_err() {
            held += 1;
        }
    }
    assert_eq!(held, Limits::default().per_source);
    drop(idle);
    let again =
        async { while !listener.raw([127, 0, 0, 2], b"GET / HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200") {} };
    soon("the source is let in again", again).await;
    listener.end().await;
}

#[tokio::test]
async fn idle_connections_of_many_sources_cost_little() {
    let limits = Limits { head: Duration::from_secs(60), ..Limits::default() };
    let listener = Listener::plain(echo(), limits);
    listener.lives().await;
    let before = resident();
    let mut idle = Vec::new();
    for number in 0..4000 {
        let mut stream = listener.connect([127, 0, 1, u8::try_from(number % 250).unwrap()]).await;
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        idle.push(stream);
    }
    listener.lives().await;
    let each = resident().saturating_sub(before) / 4000;
    println!("4,000 connections with half a head each: {each} bytes of memory each");
    assert!(each < 64 * 1024, "{each} bytes");
    drop(idle);
    listener.end().await;
}

/// Memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_client_that_stops_reading_is_let_go() {
    let service: Service = Arc::new(|_, _| Box::pin(async { Response::new(body(vec![0; 64 << 20])) }));
    let listener = Listener::plain(service, impatient());
    let mut stream = listener.connect([127, 0, 0, 1]).await;
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut first = [0; 1024];
    soon("it begins", stream.read_exact(&mut first)).await.unwrap();
    // The rest is never read: after a second without progress the connection goes, and the socket breaks.
    let broken = async {
        loop {
            if stream.write_all(b"x").await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon("it is let go", broken).await;
    listener.end().await;
}

#[tokio::test]
async fn a_stop_lets_requests_under_way_end() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (began, wait) = (begun.clone(), go_on.clone());
    let service: Service = Arc::new(move |_, _| {
        let (began, wait) = (began.clone(), wait.clone());
        Box::pin(async move {
            began.notify_one();
            wait.notified().await;
            Response::new(body("whole"))
        })
    });
    let listener = Listener::plain(service, Limits::default());
    let mut idle = listener.connect([127, 0, 0, 1]).await;
    let mut busy = listener.connect([127, 0, 0, 1]).await;
    busy.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    soon("the request is under way", begun.notified()).await;
    listener.stop.cancel();
    assert_eq!(soon("the idle one is closed", idle.read(&mut [0; 1])).await.unwrap(), 0);
    go_on.notify_one();
    let mut answer = String::new();
    soon("the answer", busy.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.ends_with("whole"), "{answer}");
    let at = listener.at;
    listener.end().await;
    assert!(TcpStream::connect(at).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let service: Service = Arc::new(|_, _| Box::pin(std::future::pending()));
    let limits = Limits { drain: Duration::from_millis(200), ..Limits::default() };
    let listener = Listener::plain(service, limits);
    let mut busy = listener.connect([127, 0, 0, 1]).await;
    busy.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    listener.end().await;
    let _ = soon("it is cut off", busy.read(&mut [0; 1])).await;
}
