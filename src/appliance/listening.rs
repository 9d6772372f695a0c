//! Sockets of HTTP, TFTP and time, and what serves them.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use tokio::task::JoinSet;

use super::doors::Doors;
use super::supervision::Supervisor;
use crate::config::Listen;
use crate::http::listeners::{self, Entrance};
use crate::http::{Limits, Service, Workers};
use crate::sntp;
use crate::sys::clock::Clock;
use crate::sys::sockets;
use crate::tftp;

impl Doors {
    /// The socket that was opened at the start serves first; after a death a new one is opened.
    pub(super) fn listen(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        name: &'static str,
        (at, socket): (SocketAddr, TcpListener),
        entrance: Entrance,
    ) {
        let stop = supervisor.stop.clone();
        let first = std::sync::Mutex::new(Some(socket));
        parts.spawn(supervisor.clone().keep(name.to_owned(), move || {
            let socket = first.lock().ok().and_then(|mut first| first.take());
            let (entrance, stop) = (entrance.clone(), stop.clone());
            async move {
                let socket = match socket {
                    Some(socket) => socket,
                    None => sockets::connections(at)?,
                };
                Ok(listeners::serve(socket, entrance, stop).await?)
            }
        }));
    }

    pub(super) fn serve_tftp(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        (at, socket): (SocketAddr, tokio::net::UdpSocket),
        door: tftp::Door,
    ) {
        let first = std::sync::Mutex::new(Some(socket));
        let stop = supervisor.stop.clone();
        parts.spawn(supervisor.clone().keep("tftp".to_owned(), move || {
            let socket = first.lock().ok().and_then(|mut first| first.take());
            let (door, stop) = (door.clone(), stop.clone());
            async move {
                let socket = match socket {
                    Some(socket) => socket,
                    None => tftp::bind(at)?,
                };
                tokio::select! {
                    ended = tftp::serve(socket, door) => Ok(ended?),
                    () = stop.cancelled() => Ok(()),
                }
            }
        }));
    }

    pub(super) fn tell_time(
        &self,
        parts: &mut JoinSet<()>,
        supervisor: &Supervisor,
        (at, socket): (SocketAddr, tokio::net::UdpSocket),
    ) {
        let first = std::sync::Mutex::new(Some(socket));
        let (clock, stop) = (self.clock.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep("ntp".to_owned(), move || {
            let socket = first.lock().ok().and_then(|mut first| first.take());
            let (clock, stop) = (clock.clone(), stop.clone());
            async move {
                let socket = match socket {
                    Some(socket) => socket,
                    None => sockets::datagrams(at)?,
                };
                tokio::select! {
                    ended = sntp::serve(socket, clock) => Ok(ended?),
                    () = stop.cancelled() => Ok(()),
                }
            }
        }));
    }
}

pub(super) fn entrance_plain(service: &Service, clock: &Clock, workers: &Workers) -> Entrance {
    let (service, clock, workers) = (service.clone(), clock.clone(), workers.clone());
    Entrance { service, tls: None, limits: Limits::default(), clock, workers }
}

/// One that nobody asked for may be missing: hardly any phone needs it.
pub(super) fn alternate(listen: &Listen) -> anyhow::Result<Option<(SocketAddr, TcpListener)>> {
    match listen.http_alternate {
        Some(at) => Ok(Some((at, bind("http-alternate", at)?))),
        None => Ok(sockets::connections(Listen::USUAL_ALTERNATE)
            .inspect_err(
                |error| tracing::warn!(%error, at = %Listen::USUAL_ALTERNATE, "some phones will not find files"),
            )
            .ok()
            .map(|socket| (Listen::USUAL_ALTERNATE, socket))),
    }
}

/// As with the alternate port, one that nobody asked for may be missing.
pub(super) fn trivial(listen: &Listen) -> anyhow::Result<Option<(SocketAddr, tokio::net::UdpSocket)>> {
    match listen.tftp {
        Some(at) => Ok(Some((at, tftp::bind(at).with_context(|| taken("tftp", at))?))),
        None => Ok(tftp::bind(Listen::USUAL_TFTP)
            .inspect_err(
                |error| tracing::warn!(%error, at = %Listen::USUAL_TFTP, "phones that ask over TFTP find nothing"),
            )
            .ok()
            .map(|socket| (Listen::USUAL_TFTP, socket))),
    }
}

pub(super) fn bind(name: &str, at: SocketAddr) -> anyhow::Result<TcpListener> {
    sockets::connections(at).with_context(|| taken(name, at))
}

pub(super) fn taken(name: &str, at: SocketAddr) -> String {
    format!(
        "{name} cannot listen on {at}; stop the program that has the port (`ss -lntup` names it), set another address under [listen], or run as root or by the service unit"
    )
}
