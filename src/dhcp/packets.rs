//! Packets of clients, written by hand for tests: no encoder of ours stands between a test and its bytes.

use std::net::Ipv4Addr;

use super::request::Request;

/// A message of a client, to be bent as a test needs it.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) xid: u32,
    pub(crate) flags: u16,
    pub(crate) ciaddr: [u8; 4],
    pub(crate) giaddr: [u8; 4],
    pub(crate) chaddr: [u8; 6],
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Packet {
    fn new(client: u8, kind: u8) -> Self {
        Self {
            xid: u32::from(client),
            flags: 0,
            ciaddr: [0; 4],
            giaddr: [0; 4],
            chaddr: [0x80, 0x5e, 0xc0, 0, 0, client],
            options: vec![(53, vec![kind])],
        }
    }

    pub(crate) fn discover(client: u8) -> Self {
        Self::new(client, 1)
    }

    /// A REQUEST after an offer of `server`.
    pub(crate) fn select(client: u8, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        Self::new(client, 3).with(54, &server.octets()).with(50, &address.octets())
    }

    /// A REQUEST of a client that wakes up and remembers `address`.
    pub(crate) fn reboot(client: u8, address: Ipv4Addr) -> Self {
        Self::new(client, 3).with(50, &address.octets())
    }

    /// A REQUEST for more time.
    pub(crate) fn renew(client: u8, address: Ipv4Addr) -> Self {
        let mut packet = Self::new(client, 3);
        packet.ciaddr = address.octets();
        packet
    }

    pub(crate) fn decline(client: u8, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        Self::new(client, 4).with(54, &server.octets()).with(50, &address.octets())
    }

    pub(crate) fn release(client: u8, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        let mut packet = Self::new(client, 7).with(54, &server.octets());
        packet.ciaddr = address.octets();
        packet
    }

    pub(crate) fn inform(client: u8, address: Ipv4Addr) -> Self {
        let mut packet = Self::new(client, 8);
        packet.ciaddr = address.octets();
        packet
    }

    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.push((code, value.to_vec()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![1, 1, 6, 0];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(self.flags.to_be_bytes());
        bytes.extend(self.ciaddr);
        bytes.extend([0; 8]);
        bytes.extend(self.giaddr);
        bytes.extend(self.chaddr);
        bytes.extend([0; 10 + 64 + 128]);
        bytes.extend([99, 130, 83, 99]);
        for (code, value) in &self.options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend(value);
        }
        bytes.push(255);
        bytes
    }

    pub(crate) fn request(&self) -> Request {
        Request { source: self.ciaddr.into(), ..Request::decode(&self.bytes()).unwrap() }
    }
}

/// What a client reads in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) kind: u8,
    pub(crate) xid: u32,
    pub(crate) yiaddr: Ipv4Addr,
    /// In the order in which they stand.
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Heard {
    pub(crate) fn read(message: &[u8]) -> Self {
        let mut options = Vec::new();
        let mut at = 240;
        while message[at] != 255 {
            let length = usize::from(message[at + 1]);
            options.push((message[at], message[at + 2..at + 2 + length].to_vec()));
            at += 2 + length;
        }
        let kind = options.iter().find(|(code, _)| *code == 53).unwrap().1[0];
        let xid = u32::from_be_bytes(message[4..8].try_into().unwrap());
        Self { kind, xid, yiaddr: <[u8; 4]>::try_from(&message[16..20]).unwrap().into(), options }
    }

    pub(crate) fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }

    pub(crate) fn get(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(c, _)| *c == code).map(|(_, value)| value.as_slice())
    }
}
