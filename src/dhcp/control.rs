//! What page and command line see of DHCP, and what they may have it do.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use tokio::sync::oneshot;

use super::coexistence::{Memory, Standing};
use super::engine::{Conduct, Silence};
use super::sightings::{Seen, Sightings};
use super::told::Told;
use crate::config::Mode;
use crate::model::{Lease, Mac, Reason};
use crate::store::{self, Store};

/// What a network's server does at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Name of the network.
    pub network: String,
    /// What is configured.
    pub mode: Mode,
    /// What is done, and why. `None` before the first look, and while the interface is not ready.
    pub standing: Option<Standing>,
    /// Other servers that were ever seen there.
    pub memory: Memory,
    /// Addresses that are set aside because somebody else uses them.
    pub abandoned: Vec<(Ipv4Addr, Mac)>,
    /// Whether clients find no address.
    pub exhausted: bool,
    /// Addresses that are reserved and cannot be given: the box's own.
    pub unfit: Vec<Ipv4Addr>,
}

impl View {
    fn alarms(&self) -> impl Iterator<Item = Reason> {
        let network = || self.network.clone();
        let standing = self.standing.iter().filter(|standing| standing.alarm).map(|standing| standing.reason.clone());
        let exhausted = self.exhausted.then(|| Reason::PoolExhausted { network: network() });
        let unfit = self
            .unfit
            .iter()
            .map(move |address| Reason::DhcpReservationUnfit { network: network(), address: *address });
        standing.chain(exhausted).chain(unfit)
    }
}

/// Something that a network's server is asked to do or tell. Whoever asks gets the answer by the channel; it is closed
/// when the server ends first.
#[derive(Debug)]
pub enum Order {
    /// Stand in for a server that is gone.
    TakeOver(oneshot::Sender<Result<(), Reason>>),
    /// Tell what a client would get.
    Explain(Player, oneshot::Sender<Explained>),
    /// Tell what this message would be answered if the list of phones were this one. Nothing is done about it.
    Rehearse(Vec<u8>, Store, oneshot::Sender<Result<Vec<u8>, Silence>>),
    /// Ask the other servers as each of these clients would.
    Ask(Vec<Player>, oneshot::Sender<Vec<Heard>>),
    /// Take over leases that another server gave, except where one runs here. Tells how many were taken.
    Import(Vec<Lease>, oneshot::Sender<Result<usize, store::Error>>),
    /// Answer, and nothing else: it goes round.
    Answer(oneshot::Sender<()>),
}

/// The part of a client that is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// What it is called in the answer.
    pub name: String,
    /// Its hardware address; `None`: the box's own.
    pub mac: Option<Mac>,
    /// Option 60.
    pub class: Option<Vec<u8>>,
    /// Option 55.
    pub requested: Vec<u8>,
}

/// What a client would get from this box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The brand that it is taken for.
    pub brand: Option<String>,
    /// Whether it is taken for a phone.
    pub phone: bool,
    /// Whether it is on the list of phones.
    pub listed: bool,
    /// Options of its brand that it is not told, each with the reason.
    pub left_out: Vec<String>,
    /// The answer to a DISCOVER of it.
    pub offer: Result<Offered, Silence>,
    /// The answer to an INFORM of it.
    pub inform: Result<Offered, Silence>,
}

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The address.
    pub address: Option<Ipv4Addr>,
    /// The options in the order in which they stand.
    pub options: Vec<(u8, Vec<u8>)>,
}

/// What the other servers answered a player.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The player.
    pub name: String,
    /// The answers, in the order in which they came.
    pub answers: Vec<Told>,
}

/// No server runs for a network of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no DHCP server runs for this network")]
pub struct NotRunning;

/// The desk at which page and command line and the servers of all networks meet. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Mutex<Desk>>);

#[derive(Debug, Default)]
struct Desk {
    sightings: Sightings,
    networks: BTreeMap<String, Seat>,
}

#[derive(Debug)]
struct Seat {
    view: View,
    line: Option<Line>,
}

/// The way to a server's thread.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) wake: UnixStream,
}

impl Control {
    /// What each network's server does, by the network's name.
    pub fn views(&self) -> Vec<View> {
        self.desk().networks.values().map(|seat| seat.view.clone()).collect()
    }

    /// What the network of that name does.
    pub fn view(&self, network: &str) -> Option<View> {
        self.desk().networks.get(network).map(|seat| seat.view.clone())
    }

    /// The devices that were noticed, the latest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.desk().sightings.latest().cloned().collect()
    }

    /// What needs somebody to act.
    pub fn alarms(&self) -> Vec<Reason> {
        let desk = self.desk();
        desk.networks.values().flat_map(|seat| seat.view.alarms()).collect()
    }

    /// Gives an order to the server of a network.
    ///
    /// # Errors
    /// When none runs.
    pub fn order(&self, network: &str, order: Order) -> Result<(), NotRunning> {
        let desk = self.desk();
        let line = desk.networks.get(network).and_then(|seat| seat.line.as_ref()).ok_or(NotRunning)?;
        line.orders.send(order).map_err(|_| NotRunning)?;
        // A full pipe means that it is awake already.
        let _ = (&line.wake).write(&[1]);
        Ok(())
    }

    /// Puts up a network whose server is to be started.
    pub(super) fn seat(&self, network: &str, mode: Mode) {
        let view = View {
            network: network.to_owned(),
            mode,
            standing: None,
            memory: Memory::default(),
            abandoned: Vec::new(),
            exhausted: false,
            unfit: Vec::new(),
        };
        self.desk().networks.entry(network.to_owned()).or_insert(Seat { view, line: None });
    }

    /// Says why the server of a network does not run.
    pub fn deaf(&self, network: &str, why: String, alarm: bool) {
        let reason = Reason::DhcpDeaf { network: network.to_owned(), why };
        let standing = Standing { conduct: Conduct::Silent, reason, alarm, may_take_over: false };
        self.show(network, |view| view.standing = Some(standing));
    }

    pub(super) fn connect(&self, network: &str, line: Option<Line>) {
        if let Some(seat) = self.desk().networks.get_mut(network) {
            seat.line = line;
        }
    }

    pub(super) fn show(&self, network: &str, change: impl FnOnce(&mut View)) {
        if let Some(seat) = self.desk().networks.get_mut(network) {
            change(&mut seat.view);
        }
    }

    pub(super) fn note(&self, look: impl FnOnce(&mut Sightings)) {
        look(&mut self.desk().sightings);
    }

    /// Nothing under the lock can panic half-way.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
