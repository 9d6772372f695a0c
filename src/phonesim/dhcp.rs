//! DHCP messages, byte by byte (RFC 2131 figure 1 and table 5; options by RFC 2132).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Fault;
use crate::model::Mac;

pub(super) const DISCOVER: u8 = 1;
pub(super) const OFFER: u8 = 2;
pub(super) const REQUEST: u8 = 3;
pub(super) const ACK: u8 = 5;
pub(super) const NAK: u8 = 6;
pub(super) const INFORM: u8 = 8;

/// One message of the phone's.
#[derive(Debug, Clone)]
pub(super) struct Ask<'a> {
    pub(super) kind: u8,
    pub(super) mac: Mac,
    pub(super) xid: u32,
    /// Seconds since the phone began to look for an address.
    pub(super) secs: u16,
    /// The phone's address, when it renews it.
    pub(super) held: Option<Ipv4Addr>,
    /// The address and the server that it chose, when it answers an offer.
    pub(super) chosen: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Option 60; empty when there is none.
    pub(super) class: &'a [u8],
    /// Option 77.
    pub(super) user_class: Option<&'a [u8]>,
    /// Option 55.
    pub(super) wanted: &'a [u8],
}

impl Ask<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut packet = vec![1, 1, 6, 0];
        packet.extend(self.xid.to_be_bytes());
        packet.extend(self.secs.to_be_bytes());
        // Broadcast flag: the phone's sockets get nothing that is sent to an address it has not yet.
        packet.extend(if self.held.is_some() { [0, 0] } else { [0x80, 0] });
        packet.extend(self.held.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        packet.extend([0; 12]);
        packet.extend(self.mac.octets());
        packet.extend([0; 10 + 64 + 128]);
        packet.extend([99, 130, 83, 99]);
        packet.extend([53, 1, self.kind]);
        if let Some((address, server)) = self.chosen {
            packet.extend([50, 4]);
            packet.extend(address.octets());
            packet.extend([54, 4]);
            packet.extend(server.octets());
        }
        if !self.class.is_empty() {
            option(&mut packet, 60, self.class);
        }
        if let Some(class) = self.user_class {
            option(&mut packet, 77, class);
        }
        option(&mut packet, 55, self.wanted);
        packet.push(255);
        // BOOTP relays of old drop what is shorter than 300 bytes (RFC 1542 section 2.1).
        packet.resize(packet.len().max(300), 0);
        packet
    }
}

fn option(packet: &mut Vec<u8>, code: u8, value: &[u8]) {
    packet.push(code);
    packet.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
    packet.extend(value.iter().take(255));
}

/// An answer to this phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) kind: u8,
    pub(super) address: Ipv4Addr,
    pub(super) options: Options,
}

/// The options of an answer, whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Options(BTreeMap<u8, Vec<u8>>);

impl Reply {
    /// Reads an answer to the message with `xid` from `mac`; anything else is none.
    pub(super) fn parse(packet: &[u8], xid: u32, mac: Mac) -> Option<Self> {
        let (head, mut rest) = packet.split_first_chunk::<240>()?;
        let fits = head.starts_with(&[2, 1, 6])
            && head[4..8] == xid.to_be_bytes()
            && head[28..34] == mac.octets()
            && head[236..240] == [99, 130, 83, 99];
        if !fits {
            return None;
        }
        let mut options: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        loop {
            match rest {
                [] | [255, ..] => break,
                [0, more @ ..] => rest = more,
                [code, length, more @ ..] => {
                    let (value, more) = more.split_at_checked(usize::from(*length))?;
                    // RFC 3396: a value may come in pieces.
                    options.entry(*code).or_default().extend(value);
                    rest = more;
                }
                [_] => return None,
            }
        }
        let kind = *options.get(&53)?.first()?;
        let address = Ipv4Addr::new(head[16], head[17], head[18], head[19]);
        Some(Self { kind, address, options: Options(options) })
    }

    pub(super) fn server(&self) -> Option<Ipv4Addr> {
        self.options.addresses(54).first().copied()
    }

    /// What an OFFER or ACK grants; `url` is what the phone found in it.
    pub(super) fn terms(&self, url: Option<(u8, String)>) -> Result<Terms, Fault> {
        let options = &self.options;
        let mask = options.addresses(1).first().copied().ok_or(Fault::LeaseLacks("the subnet mask (option 1)"))?;
        let lease = options.seconds(51).ok_or(Fault::LeaseLacks("the lease time (option 51)"))?;
        if self.address.is_unspecified() {
            return Err(Fault::LeaseLacks("an address"));
        }
        Ok(Terms {
            address: self.address,
            mask,
            router: options.addresses(3).first().copied(),
            server: self.server().ok_or(Fault::LeaseLacks("the server's name (option 54)"))?,
            time_server: options.addresses(42).first().copied(),
            url,
            lease,
            // RFC 2131 section 4.4.5.
            renewal: options.seconds(58).unwrap_or(lease / 2),
            rebinding: options.seconds(59).unwrap_or(lease / 8 * 7),
        })
    }
}

impl Options {
    #[cfg(test)]
    pub(super) fn of(options: BTreeMap<u8, Vec<u8>>) -> Self {
        Self(options)
    }

    /// The octets of an option.
    pub(super) fn octets(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// The addresses of an option.
    pub(super) fn addresses(&self, code: u8) -> Vec<Ipv4Addr> {
        let (quads, _) = self.octets(code).unwrap_or_default().as_chunks::<4>();
        quads.iter().map(|&quad| quad.into()).collect()
    }

    fn seconds(&self, code: u8) -> Option<u32> {
        Some(u32::from_be_bytes(self.octets(code)?.try_into().ok()?))
    }

    /// The text of an option, without a closing NUL.
    pub(super) fn text(&self, code: u8) -> Option<String> {
        text(self.octets(code)?)
    }

    /// The first of these options that holds text.
    pub(super) fn first_text(&self, codes: &[u8]) -> Option<(u8, String)> {
        codes.iter().find_map(|&code| Some((code, self.text(code)?)))
    }

    /// The text of a sub-option, each of them number, length, value (RFC 2132 section 8.4).
    pub(super) fn text_within(&self, code: u8, sub_option: u8) -> Option<String> {
        let mut rest = self.octets(code)?;
        while let [number, length, more @ ..] = rest {
            let (value, more) = more.split_at_checked(usize::from(*length))?;
            if *number == sub_option {
                return text(value);
            }
            rest = more;
        }
        None
    }
}

fn text(octets: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(octets).ok()?.trim_end_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// What a lease says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) address: Ipv4Addr,
    pub(super) mask: Ipv4Addr,
    pub(super) router: Option<Ipv4Addr>,
    pub(super) server: Ipv4Addr,
    pub(super) time_server: Option<Ipv4Addr>,
    /// The provisioning URL and the option that it stood in.
    pub(super) url: Option<(u8, String)>,
    pub(super) lease: u32,
    pub(super) renewal: u32,
    pub(super) rebinding: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Mac = Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);

    const ASK: Ask<'_> = Ask {
        kind: DISCOVER,
        mac: PHONE,
        xid: 1,
        secs: 0,
        held: None,
        chosen: None,
        class: b"yealink",
        user_class: None,
        wanted: &[1, 3, 6, 15, 28, 42, 43, 51, 54, 66, 67],
    };

    fn reply(options: &[u8]) -> Vec<u8> {
        let mut packet = vec![2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0];
        packet.extend([0, 0, 0, 0, 10, 66, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);
        packet.extend([0; 202]);
        packet.extend([0x63, 0x82, 0x53, 0x63]);
        packet.extend(options);
        packet
    }

    const BASE: &[u8] = &[53, 1, 2, 54, 4, 10, 66, 0, 1, 1, 4, 255, 255, 255, 0, 51, 4, 0, 0, 14, 16];

    #[test]
    fn a_discover_has_these_bytes() {
        let ask = Ask { kind: DISCOVER, xid: 0x0102_0304, secs: 3, ..ASK };
        let packet = ask.bytes();
        assert_eq!(packet[..12], [1, 1, 6, 0, 1, 2, 3, 4, 0, 3, 0x80, 0]);
        assert_eq!(packet[28..34], PHONE.octets());
        let options =
            b"\x63\x82\x53\x63\x35\x01\x01\x3c\x07yealink\x37\x0b\x01\x03\x06\x0f\x1c\x2a\x2b\x33\x36\x42\x43\xff";
        assert_eq!(packet[236..236 + options.len()], *options);
        assert_eq!(packet.len(), 300);
    }

    #[test]
    fn a_request_names_what_it_chose_and_a_renewal_what_it_holds() {
        let (address, server) = (Ipv4Addr::new(10, 66, 0, 10), Ipv4Addr::new(10, 66, 0, 1));
        let base = Ask { kind: REQUEST, wanted: &[1, 3, 6, 15, 28, 42, 43, 51, 54, 66, 67, 160], ..ASK };
        let chosen = Ask { chosen: Some((address, server)), ..base.clone() }.bytes();
        assert_eq!(chosen[240..255], [53, 1, 3, 50, 4, 10, 66, 0, 10, 54, 4, 10, 66, 0, 1]);
        assert_eq!(chosen[264..278], [55, 12, 1, 3, 6, 15, 28, 42, 43, 51, 54, 66, 67, 160]);
        let renewal = Ask { held: Some(address), ..base }.bytes();
        assert_eq!(renewal[10..16], [0, 0, 10, 66, 0, 10]);
        assert_eq!(renewal[240..245], [53, 1, 3, 60, 7]);
    }

    #[test]
    fn reads_what_a_lease_grants() {
        let all = [BASE, &[43, 5], b"http:", &[66, 4], b"http", &[0, 66, 2], b":6", &[0, 255]].concat();
        let parsed = Reply::parse(&reply(&all), 0x0102_0304, PHONE).unwrap();
        assert_eq!(parsed.options.first_text(&[160, 66, 43]), Some((66, "http:6".into())), "in pieces");
        let terms = parsed.terms(None).unwrap();
        assert_eq!((terms.lease, terms.renewal, terms.rebinding), (3600, 1800, 3150));
    }

    #[test]
    fn reads_sub_options() {
        let options = Options::of(BTreeMap::from([(43, b"\x01\x01x\x42\x05http:\x43\x09cut".to_vec())]));
        assert_eq!(options.text_within(43, 66), Some("http:".into()));
        assert_eq!((options.text_within(43, 67), options.text_within(44, 66)), (None, None));
    }

    #[test]
    fn classes_stand_where_there_are_any() {
        let ask = Ask { class: b"", user_class: Some(b"\x03abc"), wanted: &[66], ..ASK };
        assert_eq!(ask.bytes()[240..253], *b"\x35\x01\x01\x4d\x04\x03abc\x37\x01\x42\xff");
    }

    #[test]
    fn what_is_not_for_this_phone_is_nothing() {
        let good = reply(&[BASE, &[255]].concat());
        assert!(Reply::parse(&good, 0x0102_0304, PHONE).is_some());
        assert!(Reply::parse(&good, 0x0102_0305, PHONE).is_none(), "another transaction");
        assert!(Reply::parse(&good, 0x0102_0304, Mac::new([2, 0, 0, 0, 0, 1])).is_none(), "another phone");
        assert!(Reply::parse(&good[..239], 0x0102_0304, PHONE).is_none(), "cut short");
        for at in [0, 236] {
            let mut wrong = good.clone();
            wrong[at] = 1;
            assert!(Reply::parse(&wrong, 0x0102_0304, PHONE).is_none(), "{at}");
        }
        let past_the_end = reply(&[BASE, &[66, 200, b'h']].concat());
        assert!(Reply::parse(&past_the_end, 0x0102_0304, PHONE).is_none());
        assert!(Reply::parse(&reply(&[255]), 0x0102_0304, PHONE).is_none(), "no message type");
    }

    #[test]
    fn a_lease_without_the_needful_is_named() {
        let bare = reply(&[53, 1, 5, 255]);
        let fault = Reply::parse(&bare, 0x0102_0304, PHONE).unwrap().terms(None).unwrap_err();
        assert_eq!(fault.to_string(), "the DHCP server's answer lacks the subnet mask (option 1)");
    }
}
