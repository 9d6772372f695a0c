use std::net::Ipv4Addr;

use dhcproto::Encodable;
use dhcproto::encoder::Encoder;
use dhcproto::v4::{Flags, Message, MessageType, Opcode, OptionCode, encode_long_opt_bytes};

use super::options::code;
use super::request::Request;
use crate::model::Mac;

/// BOOTP's message length, below which old relays and clients drop a reply (RFC 1542 section 2.1).
const SHORTEST: usize = 300;

/// A message on its way to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message, without UDP and IP headers.
    pub message: Vec<u8>,
    /// Where it goes.
    pub to: Destination,
    /// Whether it is an ACK that gives or confirms an address: it must not leave before that lease is stored.
    pub gives: bool,
}

/// Where a reply goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The relay that the request came through, on port 67.
    Relay(Ipv4Addr),
    /// The address that the client has already, on port 68.
    Client(Ipv4Addr),
    /// A client that has no address yet and takes frames to its hardware address, on port 68.
    Hardware {
        /// Its hardware address.
        mac: Mac,
        /// The address that it is about to get.
        address: Ipv4Addr,
    },
    /// Everybody on the link, on port 68.
    Broadcast,
}

impl Destination {
    /// Where the answer of type `kind` to `request` goes (RFC 2131 section 4.1, and 4.3.2 for a NAK).
    ///
    /// `ciaddr` counts only where it is the address that the answer confirms, or where the answer gives none: with
    /// anything else in it a forged request would send the answer to whomever it names.
    pub fn of(request: &Request, kind: MessageType, yiaddr: Ipv4Addr) -> Self {
        if !request.giaddr.is_unspecified() {
            Self::Relay(request.giaddr)
        } else if kind == MessageType::Nak {
            Self::Broadcast
        } else if !request.ciaddr.is_unspecified() && (yiaddr.is_unspecified() || yiaddr == request.ciaddr) {
            Self::Client(request.ciaddr)
        } else if request.wants_broadcast() || yiaddr.is_unspecified() {
            Self::Broadcast
        } else {
            Self::Hardware { mac: request.mac, address: yiaddr }
        }
    }
}

/// A reply in the making: options are added in the order in which they shall stand, and one that would make the
/// message longer than the client takes is left out.
pub(super) struct Draft<'a> {
    request: &'a Request,
    kind: MessageType,
    yiaddr: Ipv4Addr,
    options: Vec<u8>,
    room: usize,
    written: [bool; 256],
}

impl<'a> Draft<'a> {
    /// A reply of type `kind` that gives or confirms `yiaddr`, with the message type, the server identifier, and
    /// the client identifier as sent (RFC 6842).
    pub(super) fn new(request: &'a Request, kind: MessageType, yiaddr: Ipv4Addr, server: Ipv4Addr) -> Self {
        // What must stand at the end: option 82 as the relay sent it (RFC 3046 section 2.2), and the end mark.
        let tail = request.options.get(code::RELAY_AGENT).map_or(0, encoded_length) + 1;
        let room = request.longest_reply().saturating_sub(240 + tail);
        let mut draft = Self { request, kind, yiaddr, options: Vec::with_capacity(128), room, written: [false; 256] };
        draft.add(code::MESSAGE_TYPE, &[kind.into()]);
        draft.add(code::SERVER_ID, &server.octets());
        if let Some(id) = request.options.get(code::CLIENT_ID) {
            draft.add(code::CLIENT_ID, id);
        }
        draft
    }

    /// Adds an option, once, if there is room for it.
    pub(super) fn add(&mut self, code: u8, value: &[u8]) {
        let length = encoded_length(value);
        let Some(written) = self.written.get_mut(usize::from(code)) else { return };
        if *written || value.is_empty() || length > self.room {
            return;
        }
        *written = true;
        self.room -= length;
        append(&mut self.options, code, value);
    }

    /// Adds an option that has no value, once, if there is room for it.
    pub(super) fn add_mark(&mut self, code: u8) {
        let Some(written) = self.written.get_mut(usize::from(code)).filter(|written| !**written) else { return };
        if self.room >= 2 {
            *written = true;
            self.room -= 2;
            self.options.extend([code, 0]);
        }
    }

    /// The finished message and where it goes.
    pub(super) fn finish(mut self) -> Reply {
        let request = self.request;
        if let Some(relay) = request.options.get(code::RELAY_AGENT) {
            append(&mut self.options, code::RELAY_AGENT, relay);
        }
        self.options.push(255);
        // RFC 2131 table 3: `ciaddr` is repeated in an ACK alone.
        let ciaddr = if self.kind == MessageType::Ack { request.ciaddr } else { Ipv4Addr::UNSPECIFIED };
        // The relay must broadcast a NAK: the client may not answer ARP for the address it is refused.
        let through_relay = !request.giaddr.is_unspecified();
        let flags = if self.kind == MessageType::Nak && through_relay { request.flags | 0x8000 } else { request.flags };
        let null = Ipv4Addr::UNSPECIFIED;
        let chaddr = request.mac.octets();
        let mut message = Message::new_with_id(request.xid, ciaddr, self.yiaddr, null, request.giaddr, &chaddr);
        message.set_opcode(Opcode::BootReply).set_flags(Flags::from(flags));
        // Writing to memory that grows does not fail.
        let mut bytes = message.to_vec().unwrap_or_default();
        bytes.extend_from_slice(&self.options);
        if bytes.len() < SHORTEST {
            bytes.resize(SHORTEST, 0);
        }
        let gives = self.kind == MessageType::Ack && !self.yiaddr.is_unspecified();
        Reply { message: bytes, to: Destination::of(request, self.kind, self.yiaddr), gives }
    }
}

/// Bytes that a value takes, cut into options of at most 255 (RFC 3396).
fn encoded_length(value: &[u8]) -> usize {
    value.len() + 2 * value.len().div_ceil(255)
}

fn append(options: &mut Vec<u8>, code: u8, value: &[u8]) {
    let mut encoded = Vec::with_capacity(encoded_length(value));
    // Writing to memory that grows does not fail.
    if encode_long_opt_bytes(OptionCode::from(code), value, &mut Encoder::new(&mut encoded)).is_ok() {
        options.append(&mut encoded);
    }
}

#[cfg(test)]
mod tests {
    use super::super::packets::Packet;
    use super::*;

    const YIADDR: Ipv4Addr = Ipv4Addr::new(10, 66, 0, 10);

    #[test]
    fn addresses_replies_as_rfc_2131_says() {
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
        let to = |packet: &Packet, kind| Destination::of(&packet.request(), kind, YIADDR);
        let none = Ipv4Addr::UNSPECIFIED;
        let mut packet = Packet::discover(1);
        assert_eq!(to(&packet, MessageType::Offer), Destination::Hardware { mac, address: YIADDR });
        assert_eq!(to(&packet, MessageType::Nak), Destination::Broadcast);
        packet.flags = 0x8000;
        assert_eq!(to(&packet, MessageType::Offer), Destination::Broadcast);
        packet.ciaddr = [192, 0, 2, 1];
        assert_eq!(to(&packet, MessageType::Ack), Destination::Broadcast, "not to whomever a request names");
        assert_eq!(to(&packet, MessageType::Offer), Destination::Broadcast);
        packet.ciaddr = YIADDR.octets();
        assert_eq!(to(&packet, MessageType::Ack), Destination::Client(YIADDR));
        let inform = Destination::of(&packet.request(), MessageType::Ack, none);
        assert_eq!(inform, Destination::Client(YIADDR));
        assert_eq!(to(&packet, MessageType::Nak), Destination::Broadcast);
        packet.giaddr = [10, 66, 0, 2];
        assert_eq!(to(&packet, MessageType::Ack), Destination::Relay([10, 66, 0, 2].into()));
        assert_eq!(to(&packet, MessageType::Nak), Destination::Relay([10, 66, 0, 2].into()));
    }

    #[test]
    fn writes_the_bytes_of_an_offer() {
        let mut packet = Packet::discover(1);
        packet.options.extend([(61, vec![1, 2, 3]), (82, vec![1, 2, 7, 7])]);
        let request = packet.request();
        let mut draft = Draft::new(&request, MessageType::Offer, YIADDR, [10, 66, 0, 1].into());
        draft.add(code::SUBNET_MASK, &[255, 255, 255, 0]);
        draft.add(code::SUBNET_MASK, &[9, 9, 9, 9]);
        let message = draft.finish().message;
        let mut expected = vec![2, 1, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 10, 66, 0, 10];
        expected.extend([0; 8]);
        expected.extend([0x80, 0x5e, 0xc0, 0, 0, 1]);
        expected.extend([0; 10 + 64 + 128]);
        expected.extend([99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 66, 0, 1, 61, 3, 1, 2, 3]);
        expected.extend([1, 4, 255, 255, 255, 0, 82, 4, 1, 2, 7, 7, 255]);
        expected.resize(300, 0);
        assert_eq!(message, expected);
    }

    #[test]
    fn a_nak_through_a_relay_is_to_be_broadcast() {
        let mut packet = Packet::discover(1);
        packet.giaddr = [10, 66, 0, 2];
        let request = packet.request();
        let nak = Draft::new(&request, MessageType::Nak, Ipv4Addr::UNSPECIFIED, [10, 66, 0, 1].into()).finish();
        assert_eq!(nak.message[10..12], [0x80, 0]);
        assert_eq!(nak.message[24..28], [10, 66, 0, 2]);
    }

    #[test]
    fn never_longer_than_the_client_takes() {
        let mut packet = Packet::discover(1);
        packet.options.push((82, vec![5; 60]));
        for (size, most) in [(None, 548), (Some(576_u16), 548), (Some(100), 548), (Some(1000), 972), (Some(9000), 1472)]
        {
            packet.options.retain(|(code, _)| *code != 57);
            packet.options.extend(size.map(|size| (57, size.to_be_bytes().to_vec())));
            let request = packet.request();
            let mut draft = Draft::new(&request, MessageType::Offer, YIADDR, [10, 66, 0, 1].into());
            for code in 128..=254 {
                draft.add(code, &[7; 100]);
            }
            draft.add(15, b"ab");
            let length = draft.finish().message.len();
            assert!(length <= most && length > most - 110, "{size:?}: {length}");
        }
    }
}
