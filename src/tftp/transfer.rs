//! One file on its way to one client.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::payload::{Blocks, Payload};
use super::terms::Terms;
use super::window::{HEAD, Meaning, Patience, Window};
use super::wire::{self, Mode, Packet, Refusal};

/// How often the last block is sent when nobody acknowledges it: clients often are gone by then.
const LAST: u32 = 5;

/// The longest packet of a client: a block of a file that it leaves, and its head.
const LONGEST: usize = 1432;

/// When a client was last heard in its transfer: never, before it acknowledges anything.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Option<Instant>>>);

impl Heard {
    /// How long it has been silent since it acknowledged something; `None` when it never did.
    pub(super) fn silence(&self) -> Option<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed())
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// The way to a client and back.
pub(super) struct Way {
    pub(super) line: Line,
    pub(super) heard: Heard,
}

/// Over which port.
pub(super) enum Line {
    /// A port of the transfer's own, as RFC 1350 has it.
    Own(UdpSocket),
    /// The server's port: what comes for this client is handed on.
    Shared(Arc<UdpSocket>, SocketAddr, mpsc::Receiver<Vec<u8>>),
}

impl Way {
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        let sent = match &self.line {
            Line::Own(socket) => socket.send(packet).await,
            Line::Shared(socket, peer, _) => {
                let v6 = socket.local_addr().is_ok_and(|local| local.is_ipv6());
                socket.send_to(packet, super::as_seen_by(v6, *peer)).await
            }
        };
        match sent {
            // The line is full for a moment: the packet counts as lost.
            Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => Ok(()),
            other => other.map(drop),
        }
    }

    /// What the client says, in `buffer`.
    pub(super) async fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.line {
            Line::Own(socket) => {
                buffer.resize(LONGEST, 0);
                let length = socket.recv(buffer).await?;
                buffer.truncate(length);
            }
            Line::Shared(_, _, inbox) => *buffer = inbox.recv().await.ok_or(io::ErrorKind::BrokenPipe)?,
        }
        // A block or an acknowledgement; the request may come twice.
        if let [0, 3 | 4, ..] = buffer.as_slice() {
            self.heard.now();
        }
        Ok(())
    }
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The client has all of it.
    Whole,
    /// The client gave up, or was not heard any more.
    Left,
    /// The file could not be read to its end.
    Broken,
}

/// Sends a file on these terms.
pub(super) async fn send(mut way: Way, payload: Payload, mode: Mode, terms: Terms) -> io::Result<Ended> {
    let mut patience = Patience::new(terms.wait);
    let mut buffer = Vec::new();
    if !terms.agreed.is_empty() && !open(&mut way, &terms, &mut patience, &mut buffer).await? {
        return Ok(Ended::Left);
    }
    let mut blocks = Blocks::new(payload, mode, terms.block);
    let mut window = Window::new(terms.window);
    // Buffers of blocks that have arrived, for the next ones.
    let mut spare: VecDeque<Vec<u8>> = VecDeque::new();
    let (mut heard, mut tries) = (Instant::now(), 0);
    let mut ended = false;
    loop {
        while !ended && window.room() > 0 {
            let head = spare.pop_front().unwrap_or_else(|| vec![0; HEAD]);
            match blocks.next(head).await {
                Ok(Some(block)) => window.push(block),
                Ok(None) => ended = true,
                Err(error) => {
                    tracing::debug!(%error, "a file could not be read to its end");
                    way.send(&wire::error(Refusal::Broken)).await?;
                    return Ok(Ended::Broken);
                }
            }
        }
        if window.is_empty() {
            return Ok(Ended::Whole);
        }
        for (number, block) in window.numbered() {
            wire::number(block, number);
            way.send(block).await?;
        }
        let sent = Instant::now();
        let first = tries == 0;
        loop {
            let answer = tokio::time::timeout_at(sent + patience.wait(), way.receive(&mut buffer)).await;
            match answer {
                Err(_) => {
                    tries += 1;
                    patience.missed();
                    if heard.elapsed() > patience.end() || (ended && tries > LAST) {
                        return Ok(Ended::Left);
                    }
                    break;
                }
                // Nobody listens there any more.
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(Ended::Left),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(())) => {}
            }
            match Packet::read(&buffer) {
                Ok(Packet::Error { .. }) => return Ok(Ended::Left),
                Ok(Packet::Acknowledged(number)) => match window.acknowledged(number, &mut spare) {
                    Meaning::Arrived(_) => {
                        patience.acknowledged();
                        if first {
                            patience.measured(sent.elapsed());
                        }
                        (heard, tries) = (Instant::now(), 0);
                        break;
                    }
                    Meaning::Missing => {
                        patience.acknowledged();
                        tries += 1;
                        heard = Instant::now();
                        break;
                    }
                    Meaning::Nothing => {}
                },
                // The request again, or nonsense.
                Ok(Packet::Read(_) | Packet::Write(_)) | Err(_) => {}
            }
        }
    }
}

/// Tells the terms until the client takes them.
async fn open(way: &mut Way, terms: &Terms, patience: &mut Patience, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let began = Instant::now();
    let packet = wire::options(&terms.agreed);
    loop {
        way.send(&packet).await?;
        let sent = Instant::now();
        loop {
            match tokio::time::timeout_at(sent + patience.wait(), way.receive(buffer)).await {
                Err(_) if began.elapsed() > patience.end() => return Ok(false),
                Err(_) => {
                    patience.missed();
                    break;
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(false),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(())) => {}
            }
            match Packet::read(buffer) {
                Ok(Packet::Acknowledged(0)) => {
                    patience.acknowledged();
                    patience.measured(sent.elapsed());
                    return Ok(true);
                }
                Ok(Packet::Error { .. }) => return Ok(false),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;
    use tokio::time::timeout;

    use super::*;
    use crate::tftp::Request;

    async fn pair() -> (UdpSocket, UdpSocket) {
        let bind = || UdpSocket::bind(("127.0.0.1", 0));
        let (ours, theirs) = (bind().await.unwrap(), bind().await.unwrap());
        ours.connect(theirs.local_addr().unwrap()).await.unwrap();
        theirs.connect(ours.local_addr().unwrap()).await.unwrap();
        (ours, theirs)
    }

    /// Sends a file of one block to whoever is at the other end; how it ended, and after how long.
    async fn sent_to(ours: UdpSocket, terms: Terms) -> (Ended, Duration) {
        let way = Way { line: Line::Own(ours), heard: Heard::default() };
        let began = Instant::now();
        let ended = send(way, Payload::Bytes(Bytes::from_static(b"a file")), Mode::Octet, terms).await.unwrap();
        (ended, began.elapsed())
    }

    fn terms(options: &[(&str, &str)]) -> Terms {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Terms::agree(&Request { name: "a".into(), mode: Mode::Octet, options }, Some(6))
    }

    /// Whoever forges an address asks in the name of somebody who says nothing.
    #[tokio::test(start_paused = true)]
    async fn who_never_acknowledges_is_given_up_soon_whatever_he_asked_for() {
        let asked: [&[(&str, &str)]; 4] = [&[], &[("timeout", "30")], &[("timeout", "255")], &[("blksize", "1428")]];
        for options in asked {
            let (ours, _silent) = pair().await;
            let (ended, after) = sent_to(ours, terms(options)).await;
            assert_eq!(ended, Ended::Left, "{options:?}");
            let ten = Duration::from_secs(8)..Duration::from_secs(15);
            assert!(ten.contains(&after), "{options:?}: {after:?}");
        }
    }

    #[tokio::test]
    async fn who_has_taken_a_long_wait_may_be_silent_for_longer() {
        const LIMIT: Duration = Duration::from_secs(5);
        let (ours, client) = pair().await;
        let sending = tokio::spawn(sent_to(ours, terms(&[("timeout", "20")])));
        let mut packet = [0; 64];
        timeout(LIMIT, client.recv(&mut packet)).await.unwrap().unwrap();
        client.send(&[0, 4, 0, 0]).await.unwrap();
        // What it was offered may come once more before the block.
        while packet[1] != 3 {
            timeout(LIMIT, client.recv(&mut packet)).await.unwrap().unwrap();
        }
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(25)).await;
        tokio::time::resume();
        client.send(&[0, 4, 0, 1]).await.unwrap();
        assert_eq!(timeout(LIMIT, sending).await.unwrap().unwrap().0, Ended::Whole);
    }
}
