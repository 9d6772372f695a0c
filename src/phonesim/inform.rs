//! DHCPINFORM: what a phone asks that has an address already (RFC 2131 section 3.4).

use std::net::Ipv4Addr;

use super::Identity;
use super::dhcp::{Ask, INFORM, Reply};

/// Number of the one transaction; each message is answered before the next is sent.
const TRANSACTION: u32 = 0x6666_0066;

/// What a phone was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Informed {
    /// The provisioning URL as its brand reads it, with the option that it stood in.
    pub url: Option<(u8, String)>,
    /// The time server.
    pub time_server: Option<Ipv4Addr>,
}

/// The message of a phone that has `address`, as its brand sends it.
pub fn inform(identity: &Identity, address: Ipv4Addr) -> Vec<u8> {
    let dhcp = &identity.breed.dhcp;
    let class = (dhcp.class)(identity);
    let ask = Ask {
        kind: INFORM,
        mac: identity.mac,
        xid: TRANSACTION,
        secs: 0,
        held: Some(address),
        chosen: None,
        class: &class,
        user_class: dhcp.user_class,
        wanted: dhcp.wanted,
    };
    ask.bytes()
}

impl Informed {
    /// Reads the answer; `None` where it is none to this phone.
    pub fn read(identity: &Identity, answer: &[u8]) -> Option<Self> {
        let reply = Reply::parse(answer, TRANSACTION, identity.mac)?;
        let url = (identity.breed.dhcp.place)(&reply.options, &[]);
        Some(Self { url, time_server: reply.options.addresses(42).first().copied() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn informs_itself_as_the_rfc_says_and_reads_the_answer() {
        let phone = Identity::t46u(Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]));
        let message = inform(&phone, Ipv4Addr::new(10, 66, 0, 1));
        assert_eq!(message[10..16], [0, 0, 10, 66, 0, 1], "it has an address, so nothing is broadcast");
        assert_eq!(message[240..243], [53, 1, 8]);
        let mut answer = message[..240].to_vec();
        answer[0] = 2;
        answer.extend(b"\x35\x01\x05\x2a\x04\x0a\x42\x00\x01\x42\x08http://a\xff");
        let informed = Informed::read(&phone, &answer).unwrap();
        assert_eq!(informed.url, Some((66, "http://a".into())));
        assert_eq!(informed.time_server, Some(Ipv4Addr::new(10, 66, 0, 1)));
        answer[33] = 0;
        assert_eq!(Informed::read(&phone, &answer), None, "it is for another phone");
    }
}
