use std::net::Ipv4Addr;

use dhcproto::v4::{Message, MessageType};
use dhcproto::{Decodable, Decoder};

use super::options::{Options, code};
use super::server_id::is_a_hosts;
use crate::model::{Lease, Mac};

/// Length of the fixed part of a message with its magic cookie (RFC 2131 section 2).
const FIXED: usize = 240;
/// What the options begin with (RFC 2131 section 3).
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Sub-option 5 of option 82 (RFC 3527).
const LINK_SELECTION: u8 = 5;
/// Sub-option 1 of option 82: the circuit (RFC 3046).
const CIRCUIT: u8 = 1;
/// What one option holds.
const LONGEST_RELAY_INFORMATION: usize = 255;

/// Why bytes are not a message of a DHCP client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the fixed part.
    #[error("{length} bytes, a message has at least 240")]
    TooShort {
        /// Length of the packet.
        length: usize,
    },
    /// Longer than any packet that is read.
    #[error("longer than any message")]
    TooLong,
    /// `op` is not BOOTREQUEST.
    #[error("op {op} is no request")]
    NotARequest {
        /// What it is.
        op: u8,
    },
    /// The client is not on Ethernet, or says that its address is not 6 octets long.
    #[error("hardware type {htype} with addresses of {hlen} octets is no Ethernet")]
    NotEthernet {
        /// Hardware type.
        htype: u8,
        /// Length of the hardware address.
        hlen: u8,
    },
    /// The hardware address is null or a group's.
    #[error("{mac} cannot be a client's address")]
    NotUnicast {
        /// The address.
        mac: Mac,
    },
    /// The magic cookie is missing: not DHCP, or plain BOOTP.
    #[error("no DHCP cookie")]
    NoCookie,
    /// An option is longer than what is left.
    #[error("option {code} runs past the end")]
    OptionPastEnd {
        /// The option.
        code: u8,
    },
    /// No message type: plain BOOTP, which is not served.
    #[error("no message type")]
    NoType,
    /// A message type that no client sends.
    #[error("a client does not send message type {kind}")]
    NotAClients {
        /// The type.
        kind: u8,
    },
    /// A REQUEST names a server that there cannot be. To believe it would be to know of another server.
    #[error("{address} cannot be a server's address")]
    NotAServers {
        /// The address.
        address: Ipv4Addr,
    },
    /// The client identifier is longer than a lease can say ([`Lease::LONGEST_FIELD`]): none could be stored, and so
    /// none given.
    #[error("client identifier of {length} octets")]
    ClientIdTooLong {
        /// Its length.
        length: usize,
    },
    /// The relay's option is longer than one can be (RFC 3046 section 2.0): it must come back whole, and would leave
    /// no room for the reply.
    #[error("relay agent information of {length} octets")]
    RelayInformationTooLong {
        /// Its length.
        length: usize,
    },
}

/// What a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any address.
    Discover,
    /// A certain address.
    Request,
    /// Not this address: somebody has it.
    Decline,
    /// To give its address back.
    Release,
    /// Parameters, for an address that it has already.
    Inform,
}

impl Kind {
    /// Its name in RFC 2131.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discover => "DHCPDISCOVER",
            Self::Request => "DHCPREQUEST",
            Self::Decline => "DHCPDECLINE",
            Self::Release => "DHCPRELEASE",
            Self::Inform => "DHCPINFORM",
        }
    }
}

/// A message of a client that has passed the guard: Ethernet, a unicast address, options that end where they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the client wants.
    pub kind: Kind,
    /// Transaction, repeated in the answer.
    pub xid: u32,
    /// Flags, repeated in the answer; the highest bit asks for a broadcast.
    pub flags: u16,
    /// The address that the client has and answers ARP for; null when it has none.
    pub ciaddr: Ipv4Addr,
    /// The relay that passed the message on; null when there was none.
    pub giaddr: Ipv4Addr,
    /// Hardware address of the client.
    pub mac: Mac,
    /// Sender of the packet; null when it had no address. Not part of the message: whoever received it sets it.
    pub source: Ipv4Addr,
    /// Everything else.
    pub options: Options,
}

impl Request {
    /// Reads a packet from port 67.
    ///
    /// The fixed part is read by `dhcproto`, which must never see a hardware address longer than 16 octets, and
    /// loses every option after the first that it cannot read: so the guard stands before it and the options
    /// are walked here.
    ///
    /// # Errors
    /// [`Malformed`], naming what is wrong. Nothing in a packet makes this panic.
    pub fn decode(packet: &[u8]) -> Result<Self, Malformed> {
        let too_short = Malformed::TooShort { length: packet.len() };
        let (fixed, field) = packet.split_at_checked(FIXED).ok_or(too_short)?;
        let [op, htype, hlen, ..] = *fixed else { return Err(too_short) };
        if op != 1 {
            return Err(Malformed::NotARequest { op });
        }
        if (htype, hlen) != (1, 6) {
            return Err(Malformed::NotEthernet { htype, hlen });
        }
        let (head, cookie) = fixed.split_last_chunk::<4>().ok_or(too_short)?;
        if *cookie != COOKIE {
            return Err(Malformed::NoCookie);
        }
        let message = Message::decode(&mut Decoder::new(fixed)).map_err(|_| too_short)?;
        let mac = Mac::new(<[u8; 6]>::try_from(message.chaddr()).map_err(|_| too_short)?);
        if !mac.is_unicast() {
            return Err(Malformed::NotUnicast { mac });
        }
        // Not from the decoded message, which cuts them at their first null byte.
        let (rest, file) = head.split_last_chunk::<128>().ok_or(too_short)?;
        let (_, sname) = rest.split_last_chunk::<64>().ok_or(too_short)?;
        let options = Options::read(field, file, sname)?;
        let kind = match *options.get(code::MESSAGE_TYPE).unwrap_or_default() {
            [kind] => match MessageType::from(kind) {
                MessageType::Discover => Kind::Discover,
                MessageType::Request => Kind::Request,
                MessageType::Decline => Kind::Decline,
                MessageType::Release => Kind::Release,
                MessageType::Inform => Kind::Inform,
                _ => return Err(Malformed::NotAClients { kind }),
            },
            _ => return Err(Malformed::NoType),
        };
        let named = options.address(code::SERVER_ID).filter(|_| kind == Kind::Request);
        if let Some(address) = named.filter(|address| !is_a_hosts(*address)) {
            return Err(Malformed::NotAServers { address });
        }
        if let Some(length) = options.get(code::CLIENT_ID).map(<[u8]>::len).filter(|l| *l > Lease::LONGEST_FIELD) {
            return Err(Malformed::ClientIdTooLong { length });
        }
        if let Some(length) = options.get(code::RELAY_AGENT).map(<[u8]>::len).filter(|l| *l > LONGEST_RELAY_INFORMATION)
        {
            return Err(Malformed::RelayInformationTooLong { length });
        }
        Ok(Self {
            kind,
            xid: message.xid(),
            flags: message.flags().into(),
            ciaddr: message.ciaddr(),
            giaddr: message.giaddr(),
            mac,
            source: Ipv4Addr::UNSPECIFIED,
            options,
        })
    }

    /// Whether the client cannot take a unicast before it has an address.
    pub fn wants_broadcast(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Option 61. One octet cannot be an identifier (RFC 2132 section 9.14) and reads as absent.
    pub fn client_id(&self) -> Option<&[u8]> {
        self.options.get(code::CLIENT_ID).filter(|id| id.len() >= 2)
    }

    /// An address in the subnet that a relayed client is in: what the relay says (RFC 3527), else the relay's own
    /// address. `None` when the client is on the wire.
    pub fn link(&self) -> Option<Ipv4Addr> {
        let relay = Some(self.giaddr).filter(|address| !address.is_unspecified())?;
        let said = self.options.get(code::RELAY_AGENT).and_then(|told| sub_option(told, LINK_SELECTION));
        let said = said.and_then(|value| <[u8; 4]>::try_from(value).ok()).map(Ipv4Addr::from);
        Some(said.filter(|address| !address.is_unspecified()).unwrap_or(relay))
    }

    /// The port of the client, as a relay agent or a switch names it: sub-option 1 of option 82 (RFC 3046).
    pub fn circuit(&self) -> Option<&[u8]> {
        self.options.get(code::RELAY_AGENT).and_then(|told| sub_option(told, CIRCUIT))
    }

    /// Option 50.
    pub fn requested_address(&self) -> Option<Ipv4Addr> {
        self.options.address(code::REQUESTED_ADDRESS).filter(|address| !address.is_unspecified())
    }

    /// Option 54: the server that the client speaks to.
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        self.options.address(code::SERVER_ID)
    }

    /// Option 60 as sent.
    pub fn vendor_class(&self) -> Option<&[u8]> {
        self.options.get(code::VENDOR_CLASS)
    }

    /// Option 55: codes in the order in which the client wants them.
    pub fn requested(&self) -> &[u8] {
        self.options.get(code::REQUEST_LIST).unwrap_or_default()
    }

    /// Bytes of DHCP message that the client takes.
    ///
    /// Option 57 counts IP and UDP headers, as RFC 2131 section 2 counts its 576: clients disagree, and to send
    /// less than allowed hurts nobody. More than an Ethernet frame holds is never sent.
    pub fn longest_reply(&self) -> usize {
        let datagram = self.options.number16(code::MAX_SIZE).unwrap_or(576).clamp(576, 1500);
        usize::from(datagram) - 28
    }
}

/// A sub-option of option 82 (RFC 3046 section 2.0). One that runs past the end reads as absent.
pub(super) fn sub_option(mut told: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [code, length, rest @ ..] = told {
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        if *code == wanted {
            return Some(value);
        }
        told = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::packets::Packet;
    use super::*;

    #[test]
    fn reads_a_discover() {
        // Fixed part of RFC 2131 figure 1, field by field.
        let mut bytes = vec![1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 3, 0x80, 0];
        bytes.extend([0; 16]);
        bytes.extend([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0; 192]);
        bytes.extend([99, 130, 83, 99, 53, 1, 1, 55, 3, 66, 1, 3, 61, 7, 1, 0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);
        bytes.extend([50, 4, 10, 66, 0, 10, 57, 2, 0x05, 0xdc, 255]);
        let request = Request::decode(&bytes).unwrap();
        assert_eq!(request.kind, Kind::Discover);
        assert_eq!(request.xid, 0xdead_beef);
        assert!(request.wants_broadcast());
        assert_eq!(request.mac.to_string(), "80:5e:c0:12:34:56");
        assert_eq!(request.requested(), [66, 1, 3]);
        assert_eq!(request.client_id(), Some(&[1, 0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56][..]));
        assert_eq!(request.requested_address(), Some([10, 66, 0, 10].into()));
        assert_eq!(request.longest_reply(), 1472);
    }

    #[test]
    fn names_what_is_wrong() {
        let good = Packet::discover(1).bytes();
        let with = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            Request::decode(&bytes)
        };
        assert_eq!(Request::decode(&good[..239]), Err(Malformed::TooShort { length: 239 }));
        assert_eq!(with(0, 2), Err(Malformed::NotARequest { op: 2 }));
        assert_eq!(with(1, 6), Err(Malformed::NotEthernet { htype: 6, hlen: 6 }));
        assert_eq!(with(2, 255), Err(Malformed::NotEthernet { htype: 1, hlen: 255 }));
        assert_eq!(with(28, 1), Err(Malformed::NotUnicast { mac: Mac::new([1, 0x5e, 0xc0, 0, 0, 1]) }));
        assert_eq!(with(236, 0), Err(Malformed::NoCookie));
        assert_eq!(with(242, 2), Err(Malformed::NotAClients { kind: 2 }));
        assert_eq!(with(240, 54), Err(Malformed::NoType));
        assert_eq!(with(241, 200), Err(Malformed::OptionPastEnd { code: 53 }));
        let nobody = Ipv4Addr::UNSPECIFIED;
        let named = Packet::select(1, nobody, [10, 66, 0, 10].into());
        assert_eq!(Request::decode(&named.bytes()), Err(Malformed::NotAServers { address: nobody }));
        assert!(Request::decode(&Packet::discover(1).with(54, &[0; 4]).bytes()).is_ok(), "there it means nothing");
        let mut long = Packet::discover(1);
        long.options.extend([(61, vec![1; 200]), (61, vec![2; 200])]);
        assert_eq!(Request::decode(&long.bytes()), Err(Malformed::ClientIdTooLong { length: 400 }));
        let named = |length| Request::decode(&Packet::discover(1).with(61, &vec![7; length]).bytes());
        assert_eq!(named(255), Err(Malformed::ClientIdTooLong { length: 255 }));
        assert_eq!(named(254).unwrap().client_id(), Some(&[7; 254][..]));
        let relayed = Packet::discover(1).with(82, &[1; 200]).with(82, &[2; 100]);
        assert_eq!(Request::decode(&relayed.bytes()), Err(Malformed::RelayInformationTooLong { length: 300 }));
    }
}
