use std::io;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::control::{Control, Line};
use super::link::{Interface, Link};
use super::promises::Promises;
use super::provisioning::Provisioning;
use super::server::Server;
use crate::config;
use crate::journal::Journal;
use crate::model::Id;
use crate::pairing::Pairing;
use crate::store::Store;
use crate::sys::clock::Clock;

/// The parts of the box that the server of a network needs.
#[derive(Clone)]
pub struct Parts {
    /// Where leases are kept.
    pub store: Store,
    /// Where events go.
    pub journal: Journal,
    /// Phones on no list.
    pub pairing: Pairing,
    /// What phones are told.
    pub provisioning: Provisioning,
    /// The time.
    pub clock: Clock,
    /// The box.
    pub box_id: Id,
    /// Where page and command line look.
    pub control: Control,
}

/// Why the server of a network could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The box has no address in the network, or its interface is down.
    #[error("interface {interface} is down or has no address in {subnet}")]
    NoAddress {
        /// The interface.
        interface: String,
        /// The subnet.
        subnet: ipnet::Ipv4Net,
    },
    /// Another program on this box answers DHCP on the interface, or on all of them.
    #[error("another program on this box has UDP port 67; stop that DHCP server")]
    PortTaken,
    /// A socket could not be opened, or failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Why a server ended.
#[derive(Debug)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Interface or address changed, or for how long the address is there: it must be started again.
    Changed,
    /// The sockets failed.
    Failed(io::Error),
    /// It panicked.
    Panicked,
}

/// A server that runs on a thread of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    control: Control,
    network: String,
    wake: Option<UnixStream>,
    ended: oneshot::Receiver<Ended>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Resolves when the server ended. Leases that it acknowledged are in the store, and a new one goes on from there.
    pub async fn ended(&mut self) -> Ended {
        (&mut self.ended).await.unwrap_or(Ended::Panicked)
    }

    /// Stops the server and waits until its last batch is done.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Both ends of the pipe must go: the thread ends when it reads their end.
        self.control.connect(&self.network, None);
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was told by `ended`.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a server of this network could answer now. One that listens first, and answers when nobody else does, finds
/// it out only then.
///
/// # Errors
/// [`Error::PortTaken`], or what else keeps the port from being opened. An interface that is not ready is none.
pub fn may_answer(network: &config::Network) -> Result<(), Error> {
    let Some(interface) = Interface::find(&network.interface, network.subnet)? else { return Ok(()) };
    match Link::open(interface)?.answer() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(Error::PortTaken),
        answered => Ok(answered?),
    }
}

/// Serves a network until stopped. When it returns, the sockets are open; what is answered is for
/// [`Coexistence`](super::Coexistence) to decide.
///
/// # Errors
/// When its interface is not ready, or may not be listened on.
pub fn serve(network: &config::Network, parts: Parts) -> Result<Running, Error> {
    parts.control.seat(&network.name, network.dhcp.mode);
    let Some(interface) = Interface::find(&network.interface, network.subnet)? else {
        return Err(Error::NoAddress { interface: network.interface.clone(), subnet: network.subnet });
    };
    let link = Link::open(interface)?;
    let promises = Promises::new()?;
    let (wake, woken) = UnixStream::pair()?;
    woken.set_nonblocking(true)?;
    wake.set_nonblocking(true)?;
    let (orders, ordered) = mpsc::channel();
    let line = Line { orders, wake: wake.try_clone()? };
    let (tell, ended) = oneshot::channel();
    let config = network.clone();
    let control = parts.control.clone();
    let thread = std::thread::Builder::new().name(format!("dhcp-{}", network.interface)).spawn(move || {
        let mut server = Server::new(config, parts, (link, promises));
        // Nobody listens any more when the box stops.
        let _ = tell.send(server.run(&woken, &ordered));
    })?;
    control.connect(&network.name, Some(line));
    Ok(Running { control, network: network.name.clone(), wake: Some(wake), ended, thread: Some(thread) })
}
