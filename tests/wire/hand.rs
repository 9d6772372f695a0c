//! DHCP messages written by hand, for what no client that other people wrote would say.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};

use crate::dhcp::REQUEST;
use crate::ground::{BOX, Client};

/// Port 68 of a place on the LAN.
pub(crate) struct Hand(UdpSocket);

/// An answer of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) yiaddr: Ipv4Addr,
}

impl Hand {
    pub(crate) fn at(place: &Client) -> Self {
        let namespace = format!("/run/netns/{}", place.namespace);
        let opened = thread::spawn(move || {
            setns(File::open(namespace).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
            socket.set_broadcast(true).unwrap();
            socket.bind_device(Some(b"eth0")).unwrap();
            socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68).into()).unwrap();
            socket
        });
        Self(opened.join().unwrap().into())
    }

    pub(crate) fn send(&self, message: &[u8]) {
        self.0.send_to(message, (Ipv4Addr::BROADCAST, 67)).unwrap();
    }

    /// The answers that come within `span`.
    pub(crate) fn answers(&self, span: Duration) -> Vec<Answer> {
        let deadline = Instant::now() + span;
        let mut answers = Vec::new();
        let mut buffer = [0; 2048];
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.0.set_read_timeout(Some(left)).unwrap();
            let Ok((length, _)) = self.0.recv_from(&mut buffer) else { continue };
            let message = &buffer[..length];
            if length > 242 && message[0] == 2 && message[240..242] == [53, 1] {
                let yiaddr = <[u8; 4]>::try_from(&message[16..20]).unwrap().into();
                answers.push(Answer { kind: message[242], yiaddr });
            }
        }
        answers
    }
}

/// A message of this type (RFC 2132 section 9.6) from 02:00:00:00:66:`client`, which wants its answer by broadcast.
pub(crate) fn message(kind: u8, client: u8, options: &[(u8, &[u8])]) -> Vec<u8> {
    let mut message = vec![1, 1, 6, 0, 0, 0, 0, client, 0, 0, 0x80, 0];
    message.resize(28, 0);
    message.extend([2, 0, 0, 0, 0x66, client]);
    message.resize(236, 0);
    message.extend([99, 130, 83, 99, 53, 1, kind]);
    for (code, value) in options {
        message.extend([*code, u8::try_from(value.len()).unwrap()]);
        message.extend(*value);
    }
    message.push(255);
    message
}

/// A REQUEST for an address of the box's that was never offered, as one comes after a restart.
pub(crate) fn takes(client: u8, address: Ipv4Addr) -> Vec<u8> {
    message(REQUEST, client, &[(54, &BOX.octets()), (50, &address.octets())])
}
