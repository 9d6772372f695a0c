//! A DHCP server that remembers nothing: it answers DISCOVER and REQUEST with the address that stands for the
//! client's MAC in a table, and stores nothing. What a load generator reaches against it is the generator's limit.
//!
//! `null-responder ADDRESS` serves port 67 until it is killed. Only for requests through a relay, as `perfdhcp` sends
//! them; it must never run outside a namespace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg};
use socket2::{Domain, Socket, Type};

const BATCH: usize = 64;
const LONGEST: usize = 1024;
const REPLY: usize = 300;
/// First address of the table; the last two bytes of the MAC count from here.
const FIRST: u32 = u32::from_be_bytes([10, 66, 1, 0]);

/// Turns a request into its reply, by copying what both have in common.
fn answer(request: &[u8], server: Ipv4Addr, reply: &mut [u8; REPLY]) -> Option<SockaddrIn> {
    let kind = request[240..].windows(3).find(|option| option[..2] == [53, 1])?[2];
    reply[..44].copy_from_slice(&request[..44]);
    reply[0] = 2;
    let client = u32::from(u16::from_be_bytes([request[32], request[33]]));
    reply[16..20].copy_from_slice(&(FIRST + client).to_be_bytes());
    reply[242] = if kind == 1 { 2 } else { 5 };
    reply[245..249].copy_from_slice(&server.octets());
    let relay = Ipv4Addr::from(<[u8; 4]>::try_from(&request[24..28]).ok()?);
    Some(SockaddrIn::from(SocketAddrV4::new(relay, 67)))
}

fn main() {
    let server: Ipv4Addr = std::env::args().nth(1).and_then(|text| text.parse().ok()).expect("the own address");
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_recv_buffer_size(4 << 20).unwrap();
    socket.bind(&SocketAddrV4::new(server, 67).into()).unwrap();

    let mut blank = [0; REPLY];
    blank[236..250].copy_from_slice(&[99, 130, 83, 99, 53, 1, 2, 54, 4, 0, 0, 0, 0, 51]);
    blank[250..262].copy_from_slice(&[4, 0, 0, 14, 16, 1, 4, 255, 254, 0, 0, 255]);
    let mut replies = vec![blank; BATCH];
    let mut buffers = vec![[0; LONGEST]; BATCH];
    loop {
        let mut received = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
        let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
        let taken = recvmmsg(socket.as_raw_fd(), &mut received, slices.iter_mut(), MsgFlags::MSG_WAITFORONE, None);
        let lengths: Vec<usize> = taken.unwrap().map(|message| message.bytes).collect();
        let mut addresses = Vec::with_capacity(BATCH);
        for (buffer, length) in buffers.iter().zip(lengths) {
            let reply = &mut replies[addresses.len()];
            if length > 243
                && let Some(to) = answer(&buffer[..length], server, reply)
            {
                addresses.push(Some(to));
            }
        }
        let mut sent = MultiHeaders::<SockaddrIn>::preallocate(addresses.len(), None);
        let slices: Vec<_> = replies.iter().take(addresses.len()).map(|reply| [IoSlice::new(reply)]).collect();
        // A full queue towards a client is that client's loss.
        let _ = sendmmsg(socket.as_raw_fd(), &mut sent, &slices, &addresses, [], MsgFlags::empty());
    }
}
