//! The one task in which the decisions about SIP are taken and carried out.

mod campaigns;
mod changes;
mod pnp;
mod registrar;
mod requests;
mod serving;
mod surroundings;
mod tell;
mod whereabouts;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rustls::ServerConfig;
use tokio::sync::mpsc;

pub use self::campaigns::stop_campaigns;
pub use self::serving::serve;
pub use self::whereabouts::contact_key;

use self::pnp::Questions;
use self::registrar::Lookups;
use self::surroundings::Surroundings;
use self::tell::Jobs;
use self::whereabouts::Watched;
use super::orders::Order;
use super::transaction::{Hop, Key, Outcome, Stray, Timers, Transactions};
use super::wire::{self, Malformed};
use crate::brands::Registry;
use crate::config::Network;
use crate::journal::{Heard, Journal};
use crate::model::{Door, Event, Mac, Now, Reason, Transport};
use crate::pairing::Pairing;
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
    /// Phones on no list, and whether they are let in.
    pub pairing: Pairing,
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
    /// The registrar of the phones' lines, to be asked where they are.
    pub registrar: Option<(Transport, SocketAddr)>,
    /// Whether a phone whose settings changed is told at once; `None` leaves it to each phone's settings.
    pub resync_on_change: Option<bool>,
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
    /// A phone that asked was put on the list, or was not.
    Adopted(Box<pnp::Question>, Mac, bool),
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

/// Why a message of ours is under way.
#[derive(Debug, Clone)]
enum Purpose {
    /// A phone that asked by multicast is told its URL.
    Pnp(Box<pnp::Told>),
    /// The registrar is asked where a phone is.
    Lookup(Mac),
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
    lookups: Lookups,
    campaigns: campaigns::Campaigns,
    watched: Watched,
    changes: changes::Changes,
    arp: Option<Arp>,
    out: VecDeque<Outcome>,
    heard: Heard,
    /// For what is told by something else than SIP.
    inputs: mpsc::Sender<Input>,
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
        Self {
            board,
            surroundings,
            transactions: Transactions::new(Timers::default()),
            purposes: HashMap::new(),
            questions: Questions::default(),
            jobs: Jobs::default(),
            lookups: Lookups::default(),
            campaigns,
            watched: Watched::default(),
            changes: changes::Changes::default(),
            arp,
            out: VecDeque::new(),
            heard: Heard::from_now(&parts.store),
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
        let own = [self.transactions.next(), self.questions.next(), self.jobs.next(), self.lookups.next()];
        own.into_iter().chain([self.changes.next(), campaigns]).flatten().min()
    }

    fn due(&mut self) {
        let now = self.now().monotonic;
        let outcomes = self.transactions.due(now);
        self.follow(outcomes);
        self.answer_questions_due();
        self.lookups_due();
        self.jobs_due();
        self.changes_due();
        self.campaigns_due();
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Bytes { bytes, hop, to_group } => self.receive(&bytes, hop, to_group),
            Input::Adopted(question, mac, put) => self.adopted(*question, mac, put),
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
        if order.is_given_up() {
            return;
        }
        match order {
            Order::Tell { mac, told, answer } => {
                let begun = self.tell(mac, told, None);
                // Who asked may have gone.
                let _ = answer.send(begun);
            }
            Order::Begin { plan, answer } => {
                let begun = self.begin_campaign(plan);
                // Who asked looks at it at once.
                self.show_campaigns();
                let _ = answer.send(begun);
            }
            Order::Stop { id, answer } => {
                let stopped = self.stop_campaign(id);
                self.show_campaigns();
                let _ = answer.send(stopped);
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
                    Some(Purpose::Lookup(mac)) => self.registrar_answered(&key, mac, &message),
                    None => {}
                },
                Outcome::TimedOut { key } => match self.purposes.remove(&key) {
                    Some(Purpose::Job(mac, attempt)) => self.step_job(mac, super::notify::Input::Silent(attempt)),
                    Some(Purpose::Pnp(told)) => self.pnp_not_taken(&key, &told),
                    Some(Purpose::Lookup(mac)) => self.end_lookup(mac, None),
                    None => {}
                },
                Outcome::Request { .. } => {}
            }
        }
    }

    fn unreachable(&mut self, key: &Key) {
        match self.purposes.remove(key) {
            Some(Purpose::Job(mac, attempt)) => self.step_job(mac, super::notify::Input::Unreachable(attempt)),
            Some(Purpose::Pnp(told)) => self.pnp_not_taken(key, &told),
            Some(Purpose::Lookup(mac)) => self.end_lookup(mac, None),
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
