//! Messages over TCP and TLS: connections that phones make, and those that are made to phones.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::core::{Fault, Input};
use super::transaction::{Hop, Key};
use super::wire::Framer;
use crate::model::{Transport, block_of};
use crate::sys::AnyCertificate;

/// How long a connection may take to be made, with its handshake.
const CONNECT: Duration = Duration::from_secs(4);
/// How long a connection is kept on which nothing is said: longer than a phone may take to answer.
const IDLE: Duration = Duration::from_secs(40);
/// How long half a message is waited for.
const HALF: Duration = Duration::from_secs(10);
/// How long a write may take.
const WRITE: Duration = Duration::from_secs(10);
/// Connections that others may have with us.
const MOST_ACCEPTED: usize = 256;
/// Connections that one source may have with one of our listeners: a phone has one, and a second after it started anew.
const MOST_OF_ONE: usize = 8;
/// Messages that wait to be written to one connection.
const MOST_WAITING: usize = 64;

/// All connections.
#[derive(Clone)]
pub(super) struct Streams {
    inputs: mpsc::Sender<Input>,
    client: TlsConnector,
    open: Arc<Mutex<Open>>,
}

/// The way to each connection, by whether it is TLS and who is at its other end.
type Open = HashMap<(bool, SocketAddr), mpsc::Sender<Outgoing>>;

/// A message to be written.
struct Outgoing {
    bytes: Arc<[u8]>,
    key: Key,
}

impl Streams {
    pub(super) fn new(inputs: mpsc::Sender<Input>, provider: Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        // Phones have factory certificates, or made one themselves. What is sent to them holds no secret but the answer
        // to a challenge, which is given to a proven address only and would be over UDP as well.
        let verifier = Arc::new(AnyCertificate(provider.clone()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        Ok(Self { inputs, client: TlsConnector::from(Arc::new(config)), open: Arc::default() })
    }

    /// Sends a message over the connection that there is, or over a new one. What cannot be sent is told as an input.
    pub(super) fn send(&self, hop: Hop, bytes: Arc<[u8]>, key: Key) {
        let place = (hop.transport == Transport::Tls, hop.remote);
        let mut outgoing = Outgoing { bytes, key };
        let writer = self.lock().get(&place).cloned();
        if let Some(writer) = writer {
            match writer.try_send(outgoing) {
                Ok(()) => return,
                Err(mpsc::error::TrySendError::Full(back) | mpsc::error::TrySendError::Closed(back)) => outgoing = back,
            }
        }
        // An answer goes back over the connection that the request came by, or nowhere.
        if matches!(outgoing.key, Key::Server(_)) {
            return;
        }
        let (writer, messages) = mpsc::channel(MOST_WAITING);
        let key = outgoing.key.clone();
        let _ = writer.try_send(outgoing);
        self.lock().insert(place, writer);
        let streams = self.clone();
        tokio::spawn(async move {
            if let Err(error) = streams.connect(hop, messages).await {
                tracing::debug!(to = %hop.remote, %error, "no SIP connection");
                streams.lock().remove(&place);
                let _ = streams.inputs.send(Input::Unreachable(key)).await;
            }
        });
    }

    async fn connect(&self, hop: Hop, messages: mpsc::Receiver<Outgoing>) -> io::Result<()> {
        let stream = timeout(CONNECT, TcpStream::connect(hop.remote)).await??;
        if hop.transport == Transport::Tls {
            let name = ServerName::IpAddress(hop.remote.ip().to_canonical().into());
            let stream = timeout(CONNECT, self.client.connect(name, stream)).await??;
            tokio::spawn(self.clone().run(stream, hop, messages));
        } else {
            tokio::spawn(self.clone().run(stream, hop, messages));
        }
        Ok(())
    }

    /// Accepts connections for as long as it is polled.
    pub(super) async fn accept(self, listener: TcpListener, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(MOST_ACCEPTED));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return Ok(()) };
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of files, or a peer that was gone at once: neither lasts.
                    tracing::debug!(%error, "accepting a SIP connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (streams, tls) = (self.clone(), tls.clone());
            let place = (tls.is_some(), from);
            let (writer, messages) = mpsc::channel(MOST_WAITING);
            {
                let mut open = self.lock();
                if are_many(&open, place) {
                    tracing::debug!(%from, "a source with many SIP connections has no further one");
                    continue;
                }
                open.insert(place, writer);
            }
            tokio::spawn(async move {
                let _permit = permit;
                let transport = if tls.is_some() { Transport::Tls } else { Transport::Tcp };
                let hop = Hop { transport, remote: from, interface: 0 };
                match tls {
                    None => streams.run(stream, hop, messages).await,
                    Some(config) => match timeout(CONNECT, TlsAcceptor::from(config).accept(stream)).await {
                        Ok(Ok(stream)) => streams.run(stream, hop, messages).await,
                        _ => {
                            streams.lock().remove(&place);
                            let _ = streams.inputs.send(Input::Fault(Fault::Handshake, from)).await;
                        }
                    },
                }
            });
        }
    }

    /// Moves bytes until either side is done.
    async fn run<S>(self, stream: S, hop: Hop, mut messages: mpsc::Receiver<Outgoing>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut reading, mut writing) = tokio::io::split(stream);
        let mut framer = Framer::default();
        let mut buffer = [0; 4096];
        loop {
            let patience = if framer.is_waiting() { HALF } else { IDLE };
            tokio::select! {
                read = timeout(patience, reading.read(&mut buffer)) => {
                    let Ok(Ok(length @ 1..)) = read else {
                        if framer.is_waiting() {
                            let _ = self.inputs.send(Input::Fault(Fault::HalfMessage, hop.remote)).await;
                        }
                        break;
                    };
                    framer.take(buffer.get(..length).unwrap_or_default());
                    loop {
                        match framer.cut() {
                            Ok(Some(bytes)) => {
                                if self.inputs.send(Input::Bytes { bytes, hop, to_group: false }).await.is_err() {
                                    return;
                                }
                            }
                            Ok(None) => break,
                            Err(malformed) => {
                                let _ = self.inputs.send(Input::Fault(Fault::Malformed(malformed), hop.remote)).await;
                                self.close(hop);
                                return;
                            }
                        }
                    }
                }
                message = messages.recv() => {
                    let Some(message) = message else { break };
                    let written = timeout(WRITE, async {
                        writing.write_all(&message.bytes).await?;
                        writing.flush().await
                    });
                    if !matches!(written.await, Ok(Ok(()))) {
                        let _ = self.inputs.send(Input::Unreachable(message.key)).await;
                        break;
                    }
                }
            }
        }
        self.close(hop);
    }

    fn close(&self, hop: Hop) {
        self.lock().remove(&(hop.transport == Transport::Tls, hop.remote));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether whoever is at the other end of this place has as many connections as one source may have, or those on the
/// link, of whom each can call itself by any number of addresses, have half of all.
fn are_many(open: &Open, (tls, from): (bool, SocketAddr)) -> bool {
    let source = block_of(from.ip());
    let own = |(kind, other): &&(bool, SocketAddr)| *kind == tls && block_of(other.ip()) == source;
    let is_on_link = |ip: IpAddr| matches!(ip, IpAddr::V6(address) if address.is_unicast_link_local());
    let on_link = || open.keys().filter(|(kind, other)| *kind == tls && is_on_link(other.ip())).count();
    open.keys().filter(own).count() >= MOST_OF_ONE || is_on_link(source) && on_link() >= MOST_ACCEPTED / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_has_few_connections_and_others_find_theirs() {
        let mut open = Open::new();
        let at = |last: u8, port: u16| SocketAddr::from(([192, 0, 2, last], port));
        for port in 1..=u16::try_from(MOST_OF_ONE).unwrap() {
            assert!(!are_many(&open, (false, at(66, 1000))), "{port}");
            open.insert((false, at(66, port)), mpsc::channel(1).0);
        }
        assert!(are_many(&open, (false, at(66, 1000))));
        assert!(!are_many(&open, (true, at(66, 1000))), "the other listener counts its own");
        assert!(!are_many(&open, (false, at(67, 1000))));
        open.remove(&(false, at(66, 1)));
        assert!(!are_many(&open, (false, at(66, 1000))), "one that is closed makes room");
    }

    #[test]
    fn many_addresses_on_the_link_leave_room_for_others() {
        let mut open = Open::new();
        let at = |host: u16| SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, host], 5060));
        for host in 1..=u16::try_from(MOST_ACCEPTED / 2).unwrap() {
            assert!(!are_many(&open, (false, at(host))), "{host}");
            open.insert((false, at(host)), mpsc::channel(1).0);
        }
        assert!(are_many(&open, (false, at(1000))));
        assert!(!are_many(&open, (false, SocketAddr::from(([192, 0, 2, 66], 5060)))));
    }
}
