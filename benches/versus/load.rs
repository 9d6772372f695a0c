//! A load generator that costs little: so many exchanges at once, each client's next step the moment its answer comes.
//! It shows what a server can do beyond the rate at which `perfdhcp` itself is the limit.
//!
//! `load SERVER RELAY CLIENTS AT-ONCE SECONDS` speaks from port 67 of RELAY, as a relay agent does, for CLIENTS clients
//! that `perfdhcp` would play too. It prints 4-way exchanges a second, the share of lost steps in percent, and the 50th
//! and 99th percentile, in ms, of the time from REQUEST to ACK. It must never run outside a namespace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use socket2::{Domain, Socket, Type};

const BATCH: usize = 64;
const LONGEST: usize = 1024;
const QUESTION: usize = 300;
/// First MAC address of the clients, as `perfdhcp` counts them.
const FIRST: u64 = 0x00_0c_01_02_03_04;
/// A step that was not answered for so long is lost.
const PATIENCE: Duration = Duration::from_secs(1);
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACK: u8 = 5;

/// One exchange under way. Its place in the list is the transaction's low half.
struct Exchange {
    client: u64,
    round: u16,
    kind: u8,
    since: Instant,
}

struct Figures {
    steps: u64,
    lost: u64,
    delays: Vec<Duration>,
}

fn question(place: usize, exchange: &Exchange, relay: Ipv4Addr, offered: Option<([u8; 4], [u8; 4])>) -> [u8; QUESTION] {
    let mut packet = [0; QUESTION];
    packet[..4].copy_from_slice(&[1, 1, 6, 1]);
    packet[4..6].copy_from_slice(&exchange.round.to_be_bytes());
    packet[6..8].copy_from_slice(&u16::try_from(place).unwrap().to_be_bytes());
    packet[24..28].copy_from_slice(&relay.octets());
    let mac = &(FIRST + exchange.client).to_be_bytes()[2..];
    packet[28..34].copy_from_slice(mac);
    packet[236..243].copy_from_slice(&[99, 130, 83, 99, 53, 1, exchange.kind]);
    packet[243..252].copy_from_slice(&[55, 7, 1, 28, 2, 3, 15, 6, 12]);
    packet[252..255].copy_from_slice(&[61, 7, 1]);
    packet[255..261].copy_from_slice(mac);
    packet[261] = 255;
    if let Some((address, server)) = offered {
        packet[261..263].copy_from_slice(&[50, 4]);
        packet[263..267].copy_from_slice(&address);
        packet[267..269].copy_from_slice(&[54, 4]);
        packet[269..273].copy_from_slice(&server);
        packet[273] = 255;
    }
    packet
}

/// The value of a four-byte option of a reply.
fn option(reply: &[u8], code: u8) -> Option<&[u8]> {
    let mut rest = reply.get(240..)?;
    while let [found, length, ..] = *rest
        && found != 255
    {
        let value = rest.get(2..2 + usize::from(length))?;
        if found == code {
            return Some(value);
        }
        rest = &rest[2 + value.len()..];
    }
    None
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [server, relay, clients, at_once, seconds] = words.as_slice() else {
        panic!("usage: load SERVER RELAY CLIENTS AT-ONCE SECONDS")
    };
    let (server, relay): (Ipv4Addr, Ipv4Addr) = (server.parse().unwrap(), relay.parse().unwrap());
    let (clients, at_once): (u64, u16) = (clients.parse().unwrap(), at_once.parse().unwrap());
    let span = Duration::from_secs(seconds.parse().unwrap());
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 20).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    socket.bind(&SocketAddrV4::new(relay, 67).into()).unwrap();
    let to = Some(SockaddrIn::from(SocketAddrV4::new(server, 67)));

    let begun = Instant::now();
    let mut figures = Figures { steps: 0, lost: 0, delays: Vec::new() };
    let mut next = u64::from(at_once);
    let mut running: Vec<Exchange> = (0..u64::from(at_once))
        .map(|client| Exchange { client: client % clients, round: 0, kind: DISCOVER, since: begun })
        .collect();
    let mut outbox: Vec<_> = running.iter().enumerate().map(|(at, first)| question(at, first, relay, None)).collect();
    let mut buffers = vec![[0; LONGEST]; BATCH];
    while begun.elapsed() < span {
        for batch in outbox.chunks(BATCH) {
            let mut sent = MultiHeaders::<SockaddrIn>::preallocate(batch.len(), None);
            let slices: Vec<_> = batch.iter().map(|packet| [IoSlice::new(packet)]).collect();
            // What does not fit the queue is lost, and counted so.
            let _ = sendmmsg(socket.as_raw_fd(), &mut sent, &slices, vec![to; batch.len()], [], MsgFlags::empty());
        }
        outbox.clear();
        let mut received = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let lengths: Vec<usize> =
            match recvmmsg(socket.as_raw_fd(), &mut received, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None) {
                Ok(taken) => taken.map(|message| message.bytes).collect(),
                Err(Errno::EAGAIN | Errno::EINTR) => Vec::new(),
                Err(errno) => panic!("receiving: {errno}"),
            };
        let now = Instant::now();
        for (buffer, length) in buffers.iter().zip(lengths) {
            let Some(reply) = buffer.get(..length).filter(|reply| reply.len() > 240) else { continue };
            let place = usize::from(u16::from_be_bytes([reply[6], reply[7]]));
            let Some(exchange) = running.get_mut(place) else { continue };
            let kind = option(reply, 53).and_then(|value| value.first().copied());
            let offered = match (exchange.kind, kind) {
                _ if reply[4..6] != exchange.round.to_be_bytes() => continue,
                (DISCOVER, Some(OFFER)) => {
                    let named = option(reply, 54).and_then(|value| value.try_into().ok()).expect("a server identifier");
                    exchange.kind = REQUEST;
                    Some((reply[16..20].try_into().unwrap(), named))
                }
                (REQUEST, Some(ACK)) => {
                    figures.delays.push(now - exchange.since);
                    *exchange = Exchange {
                        client: next % clients,
                        round: exchange.round.wrapping_add(1),
                        kind: DISCOVER,
                        since: now,
                    };
                    next += 1;
                    None
                }
                _ => continue,
            };
            figures.steps += 1;
            exchange.since = now;
            outbox.push(question(place, exchange, relay, offered));
        }
        for (place, exchange) in running.iter_mut().enumerate().filter(|(_, one)| now - one.since > PATIENCE) {
            figures.lost += 1;
            *exchange =
                Exchange { client: next % clients, round: exchange.round.wrapping_add(1), kind: DISCOVER, since: now };
            next += 1;
            outbox.push(question(place, exchange, relay, None));
        }
    }
    figures.print(begun.elapsed());
}

impl Figures {
    fn print(mut self, span: Duration) {
        self.delays.sort_unstable();
        let at =
            |share: usize| self.delays.get(self.delays.len() * share / 100).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
        let lost = 100.0 * self.lost as f64 / (self.steps + self.lost).max(1) as f64;
        let rate = self.delays.len() as f64 / span.as_secs_f64();
        println!("{rate:.0} {lost:.2} {:.2} {:.2}", at(50), at(99));
    }
}
