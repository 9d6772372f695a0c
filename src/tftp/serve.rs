use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::net::UdpSocket;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::payload::Payload;
use super::receive;
use super::socket::{self, Received};
use super::terms::Terms;
use super::transfer::{self, Heard, Line, Way};
use super::wire::{self, Packet, Refusal, Request};

/// Errors in a row after which the socket is given up.
const MOST_ERRORS: u32 = 32;
/// Packets of one client that wait for its transfer, where all share one port.
const INBOX: usize = 16;
/// How long a client that asks anew from a port of a transfer was silent there at least: it lost power in between. A
/// request that the line doubled or held up comes sooner.
const AWAY: Duration = Duration::from_secs(2);

/// A request for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Its name, as sent.
    pub name: String,
    /// Who asks.
    pub address: IpAddr,
    /// The address of ours that was asked, where that is known.
    pub local: Option<IpAddr>,
}

/// What is answered.
pub enum Answer {
    /// This file.
    File(Payload),
    /// No file, and why.
    Refused(Refusal),
}

/// What a name means, and whether the asker may have it.
pub type Files = Arc<dyn Fn(Ask) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Keeps a file that somebody leaves, if they may.
pub type Keep = Arc<dyn Fn(Ask, Vec<u8>) -> BoxFuture<'static, Result<(), Refusal>> + Send + Sync>;

/// How much the door takes on. Beyond that the transfer gives way that waits for its first acknowledgement for the
/// longest time: of requests that come in forged names none is ever acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transfers at once.
    pub transfers: usize,
    /// Transfers at once to one address.
    pub per_source: usize,
    /// Files on their way to the box at once, each of them in memory.
    pub uploads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { transfers: 512, per_source: 8, uploads: 16 }
    }
}

/// What the door stands on.
#[derive(Clone)]
pub struct Door {
    /// What is served.
    pub files: Files,
    /// What becomes of files that are left.
    pub keep: Keep,
    /// Whether files may be left at all.
    pub takes: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Whom it is served to; others get no answer.
    pub serves: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
    /// How much it takes on.
    pub limits: Limits,
    /// Whether transfers stay on the port that was asked, for firewalls that know no better.
    pub single_port: Arc<dyn Fn() -> bool + Send + Sync>,
}

/// A transfer under way.
struct UnderWay {
    /// Which one it is, counted from the first.
    number: u64,
    /// The way to it, where all share one port.
    inbox: Option<mpsc::Sender<Vec<u8>>>,
    heard: Heard,
    stop: CancellationToken,
}

/// The transfers of one door, by client.
#[derive(Default)]
struct Transfers {
    under_way: HashMap<SocketAddr, UnderWay>,
    begun: u64,
}

#[derive(Clone, Default)]
struct Table(Arc<Mutex<Transfers>>);

/// A transfer's place in the table.
struct Place {
    table: Table,
    peer: SocketAddr,
    number: u64,
    heard: Heard,
    stop: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut transfers = self.table.lock();
        // Another one may have it by now.
        if transfers.under_way.get(&self.peer).is_some_and(|it| it.number == self.number) {
            transfers.under_way.remove(&self.peer);
        }
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Transfers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transfers {
    /// Makes room for one more of `peer`, if that can be.
    fn make_room(&mut self, limits: Limits, peer: SocketAddr) -> bool {
        // It has started anew, and knows nothing of the one before.
        self.end(peer);
        let of_source = self.under_way.keys().filter(|other| other.ip() == peer.ip()).count() >= limits.per_source;
        if !of_source && self.under_way.len() < limits.transfers {
            return true;
        }
        let strangers = self
            .under_way
            .iter()
            .filter(|(other, it)| it.heard.silence().is_none() && (!of_source || other.ip() == peer.ip()));
        let oldest = strangers.min_by_key(|(_, it)| it.number).map(|(other, _)| *other);
        oldest.is_some_and(|oldest| self.end(oldest))
    }

    /// Ends the transfer of `peer`, if there is one.
    fn end(&mut self, peer: SocketAddr) -> bool {
        let ended = self.under_way.remove(&peer);
        ended.inspect(|it| it.stop.cancel()).is_some()
    }
}

/// Serves files on `socket` for as long as it is polled; drop it to stop.
///
/// # Errors
/// When the socket fails again and again. A single error, as ICMP brings them, is anybody's doing and ends nothing.
pub async fn serve(socket: UdpSocket, door: Door) -> io::Result<()> {
    let socket = Arc::new(socket);
    let (table, room) = (Table::default(), Arc::new(Semaphore::new(door.limits.uploads)));
    let mut transfers = JoinSet::new();
    let mut buffer = vec![0; 2048];
    let mut errors = 0;
    loop {
        let received = match socket::receive(&socket, &mut buffer).await {
            Ok(received) => received,
            Err(error) if errors < MOST_ERRORS => {
                errors += 1;
                tracing::debug!(%error, "receiving on the TFTP port");
                continue;
            }
            Err(error) => return Err(error),
        };
        errors = 0;
        while transfers.try_join_next().is_some() {}
        let Received { length, from, to } = received;
        if !(door.serves)(from.ip()) {
            continue;
        }
        let Some(packet) = buffer.get(..length) else { continue };
        if let Some(under_way) = table.lock().under_way.get(&from) {
            let is_request = matches!(packet, [0, 1 | 2, ..]);
            // A request that came twice, or what belongs to a transfer on this port.
            if !(is_request && under_way.heard.silence().is_some_and(|silence| silence >= AWAY)) {
                if let Some(inbox) = &under_way.inbox {
                    let _ = inbox.try_send(packet.to_vec());
                }
                continue;
            }
        }
        let request = match Packet::read(packet) {
            Ok(Packet::Read(request)) if length <= wire::LONGEST_REQUEST => Wish::Read(request),
            Ok(Packet::Write(request)) if length <= wire::LONGEST_REQUEST && (door.takes)() => Wish::Write(request),
            Ok(Packet::Write(_)) => {
                refuse(&socket, from, Refusal::NotAllowed).await;
                continue;
            }
            // Of a transfer that is over. An error is never answered (RFC 1350 section 7).
            Ok(Packet::Acknowledged(_) | Packet::Error { .. }) => continue,
            Ok(Packet::Read(_)) | Err(_) => {
                refuse(&socket, from, Refusal::Malformed).await;
                continue;
            }
        };
        let Some((place, inbox)) = admit(&table, &door, from) else {
            refuse(&socket, from, Refusal::Busy).await;
            continue;
        };
        let (door, socket, room) = (door.clone(), Arc::clone(&socket), Arc::clone(&room));
        transfers.spawn(async move {
            let answered = answer(&door, &room, socket, &place, (inbox, to), request);
            if let Some(Err(error)) = place.stop.run_until_cancelled(answered).await {
                tracing::debug!(%error, peer = %place.peer, "a transfer failed");
            }
        });
    }
}

/// What a client wants.
enum Wish {
    Read(Request),
    Write(Request),
}

/// A place for a new transfer, if there is room.
fn admit(table: &Table, door: &Door, peer: SocketAddr) -> Option<(Place, Option<mpsc::Receiver<Vec<u8>>>)> {
    let mut transfers = table.lock();
    if !transfers.make_room(door.limits, peer) {
        return None;
    }
    let (sender, receiver) = (door.single_port)().then(|| mpsc::channel(INBOX)).unzip();
    transfers.begun += 1;
    let (number, heard, stop) = (transfers.begun, Heard::default(), CancellationToken::new());
    transfers.under_way.insert(peer, UnderWay { number, inbox: sender, heard: heard.clone(), stop: stop.clone() });
    Some((Place { table: table.clone(), peer, number, heard, stop }, receiver))
}

async fn answer(
    door: &Door,
    room: &Semaphore,
    shared: Arc<UdpSocket>,
    place: &Place,
    (inbox, local): (Option<mpsc::Receiver<Vec<u8>>>, Option<IpAddr>),
    wish: Wish,
) -> io::Result<()> {
    let peer = place.peer;
    let line = match inbox {
        Some(inbox) => Line::Shared(shared, peer, inbox),
        None => Line::Own(socket::connected(local, peer).await?),
    };
    let mut way = Way { line, heard: place.heard.clone() };
    let ask = |request: &Request| Ask { name: request.name.clone(), address: peer.ip(), local };
    let request = match wish {
        Wish::Read(request) => request,
        Wish::Write(request) => {
            let Some((file, last, _place)) = receive::receive(&mut way, &request, room).await? else { return Ok(()) };
            return match (door.keep)(ask(&request), file).await {
                Ok(()) => receive::acknowledge(&mut way, last).await,
                Err(refusal) => way.send(&wire::error(refusal)).await,
            };
        }
    };
    match (door.files)(ask(&request)).await {
        Answer::File(payload) => {
            let terms = Terms::agree(&request, Some(payload.length()));
            let ended = transfer::send(way, payload, request.mode, terms).await?;
            tracing::debug!(%peer, name = request.name, ?ended, "a transfer ended");
            Ok(())
        }
        Answer::Refused(refusal) => way.send(&wire::error(refusal)).await,
    }
}

async fn refuse(socket: &UdpSocket, peer: SocketAddr, refusal: Refusal) {
    let v6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
    if let Err(error) = socket.send_to(&wire::error(refusal), super::as_seen_by(v6, peer)).await {
        tracing::debug!(%error, %peer, "sending on the TFTP port");
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;
    use tokio::time::timeout;

    use super::*;

    /// A file of two blocks, for up to two transfers to one address and four at all.
    struct Ground {
        at: SocketAddr,
        serving: tokio::task::JoinHandle<io::Result<()>>,
    }

    impl Drop for Ground {
        fn drop(&mut self) {
            self.serving.abort();
        }
    }

    impl Ground {
        fn new(single_port: bool) -> Self {
            let socket = socket::bind(([127, 0, 0, 1], 0).into()).unwrap();
            let at = socket.local_addr().unwrap();
            let file = || Answer::File(Payload::Bytes(Bytes::from(vec![b'x'; 600])));
            let door = Door {
                files: Arc::new(move |_| Box::pin(async move { file() })),
                keep: Arc::new(|_, _| Box::pin(async { Err(Refusal::NotAllowed) })),
                takes: Arc::new(|| false),
                serves: Arc::new(|_| true),
                limits: Limits { transfers: 4, per_source: 2, uploads: 1 },
                single_port: Arc::new(move || single_port),
            };
            Self { at, serving: tokio::spawn(serve(socket, door)) }
        }

        async fn asks(&self, client: &UdpSocket, seconds: &str) {
            let request = format!("\0\x01a\0octet\0timeout\0{seconds}\0");
            client.send_to(request.as_bytes(), self.at).await.unwrap();
        }
    }

    /// So much later, at once.
    async fn pass(time: Duration) {
        tokio::time::pause();
        tokio::time::sleep(time).await;
        tokio::time::resume();
    }

    async fn client(last: u8) -> UdpSocket {
        UdpSocket::bind((IpAddr::from([127, 0, 0, last]), 0)).await.unwrap()
    }

    /// The next packet: operation, the two bytes after it, and where it comes from.
    async fn heard(client: &UdpSocket) -> (u8, u16, SocketAddr) {
        let mut buffer = [0; 1024];
        let received = timeout(Duration::from_secs(5), client.recv_from(&mut buffer)).await;
        let (_, from) = received.expect("an answer in time").unwrap();
        (buffer[1], u16::from_be_bytes([buffer[2], buffer[3]]), from)
    }

    /// Takes the terms, and has the first block.
    async fn begins(ground: &Ground, client: &UdpSocket) -> SocketAddr {
        ground.asks(client, "5").await;
        let (operation, _, from) = heard(client).await;
        assert_eq!(operation, 6);
        client.send_to(&[0, 4, 0, 0], from).await.unwrap();
        loop {
            match heard(client).await {
                (3, 1, sender) if sender == from => return from,
                (6, _, _) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn silence_after_a_request_keeps_nobody_out() {
        let ground = Ground::new(false);
        let mut silent = Vec::new();
        for last in [1, 1, 2, 2] {
            let client = client(last).await;
            ground.asks(&client, "255").await;
            silent.push((heard(&client).await.2, client));
        }
        pass(Duration::from_secs(15)).await;
        begins(&ground, &client(1).await).await;
        // Those before had ended by themselves: nobody is there any more for whoever comes back.
        for (transfer, client) in silent {
            client.connect(transfer).await.unwrap();
            client.send(&[0, 4, 0, 0]).await.unwrap();
            let refused = async { while client.recv(&mut [0; 1024]).await.is_ok() {} };
            timeout(Duration::from_secs(2), refused).await.expect("nobody listens there");
        }
    }

    #[tokio::test]
    async fn who_never_acknowledged_gives_way_and_who_did_does_not() {
        let ground = Ground::new(false);
        // One address is full of requests that somebody forged; the next one is served all the same.
        let forged = [client(1).await, client(1).await, client(1).await];
        for client in &forged {
            ground.asks(client, "5").await;
            assert_eq!(heard(client).await.0, 6);
        }
        // So is the door, and again.
        for last in 2..5 {
            let client = client(last).await;
            ground.asks(&client, "5").await;
            assert_eq!(heard(&client).await.0, 6);
        }
        // Those who are served stay.
        let good = [client(5).await, client(5).await];
        let first = begins(&ground, &good[0]).await;
        begins(&ground, &good[1]).await;
        let one_more = client(5).await;
        ground.asks(&one_more, "5").await;
        assert_eq!(heard(&one_more).await.0, 5, "two at once to one address");
        for last in 10..20 {
            let client = client(last).await;
            ground.asks(&client, "5").await;
            assert_eq!(heard(&client).await.0, 6);
        }
        good[0].send_to(&[0, 4, 0, 1], first).await.unwrap();
        loop {
            match heard(&good[0]).await {
                (3, 2, sender) if sender == first => break,
                (3, 1, _) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_phone_that_lost_power_begins_anew_from_the_same_port() {
        for single_port in [false, true] {
            let ground = Ground::new(single_port);
            let client = client(1).await;
            ground.asks(&client, "5").await;
            let (operation, _, first) = heard(&client).await;
            assert_eq!(operation, 6);
            // The request once more, before anything was acknowledged and just after, is the same transfer.
            ground.asks(&client, "5").await;
            client.send_to(&[0, 4, 0, 0], first).await.unwrap();
            while heard(&client).await != (3, 1, first) {}
            ground.asks(&client, "5").await;
            client.send_to(&[0, 4, 0, 1], first).await.unwrap();
            loop {
                match heard(&client).await {
                    (3, 2, from) if from == first => break,
                    (3, 1, from) | (6, _, from) if from == first => {}
                    other => panic!("another transfer: {other:?}"),
                }
            }
            pass(AWAY).await;
            ground.asks(&client, "5").await;
            let (operation, _, _) = heard(&client).await;
            assert_eq!(operation, 6, "from the beginning");
        }
    }
}
