//! The one task in which the decisions about SIP are taken and carried out.

mod campaigns;
mod changes;
mod pnp;
mod requests;
mod surroundings;
mod tell;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::pnp::Questions;
use self::surroundings::Surroundings;
use self::tell::Jobs;
use super::orders::{Order, Receiver};
use super::streams::Streams;
use super::transaction::{Hop, Key, Outcome, Stray, Timers, Transactions};
use super::udp::Udp;
use super::wire::{self, LONGEST, Malformed};
use crate::brands::Registry;
use crate::config::Network;
use crate::journal::{Journal, Live};
use crate::model::{Door, Event, Mac, Now, Reason, Transport};
use crate::store::Store;
use crate::sys::arp::Arp;
use crate::sys::clock::Clock;

/// What the SIP part stands on.
#[derive(Clone)]
pub struct Parts {
    /// Phones, leases, and what was learned of phones' addresses.
    pub store: Store,
    /// Where everything is recorded, and where fetches are seen.
    pub journal: Journal,
    /// What phones ask for and how they are told.
    pub registry: Arc<Registry>,
    /// The time.
    pub clock: Clock,
    /// The networks that are served: nobody else is answered.
    pub networks: Vec<Network>,
    /// Ports of the plain and of the TLS listener, for the URLs.
    pub http: u16,
    /// See `http`.
    pub https: u16,
    /// What TLS connections are accepted with.
    pub tls: Arc<ServerConfig>,
    /// What was configured.
    pub settings: Settings,
    /// Other ways to tell phones, by the name that brands know them by.
    pub otherwise: Arc<BTreeMap<String, Otherwise>>,
}

/// Tells the device at an address by something else than SIP to fetch its files.
pub type Otherwise = Arc<dyn Fn(IpAddr) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// What was configured for SIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where UDP and TCP are heard.
    pub listen: SocketAddr,
    /// Where TLS is heard.
    pub listen_tls: SocketAddr,
    /// The telephone system's proxy, when phones only listen to that.
    pub proxy: Option<(Transport, SocketAddr)>,
    /// Realms in which phones may ask for the login of their line, besides the name of its server.
    pub realms: Vec<String>,
    /// Whether a phone whose settings changed is told at once.
    pub resync_on_change: bool,
}

/// Why SIP is not served any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket could not be opened, or failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// TLS cannot be set up.
    #[error("{0}")]
    Tls(#[from] rustls::Error),
    /// A part of it panicked.
    #[error("{0}")]
    Panicked(#[from] tokio::task::JoinError),
}

/// What the task is told.
#[derive(Debug)]
pub(super) enum Input {
    /// A message came in.
    Bytes {
        bytes: Vec<u8>,
        hop: Hop,
        /// Whether it was sent to the multicast group.
        to_group: bool,
    },
    /// Somebody has this address.
    Arp(Ipv4Addr, Mac),
    /// A message could not be sent.
    Unreachable(Key),
    /// What came of telling a phone by something else than SIP.
    Otherwise(Mac, super::notify::Attempt, Result<(), String>),
    /// Something came in that is no message.
    Fault(Fault, SocketAddr),
}

/// Why something that came in was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    Malformed(#[from] Malformed),
    #[error("{0}")]
    Stray(#[from] Stray),
    #[error("half a message")]
    HalfMessage,
    #[error("a TLS handshake that failed")]
    Handshake,
    #[error("from outside the networks that are served")]
    Outside,
    #[error("our own message")]
    Own,
}

/// Inputs that wait, at most. What comes beyond is dropped, as a full socket buffer does.
const QUEUE: usize = 8192;
/// Inputs that are taken before what they led to is sent.
const BATCH: usize = 256;
/// How often interfaces are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Errors of the datagram socket in a row after which it is opened anew.
const MOST_ERRORS: u32 = 32;

/// Why a message of ours is under way.
#[derive(Debug, Clone)]
enum Purpose {
    /// A phone that asked by multicast is told its URL.
    Pnp(Box<pnp::Told>),
    /// A phone is told to do something.
    Job(Mac, super::notify::Attempt),
}

struct Core {
    parts: Parts,
    board: super::orders::Board,
    surroundings: Surroundings,
    transactions: Transactions,
    purposes: HashMap<Key, Purpose>,
    questions: Questions,
    jobs: Jobs,
    campaigns: campaigns::Campaigns,
    watched: tell::Watched,
    changes: changes::Changes,
    arp: Option<Arp>,
    out: VecDeque<Outcome>,
    /// Number of the newest event that was looked at.
    heard: u64,
    /// For what is told by something else than SIP.
    inputs: mpsc::Sender<Input>,
}

/// Serves SIP until stopped.
///
/// # Errors
/// When a port cannot be had, or the datagram socket fails again and again.
pub async fn serve(parts: Parts, receiver: Arc<Mutex<Receiver>>, stop: CancellationToken) -> Result<(), Error> {
    let mut receiver = receiver.lock().await;
    let udp = Arc::new(Udp::open(parts.settings.listen)?);
    let (sender, mut inputs) = mpsc::channel(QUEUE);
    let streams = Streams::new(sender.clone(), Arc::new(aws_lc_rs::default_provider()))?;
    let mut parts_at_work = JoinSet::new();
    for (at, tls) in [(parts.settings.listen, None), (parts.settings.listen_tls, Some(parts.tls.clone()))] {
        let listener = listen(at)?;
        parts_at_work.spawn(streams.clone().accept(listener, tls));
    }
    parts_at_work.spawn(hear(udp.clone(), sender.clone()));
    let answers = sender.clone();
    let arp = Arp::open(move |address, mac| {
        // A full queue loses an answer; the phone asks again.
        let _ = answers.try_send(Input::Arp(address, mac));
    });
    let arp = arp
        .inspect_err(|error| tracing::warn!(%error, "claims of phones are checked by the kernel's table alone"))
        .ok();
    let mut news = parts.journal.subscribe();
    let mut core = Core::new(parts, receiver.board.clone(), udp.port(), arp, sender);
    let mut look = tokio::time::interval(LOOK);
    tracing::info!(port = udp.port(), "speaks SIP");
    loop {
        let next = core.next().unwrap_or(Duration::from_secs(3600));
        let wait = next.saturating_sub(core.now().monotonic);
        tokio::select! {
            Some(input) = inputs.recv() => {
                core.take(input);
                for _ in 0..BATCH {
                    let Ok(input) = inputs.try_recv() else { break };
                    core.take(input);
                }
            }
            Some(order) = receiver.orders.recv() => core.order(order),
            heard = news.recv() => match heard {
                Ok(Live::Event { sequence, event }) => {
                    core.heard = core.heard.max(sequence);
                    core.hear(&event);
                }
                Ok(Live::Journey { .. }) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => core.catch_up(),
                Err(broadcast::error::RecvError::Closed) => return Ok(()),
            },
            _ = look.tick() => udp.join(core.surroundings.look()),
            Some(ended) = parts_at_work.join_next() => return Ok(ended??),
            () = sleep_until(Instant::now() + wait) => {}
            () = stop.cancelled() => {
                core.keep_campaigns(true);
                return Ok(());
            }
        }
        core.due();
        while let Some(outcome) = core.out.pop_front() {
            let Outcome::Send { hop, bytes, key } = outcome else { continue };
            if hop.transport != Transport::Udp {
                streams.send(hop, bytes, key);
            } else if let Err(error) = udp.send(&bytes, hop.remote).await {
                tracing::debug!(to = %hop.remote, %error, "sending SIP");
                core.take(Input::Unreachable(key));
            }
        }
    }
}

fn listen(at: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // Connections that have just ended do not keep the port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(128)?;
    tokio::net::TcpListener::from_std(socket.into())
}

/// Takes datagrams for as long as it is polled.
async fn hear(udp: Arc<Udp>, inputs: mpsc::Sender<Input>) -> io::Result<()> {
    let mut buffer = vec![0; LONGEST + 1];
    let mut errors = 0;
    loop {
        let datagram = match udp.receive(&mut buffer).await {
            Ok(datagram) => datagram,
            // Any peer can cause one, as by ICMP.
            Err(error) if errors < MOST_ERRORS => {
                errors += 1;
                tracing::debug!(%error, "receiving SIP");
                continue;
            }
            Err(error) => return Err(error),
        };
        errors = 0;
        let hop = Hop { transport: Transport::Udp, remote: datagram.from, interface: datagram.interface };
        let input = match buffer.get(..datagram.length).filter(|bytes| bytes.len() <= LONGEST) {
            Some(bytes) => Input::Bytes { bytes: bytes.to_vec(), hop, to_group: datagram.to_group },
            None => Input::Fault(Fault::Malformed(Malformed::TooLong), datagram.from),
        };
        // A full queue drops, and never holds up the socket.
        let _ = inputs.try_send(input);
    }
}

impl Core {
    fn new(
        parts: Parts,
        board: super::orders::Board,
        port: u16,
        arp: Option<Arp>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let surroundings = Surroundings::new(parts.networks.clone(), port, parts.settings.listen_tls.port());
        let campaigns = campaigns::Campaigns::read(&parts.store);
        campaigns.show(&board);
        Self {
            board,
            surroundings,
            transactions: Transactions::new(Timers::default()),
            purposes: HashMap::new(),
            questions: Questions::default(),
            jobs: Jobs::default(),
            campaigns,
            watched: tell::Watched::default(),
            changes: changes::Changes::default(),
            arp,
            out: VecDeque::new(),
            heard: parts.store.next_event_sequence().saturating_sub(1),
            inputs,
            parts,
        }
    }

    fn now(&self) -> Now {
        self.parts.clock.now()
    }

    /// When something is due next.
    fn next(&self) -> Option<Duration> {
        let campaigns = self.campaigns.next(self.now());
        [self.transactions.next(), self.questions.next(), self.jobs.next(), self.changes.next(), campaigns]
            .into_iter()
            .flatten()
            .min()
    }

    fn due(&mut self) {
        let now = self.now().monotonic;
        let outcomes = self.transactions.due(now);
        self.follow(outcomes);
        self.answer_questions_due();
        self.jobs_due();
        self.changes_due();
        self.campaigns_due();
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Bytes { bytes, hop, to_group } => self.receive(&bytes, hop, to_group),
            Input::Arp(address, mac) => self.answered_by_arp(address, mac),
            Input::Unreachable(key) => {
                self.transactions.forget(&key);
                self.unreachable(&key);
            }
            Input::Otherwise(mac, attempt, result) => self.told_otherwise(mac, attempt, result),
            Input::Fault(fault, from) => self.fault(fault, from),
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Tell { mac, told, answer } => {
                let begun = self.tell(mac, told, None);
                // Who asked may have gone.
                let _ = answer.send(begun);
            }
            Order::Begin { plan, answer } => {
                let _ = answer.send(self.begin_campaign(plan));
            }
            Order::Stop { id, answer } => {
                let _ = answer.send(self.stop_campaign(id));
            }
        }
    }

    fn receive(&mut self, bytes: &[u8], hop: Hop, to_group: bool) {
        if self.surroundings.is_own(hop.remote) {
            return self.fault(Fault::Own, hop.remote);
        }
        let message = match wire::read(bytes) {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(malformed) => return self.fault(malformed.into(), hop.remote),
        };
        // An answer is matched to what was asked; a request may come from anywhere.
        if message.as_request().is_some() && !self.surroundings.serves(hop.remote.ip()) {
            return self.fault(Fault::Outside, hop.remote);
        }
        let now = self.now().monotonic;
        match self.transactions.receive(message, hop, now) {
            Ok(outcomes) => {
                for outcome in outcomes {
                    match outcome {
                        Outcome::Request { key: Some(key), message, hop } => self.request(key, *message, hop, to_group),
                        Outcome::Request { key: None, .. } => {}
                        other => self.follow(vec![other]),
                    }
                }
            }
            Err(stray) => self.fault(stray.into(), hop.remote),
        }
    }

    /// Does what comes of messages and time, requests of others left out.
    fn follow(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                send @ Outcome::Send { .. } => self.out.push_back(send),
                Outcome::Response { key, message } => match self.purposes.get(&key).cloned() {
                    Some(Purpose::Job(mac, attempt)) => self.job_answered(&key, mac, attempt, &message),
                    Some(Purpose::Pnp(told)) => self.pnp_answered(&key, &told, message.status().unwrap_or_default()),
                    None => {}
                },
                Outcome::TimedOut { key } => match self.purposes.remove(&key) {
                    Some(Purpose::Job(mac, attempt)) => self.step_job(mac, super::notify::Input::Silent(attempt)),
                    Some(Purpose::Pnp(told)) => self.pnp_not_taken(&told),
                    None => {}
                },
                Outcome::Request { .. } => {}
            }
        }
    }

    fn unreachable(&mut self, key: &Key) {
        match self.purposes.remove(key) {
            Some(Purpose::Job(mac, attempt)) => self.step_job(mac, super::notify::Input::Unreachable(attempt)),
            Some(Purpose::Pnp(told)) => self.pnp_not_taken(&told),
            None => {}
        }
    }

    /// Counts what was dropped. Nonsense from a network of ours is told, too; what only strayed is not.
    fn fault(&mut self, fault: Fault, from: SocketAddr) {
        self.board.count(fault.to_string());
        tracing::debug!(%from, %fault, "dropped");
        let told = matches!(fault, Fault::Malformed(_) | Fault::HalfMessage | Fault::Handshake);
        if told && self.surroundings.serves(from.ip()) {
            let reason = Reason::SipMalformed { what: fault.to_string() };
            self.parts
                .journal
                .record(Event::new(self.now().wall, Door::Sip, reason).from_address(from.ip().to_canonical()));
        }
    }
}
