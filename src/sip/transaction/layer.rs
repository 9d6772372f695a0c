use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::client::{self, Client};
use super::server::{self, Server};
use super::timers::Timers;
use crate::model::Transport;
use crate::sip::address::{COOKIE, Host, Via};
use crate::sip::wire::{Message, Method, Unfit};

/// The way that a message takes: how, to or from whom, and by which interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// How it travels.
    pub transport: Transport,
    /// The other side.
    pub remote: SocketAddr,
    /// Number of the interface that it came in by; 0 leaves the choice to the routing table.
    pub interface: u32,
}

impl Hop {
    fn is_reliable(&self) -> bool {
        self.transport != Transport::Udp
    }
}

/// A transaction. The text is what the messages of one have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// One of ours: branch and method.
    Client(Arc<str>),
    /// Somebody else's.
    Server(Arc<str>),
}

/// What comes of a message or of time.
#[derive(Debug)]
pub enum Outcome {
    /// Bytes to send.
    Send {
        /// Where to.
        hop: Hop,
        /// What.
        bytes: Arc<[u8]>,
        /// Whose they are.
        key: Key,
    },
    /// A request that is new; it waits for [`Transactions::answer`].
    Request {
        /// Its transaction; none for an ACK, which is not answered.
        key: Option<Key>,
        /// It.
        message: Box<Message>,
        /// Whence it came.
        hop: Hop,
    },
    /// An answer to a request of ours.
    Response {
        /// The request's transaction.
        key: Key,
        /// It.
        message: Box<Message>,
    },
    /// No answer came to a request of ours.
    TimedOut {
        /// The request's transaction.
        key: Key,
    },
}

/// Why a message that is SIP was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stray {
    /// Its topmost Via cannot be read.
    #[error("its Via cannot be read")]
    Via,
    /// An answer to nothing that is under way.
    #[error("an answer to nothing")]
    NoTransaction,
    /// An answer from another address than the request went to.
    #[error("an answer from another address than was asked")]
    OtherSource,
}

/// Everything that is under way.
#[derive(Debug, Default)]
pub struct Transactions {
    timers: Timers,
    clients: HashMap<Arc<str>, Sent>,
    servers: HashMap<Arc<str>, Received>,
    /// The same in the order in which they came, by their numbers.
    oldest: BTreeMap<u64, Arc<str>>,
    wheel: BTreeSet<(Duration, Key)>,
}

#[derive(Debug)]
struct Sent {
    machine: Client,
    hop: Hop,
    bytes: Arc<[u8]>,
    scheduled: Option<Duration>,
}

#[derive(Debug)]
struct Received {
    machine: Server,
    hop: Hop,
    answer: Option<Arc<[u8]>>,
    number: u64,
    scheduled: Option<Duration>,
}

/// The most requests of others that are remembered. The oldest gives way: whoever floods the box keeps nobody out.
const MOST_SERVERS: usize = 16_384;
/// The most requests of ours that are under way.
const MOST_CLIENTS: usize = 65_536;

impl Transactions {
    /// Nothing under way yet.
    pub fn new(timers: Timers) -> Self {
        Self { timers, ..Self::default() }
    }

    /// When something is due next.
    pub fn next(&self) -> Option<Duration> {
        self.wheel.first().map(|(at, _)| *at)
    }

    /// How many are under way: ours, others'.
    pub fn count(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Sends a request whose topmost Via has a branch that no other request ever had.
    ///
    /// # Errors
    /// When it cannot be written, or too many are under way.
    pub fn begin(&mut self, request: &Message, hop: Hop, now: Duration) -> Result<(Key, Outcome), Unfit> {
        let unfit = |what: &str| Unfit(what.to_owned());
        let (method, _) = request.as_request().ok_or_else(|| unfit("the first line"))?;
        let branch = request.header("Via").and_then(Via::read).and_then(|via| via.branch);
        let name = client_name(&branch.ok_or_else(|| unfit("Via"))?, &method.to_string());
        if self.clients.len() >= MOST_CLIENTS || self.clients.contains_key(&name) {
            return Err(unfit("Via"));
        }
        let bytes: Arc<[u8]> = request.encode()?.into();
        let machine = Client::begin(method == Method::Invite, hop.is_reliable(), self.timers, now);
        let key = Key::Client(name.clone());
        self.clients.insert(name, Sent { machine, hop, bytes: bytes.clone(), scheduled: None });
        self.reschedule(&key);
        Ok((key.clone(), Outcome::Send { hop, bytes, key }))
    }

    /// Forgets a request of ours, as when its connection could not be made: nothing more comes of it.
    pub fn forget(&mut self, key: &Key) {
        if let Key::Client(name) = key
            && let Some(sent) = self.clients.remove(name)
            && let Some(at) = sent.scheduled
        {
            self.wheel.remove(&(at, key.clone()));
        }
    }

    /// Takes a message from the wire.
    ///
    /// # Errors
    /// When it belongs to nothing and is to be dropped.
    pub fn receive(&mut self, message: Message, hop: Hop, now: Duration) -> Result<Vec<Outcome>, Stray> {
        let via = message.header("Via").and_then(Via::read).ok_or(Stray::Via)?;
        match message.status() {
            Some(status) => self.response(message, status, &via, hop, now),
            None => self.request(message, &via, hop, now),
        }
    }

    fn response(
        &mut self,
        message: Message,
        status: u16,
        via: &Via,
        hop: Hop,
        now: Duration,
    ) -> Result<Vec<Outcome>, Stray> {
        let method = message.sequence().map(|(_, method)| method.to_owned()).ok_or(Stray::NoTransaction)?;
        let name = client_name(via.branch.as_deref().ok_or(Stray::NoTransaction)?, &method);
        let sent = self.clients.get_mut(&name).ok_or(Stray::NoTransaction)?;
        if sent.hop.remote.ip().to_canonical() != hop.remote.ip().to_canonical() || sent.hop.transport != hop.transport
        {
            return Err(Stray::OtherSource);
        }
        let key = Key::Client(name);
        let act = sent.machine.receive(status, now);
        let acknowledgement = matches!(act, client::Act::TellAndAcknowledge | client::Act::Acknowledge)
            .then(|| {
                acknowledge(&sent.bytes, &message).map(|bytes| Outcome::Send { hop: sent.hop, bytes, key: key.clone() })
            })
            .flatten();
        let mut outcomes: Vec<Outcome> = acknowledgement.into_iter().collect();
        if matches!(act, client::Act::Tell | client::Act::TellAndAcknowledge) {
            outcomes.push(Outcome::Response { key: key.clone(), message: Box::new(message) });
        }
        self.reschedule(&key);
        Ok(outcomes)
    }

    fn request(&mut self, message: Message, via: &Via, hop: Hop, now: Duration) -> Result<Vec<Outcome>, Stray> {
        let Some((method, uri)) = message.as_request() else { return Err(Stray::NoTransaction) };
        let name = server_name(&message, via, method, uri);
        let key = Key::Server(name.clone());
        if let Some(known) = self.servers.get_mut(&name) {
            if method == Method::Ack {
                known.machine.acknowledged(now);
                self.reschedule(&key);
                return Ok(Vec::new());
            }
            let again = known.machine.repeated() == server::Act::Send;
            let send = known.answer.clone().filter(|_| again);
            return Ok(send.map(|bytes| Outcome::Send { hop: known.hop, bytes, key }).into_iter().collect());
        }
        if method == Method::Ack {
            return Ok(vec![Outcome::Request { key: None, message: Box::new(message), hop }]);
        }
        if self.servers.len() >= MOST_SERVERS
            && let Some(oldest) = self.oldest.first_key_value().map(|(_, name)| name.clone())
        {
            self.drop_server(&oldest);
        }
        let machine = Server::begin(method == Method::Invite, hop.is_reliable(), self.timers, now);
        let number = self.oldest.last_key_value().map_or(0, |(last, _)| last + 1);
        self.oldest.insert(number, name.clone());
        let received = Received { machine, hop: answer_to(hop, via), answer: None, number, scheduled: None };
        self.servers.insert(name, received);
        self.reschedule(&key);
        let message = Box::new(seen_from(message, via, hop.remote));
        Ok(vec![Outcome::Request { key: Some(key), message, hop }])
    }

    fn drop_server(&mut self, name: &Arc<str>) {
        let Some(received) = self.servers.remove(name) else { return };
        self.oldest.remove(&received.number);
        if let Some(at) = received.scheduled {
            self.wheel.remove(&(at, Key::Server(name.clone())));
        }
    }

    /// Answers somebody's request. Nothing comes of it when that is over already.
    ///
    /// # Errors
    /// When the answer cannot be written.
    pub fn answer(&mut self, key: &Key, answer: &Message, now: Duration) -> Result<Option<Outcome>, Unfit> {
        let (Key::Server(name), Some(status)) = (key, answer.status()) else { return Ok(None) };
        let bytes: Arc<[u8]> = answer.encode()?.into();
        let Some(received) = self.servers.get_mut(name) else { return Ok(None) };
        let send = received.machine.answer(status, now) == server::Act::Send;
        let outcome = send.then(|| Outcome::Send { hop: received.hop, bytes: bytes.clone(), key: key.clone() });
        if send {
            received.answer = Some(bytes);
        }
        self.reschedule(key);
        Ok(outcome)
    }

    /// Does what is due by now.
    pub fn due(&mut self, now: Duration) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some((at, key)) = self.wheel.first().cloned() {
            if at > now {
                break;
            }
            self.wheel.remove(&(at, key.clone()));
            match &key {
                Key::Client(name) => {
                    let Some(sent) = self.clients.get_mut(name) else { continue };
                    sent.scheduled = None;
                    match sent.machine.due(now) {
                        client::Act::Send => {
                            outcomes.push(Outcome::Send { hop: sent.hop, bytes: sent.bytes.clone(), key: key.clone() });
                        }
                        client::Act::TimedOut => outcomes.push(Outcome::TimedOut { key: key.clone() }),
                        _ => {}
                    }
                }
                Key::Server(name) => {
                    let Some(received) = self.servers.get_mut(name) else { continue };
                    received.scheduled = None;
                    received.machine.due(now);
                }
            }
            self.reschedule(&key);
        }
        outcomes
    }

    /// Puts a transaction where its next moment is, or lets it go when it is over.
    fn reschedule(&mut self, key: &Key) {
        let (next, over, scheduled) = match key {
            Key::Client(name) => match self.clients.get_mut(name) {
                Some(sent) => {
                    (sent.machine.next(), sent.machine.state() == client::State::Terminated, &mut sent.scheduled)
                }
                None => return,
            },
            Key::Server(name) => match self.servers.get_mut(name) {
                Some(one) => (one.machine.next(), one.machine.state() == server::State::Terminated, &mut one.scheduled),
                None => return,
            },
        };
        if *scheduled != next || over {
            if let Some(at) = scheduled.take() {
                self.wheel.remove(&(at, key.clone()));
            }
            if let (Some(at), false) = (next, over) {
                *scheduled = Some(at);
                self.wheel.insert((at, key.clone()));
            }
        }
        match key {
            _ if !over => {}
            Key::Client(name) => drop(self.clients.remove(name)),
            Key::Server(name) => self.drop_server(name),
        }
    }
}

/// RFC 3261 section 17.1.3.
fn client_name(branch: &str, method: &str) -> Arc<str> {
    format!("{} {method}", branch.to_ascii_lowercase()).into()
}

/// RFC 3261 section 17.2.3; what has no magic cookie is matched as RFC 2543 did.
fn server_name(message: &Message, via: &Via, method: Method, uri: &str) -> Arc<str> {
    let method = if method == Method::Ack { Method::Invite } else { method };
    let port = via.port.unwrap_or(5060);
    match &via.branch {
        Some(branch) if branch.get(..COOKIE.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(COOKIE)) => {
            format!("{} {}:{port} {method}", branch.to_ascii_lowercase(), via.host).into()
        }
        _ => {
            let field = |name| message.header(name).unwrap_or_default();
            let number = message.sequence().map_or(0, |(number, _)| number);
            format!("{uri} {} {} {} {number} {method}", field("From"), field("Call-ID"), field("Via")).into()
        }
    }
}

/// Where the answer goes (RFC 3261 section 18.2.2, RFC 3581): to the address that the request came from, at the port
/// that it names, or that it came from when it asks for that.
fn answer_to(hop: Hop, via: &Via) -> Hop {
    if hop.is_reliable() || via.rport {
        return hop;
    }
    let port = via.port.unwrap_or(5060);
    Hop { remote: SocketAddr::new(hop.remote.ip(), port), ..hop }
}

/// The request with where it came from in its topmost Via, as its answer has to say (RFC 3261 section 18.2.1, RFC 3581
/// section 4).
fn seen_from(mut message: Message, via: &Via, remote: SocketAddr) -> Message {
    let address = remote.ip().to_canonical();
    let Some(field) = message.headers.iter_mut().find(|field| field.name.eq_ignore_ascii_case("Via")) else {
        return message;
    };
    // Inside quotes a semicolon ends nothing; nobody quotes anything there.
    if field.value.contains('"') {
        return message;
    }
    let is_ours = |piece: &str| {
        let name = piece.split('=').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("rport") || name.eq_ignore_ascii_case("received")
    };
    let kept: Vec<&str> = field.value.split(';').filter(|piece| !is_ours(piece)).collect();
    field.value = kept.join(";");
    if via.rport || via.host != Host::Address(address) {
        field.value.push_str(&format!(";received={address}"));
    }
    if via.rport {
        field.value.push_str(&format!(";rport={}", remote.port()));
    }
    message
}

/// The ACK of a refused INVITE (RFC 3261 section 17.1.1.3).
fn acknowledge(invite: &[u8], answer: &Message) -> Option<Arc<[u8]>> {
    let invite = crate::sip::wire::read(invite).ok()??;
    let (_, uri) = invite.as_request()?;
    let (number, _) = invite.sequence()?;
    let ack = Message::request(Method::Ack, uri)
        .with("Via", invite.header("Via")?)
        .with("From", invite.header("From")?)
        .with("To", answer.header("To")?)
        .with("Call-ID", invite.header("Call-ID")?)
        .with("CSeq", format!("{number} ACK"))
        .with("Max-Forwards", "70");
    ack.encode().ok().map(Into::into)
}
