use std::net::Ipv4Addr;

use block66::dhcp::{Destination, Kind, Knowledge, Network, Request, code};

use super::world::{LEASE, RELAY, SERVER};

/// A reply as a client reads it (RFC 2131 figure 1), by no code of the server's.
pub(super) struct Reply<'a> {
    message: &'a [u8],
    to: Destination,
    pub(super) kind: u8,
    pub(super) yiaddr: Ipv4Addr,
    /// In the order in which they stand, repeats joined (RFC 3396).
    options: Vec<(u8, Vec<u8>)>,
}

impl<'a> Reply<'a> {
    pub(super) fn read(message: &'a [u8], to: Destination) -> Self {
        assert!(message.len() >= 300, "{} octets are fewer than BOOTP has", message.len());
        assert_eq!(message[..4], [2, 1, 6, 0], "op, htype, hlen, hops");
        assert_eq!(message[236..240], [99, 130, 83, 99], "cookie");
        assert!(message[34..236].iter().all(|octet| *octet == 0), "chaddr's padding, sname and file are not empty");
        let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut rest = &message[240..];
        loop {
            match rest {
                [255, padding @ ..] => {
                    assert!(padding.iter().all(|octet| *octet == 0), "something stands behind the end");
                    break;
                }
                [code, length, tail @ ..] => {
                    assert!(*code != 0, "padding between options");
                    let (value, tail) =
                        tail.split_at_checked(usize::from(*length)).unwrap_or_else(|| panic!("option {code} is cut"));
                    match options.iter_mut().find(|(other, _)| other == code) {
                        Some((_, joined)) => joined.extend(value),
                        None => options.push((*code, value.to_vec())),
                    }
                    rest = tail;
                }
                _ => panic!("no end mark: {message:02x?}"),
            }
        }
        let kind = match options.first() {
            Some((53, kind)) if kind.len() == 1 => kind[0],
            other => panic!("the first option is {other:?}, no message type"),
        };
        Self { message, to, kind, yiaddr: address(message, 16), options }
    }

    fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(other, _)| *other == code).map(|(_, value)| value.as_slice())
    }

    /// Seconds of the lease; 0 without one.
    pub(super) fn lease(&self) -> u32 {
        self.option(51).and_then(|value| value.try_into().ok()).map_or(0, u32::from_be_bytes)
    }

    pub(super) fn has_any(&self, codes: &[u8]) -> bool {
        codes.iter().any(|code| self.option(*code).is_some())
    }

    /// Checks that it is an answer to this request, and says nothing that is not for this client.
    pub(super) fn check(&self, request: &Request, knowledge: &Knowledge, network: &Network) {
        let Self { message, kind, yiaddr, .. } = *self;
        let longest = request.longest_reply().max(300);
        assert!(message.len() <= longest, "{} octets for a client that takes {longest}", message.len());
        assert_eq!(message[4..8], request.xid.to_be_bytes(), "another's transaction");
        assert_eq!(message[28..34], request.mac.octets(), "another's hardware");
        assert_eq!(address(message, 24), request.giaddr);
        assert_eq!(self.option(code::SERVER_ID), Some(&SERVER.octets()[..]));
        let inform = request.kind == Kind::Inform;
        // RFC 4039: a client that offers it may get its lease at once, and is told so.
        let rapid = request.kind == Kind::Discover && kind == 5;
        assert_eq!(self.option(code::RAPID_COMMIT), rapid.then_some(&[][..]));
        assert!(!rapid || request.options.get(code::RAPID_COMMIT).is_some(), "a lease for somebody who only looks");
        match (request.kind, kind) {
            (Kind::Discover, 5) => assert!(!yiaddr.is_unspecified()),
            (Kind::Discover, 2) | (Kind::Request, 5) => assert!(!yiaddr.is_unspecified()),
            (Kind::Request, 6) | (Kind::Inform, 5) => assert!(yiaddr.is_unspecified(), "{yiaddr} with no lease"),
            other => panic!("{other:?} is no exchange"),
        }
        let ciaddr = if kind == 5 { request.ciaddr } else { Ipv4Addr::UNSPECIFIED };
        assert_eq!(address(message, 12), ciaddr);
        for (code, value) in &self.options {
            let expected = self.expected(*code, request, knowledge, network);
            assert!(expected.iter().any(|right| right == value), "option {code} is {value:02x?}");
            assert!(kind != 6 || matches!(code, 53 | 54 | 56 | 61 | 82), "option {code} in a NAK");
            assert!(!inform || !matches!(code, 51 | 58 | 59), "option {code} with no lease");
        }
        // RFC 3046 section 2.2: the relay's option comes back as it was, and last.
        if let Some(relay) = request.options.get(code::RELAY_AGENT).filter(|relay| !relay.is_empty()) {
            let last = self.options.last().map(|(code, value)| (*code, value.as_slice()));
            assert_eq!(last, Some((82, relay)), "option 82 is not as the relay sent it");
        }
        self.check_destination(request, network);
    }

    /// All that an option may say to this client.
    fn expected(&self, code: u8, request: &Request, knowledge: &Knowledge, network: &Network) -> Vec<Vec<u8>> {
        let known = knowledge.options.iter().filter(|(other, _)| *other == code).map(|(_, value)| value.clone());
        let mut expected: Vec<Vec<u8>> = known.collect();
        let kept = network.subnet.reservations.get(&request.mac);
        expected.extend(match code {
            1 => Some(vec![255, 255, 255, 0]),
            3 => Some(vec![10, 66, 0, 254]),
            6 => Some(vec![10, 66, 0, 253, 9, 9, 9, 9]),
            12 => kept.and_then(|kept| kept.host_name.clone()).map(String::into_bytes),
            15 => Some(b"branch.example".to_vec()),
            42 | 54 => Some(SERVER.octets().to_vec()),
            51 => Some(self.lease().min(LEASE).to_be_bytes().to_vec()),
            53 => Some(vec![self.kind]),
            56 => Some(b"address not available here".to_vec()),
            // RFC 2131 section 4.4.5: half of the lease, and seven eighths.
            58 => Some((self.lease() / 2).to_be_bytes().to_vec()),
            59 => Some((self.lease() - self.lease() / 8).to_be_bytes().to_vec()),
            80 => Some(Vec::new()),
            61 | 82 => request.options.get(code).map(<[u8]>::to_vec),
            _ => None,
        });
        expected
    }

    /// RFC 2131 section 4.1; and no reply leaves for an address outside of the network.
    fn check_destination(&self, request: &Request, network: &Network) {
        match self.to {
            Destination::Relay(relay) => {
                assert!(relay == request.giaddr && relay == RELAY, "sent to the relay {relay}");
            }
            Destination::Client(client) => {
                assert!(client == request.ciaddr && network.subnet.net.contains(&client), "sent to {client}");
            }
            Destination::Hardware { mac, address } => {
                assert!(mac == request.mac && address == self.yiaddr && !address.is_unspecified());
            }
            Destination::Broadcast => {}
        }
        let relayed = matches!(self.to, Destination::Relay(_));
        assert_eq!(relayed, !request.giaddr.is_unspecified(), "a relay's reply goes to the relay");
    }
}

fn address(message: &[u8], at: usize) -> Ipv4Addr {
    let octets: [u8; 4] = message[at..at + 4].try_into().expect("four octets");
    octets.into()
}
