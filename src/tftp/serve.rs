use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::payload::Payload;
use super::receive;
use super::socket::{self, Received};
use super::terms::Terms;
use super::transfer::{self, Way};
use super::wire::{self, Packet, Refusal, Request};

/// Errors in a row after which the socket is given up.
const MOST_ERRORS: u32 = 32;
/// Packets of one client that wait for its transfer, where all share one port.
const INBOX: usize = 16;

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

/// How much the door takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Transfers at once.
    pub transfers: usize,
    /// Transfers at once to one address.
    pub per_source: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { transfers: 512, per_source: 8 }
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

/// The transfers under way, by client; where they share the port, with the way to each.
type Transfers = HashMap<SocketAddr, Option<mpsc::Sender<Vec<u8>>>>;

/// The transfers of one door.
#[derive(Clone, Default)]
struct Table(Arc<Mutex<Transfers>>);

/// A transfer's place in the table.
struct Place {
    table: Table,
    peer: SocketAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.lock().remove(&self.peer);
    }
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Transfers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves files on `socket` for as long as it is polled; drop it to stop.
///
/// # Errors
/// When the socket fails again and again. A single error, as ICMP brings them, is anybody's doing and ends nothing.
pub async fn serve(socket: UdpSocket, door: Door) -> io::Result<()> {
    let socket = Arc::new(socket);
    let table = Table::default();
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
        if let Some(under_way) = table.lock().get(&from) {
            // A request that came twice, or what belongs to a transfer on this port.
            if let Some(inbox) = under_way {
                let _ = inbox.try_send(packet.to_vec());
            }
            continue;
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
        let (door, socket) = (door.clone(), Arc::clone(&socket));
        transfers.spawn(async move {
            if let Err(error) = answer(&door, socket, &place, inbox, to, request).await {
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
    let mut under_way = table.lock();
    let of_source = under_way.keys().filter(|other| other.ip() == peer.ip()).count();
    if under_way.len() >= door.limits.transfers || of_source >= door.limits.per_source {
        return None;
    }
    let (sender, receiver) = (door.single_port)().then(|| mpsc::channel(INBOX)).unzip();
    under_way.insert(peer, sender);
    Some((Place { table: table.clone(), peer }, receiver))
}

async fn answer(
    door: &Door,
    shared: Arc<UdpSocket>,
    place: &Place,
    inbox: Option<mpsc::Receiver<Vec<u8>>>,
    local: Option<IpAddr>,
    wish: Wish,
) -> io::Result<()> {
    let peer = place.peer;
    let mut way = match inbox {
        Some(inbox) => Way::Shared(shared, peer, inbox),
        None => Way::Own(socket::connected(local, peer).await?),
    };
    let ask = |request: &Request| Ask { name: request.name.clone(), address: peer.ip(), local };
    let request = match wish {
        Wish::Read(request) => request,
        Wish::Write(request) => {
            let Some((file, last)) = receive::receive(&mut way, &request).await? else { return Ok(()) };
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
