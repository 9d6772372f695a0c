//! One file on its way to one client.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

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

/// The way to a client and back.
pub(super) enum Way {
    /// A port of the transfer's own, as RFC 1350 has it.
    Own(UdpSocket),
    /// The server's port: what comes for this client is handed on.
    Shared(Arc<UdpSocket>, SocketAddr, mpsc::Receiver<Vec<u8>>),
}

impl Way {
    pub(super) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        let sent = match self {
            Self::Own(socket) => socket.send(packet).await,
            Self::Shared(socket, peer, _) => {
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
        match self {
            Self::Own(socket) => {
                buffer.resize(LONGEST, 0);
                let length = socket.recv(buffer).await?;
                buffer.truncate(length);
                Ok(())
            }
            Self::Shared(_, _, inbox) => {
                *buffer = inbox.recv().await.ok_or(io::ErrorKind::BrokenPipe)?;
                Ok(())
            }
        }
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
                        if first {
                            patience.measured(sent.elapsed());
                        }
                        (heard, tries) = (Instant::now(), 0);
                        break;
                    }
                    Meaning::Missing => {
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
                    patience.measured(sent.elapsed());
                    return Ok(true);
                }
                Ok(Packet::Error { .. }) => return Ok(false),
                _ => {}
            }
        }
    }
}
