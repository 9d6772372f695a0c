use std::net::Ipv4Addr;

use super::coexistence::Marker;
use super::options::code;
use crate::model::Mac;

/// What any client asks for.
const USUAL: [u8; 5] = [code::SUBNET_MASK, code::ROUTER, code::DNS, code::DOMAIN, code::LEASE_TIME];

/// What a message of our own in the part of a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// Any address. The offer is never taken.
    Discover,
    /// Parameters, for the address that the box has.
    Inform(Ipv4Addr),
}

/// A message in which the box plays a client, to learn what other servers answer. It never leads to a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// What it is.
    pub(super) wish: Wish,
    /// Transaction; random.
    pub(super) xid: u32,
    /// The box's own hardware address: a server that sends its answer to it finds us, whatever the flag says.
    pub(super) mac: Mac,
    /// Option 61: one that the box has for this alone, so that no lease of its own is touched.
    pub(super) client_id: Vec<u8>,
    /// Option 60.
    pub(super) class: Option<Vec<u8>>,
    /// Option 55; empty asks for what any client asks for.
    pub(super) requested: Vec<u8>,
    /// What tells other boxes of this one.
    pub(super) marker: Option<Marker>,
}

impl Question {
    /// The message, without UDP and IP headers.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (kind, ciaddr) = match self.wish {
            Wish::Discover => (1, Ipv4Addr::UNSPECIFIED),
            Wish::Inform(own) => (8, own),
        };
        let mut bytes = vec![1, 1, 6, 0];
        bytes.extend(self.xid.to_be_bytes());
        // No seconds; the answer is to be broadcast, so that it is heard before there is an address.
        bytes.extend([0, 0, 0x80, 0]);
        bytes.extend(ciaddr.octets());
        bytes.resize(28, 0);
        bytes.extend(self.mac.octets());
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99]);
        let requested = if self.requested.is_empty() { &USUAL[..] } else { &self.requested };
        let mut add = |code: u8, value: &[u8]| {
            if let Ok(length) = u8::try_from(value.len()) {
                bytes.extend([code, length]);
                bytes.extend(value);
            }
        };
        add(code::MESSAGE_TYPE, &[kind]);
        add(code::CLIENT_ID, &self.client_id);
        add(code::MAX_SIZE, &1500_u16.to_be_bytes());
        if let Some(class) = &self.class {
            add(code::VENDOR_CLASS, class);
        }
        add(code::REQUEST_LIST, requested);
        if let Some(marker) = &self.marker {
            add(code::MARKER, &marker.bytes());
        }
        bytes.push(255);
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::coexistence::Part;
    use super::super::request::{Kind, Request};
    use super::*;
    use crate::model::{Id, Timestamp};

    #[test]
    fn is_what_a_server_expects_of_a_client() {
        let marker = Marker { id: Id::new(Timestamp::from_secs(1), 2), part: Part::Candidate, asks: true };
        let mut question = Question {
            wish: Wish::Discover,
            xid: 7,
            mac: Mac::new([2, 0, 0, 0, 0, 1]),
            client_id: b"\0probe".to_vec(),
            class: Some(b"phone".to_vec()),
            requested: vec![66, 160],
            marker: Some(marker),
        };
        let bytes = question.bytes();
        assert_eq!(bytes.len(), 300);
        let request = Request::decode(&bytes).unwrap();
        assert!(request.wants_broadcast());
        assert_eq!((request.kind, request.xid, request.mac), (Kind::Discover, 7, question.mac));
        assert_eq!(request.vendor_class(), Some(&b"phone"[..]));
        assert_eq!(request.requested(), [66, 160]);
        assert_eq!(request.options.get(224).and_then(Marker::read), Some(marker));
        question.wish = Wish::Inform([10, 66, 0, 1].into());
        let request = Request::decode(&question.bytes()).unwrap();
        assert_eq!((request.kind, request.ciaddr), (Kind::Inform, [10, 66, 0, 1].into()));
    }
}
