//! Addresses as SIP writes them: URIs, name-addr, Via (RFC 3261 section 25.1), with what phones make of them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::wire::{parameter, parameters};
use crate::model::Transport;

/// A `sip:` or `sips:` URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// Whether it says `sips:`.
    pub secure: bool,
    /// The part before the `@`, with its escapes undone.
    pub user: Option<String>,
    /// Where.
    pub host: Host,
    /// The port, when it names one.
    pub port: Option<u16>,
    /// What its `transport` parameter says.
    pub transport: Option<Transport>,
}

/// A host: an address, or a name that somebody else would have to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name.
    Name(String),
}

impl Uri {
    /// Reads a URI, with `<…>` around it or not; what stands before and behind the brackets is not looked at.
    pub fn read(text: &str) -> Option<Self> {
        let text = match text.split_once('<') {
            Some((_, inside)) => inside.split_once('>')?.0,
            // Without brackets, parameters are the header field's (RFC 3261 section 20.10); a user part may hold
            // semicolons.
            None => {
                let host = text.rfind('@').unwrap_or_default();
                let end = text.get(host..).and_then(|rest| rest.find(';')).map_or(text.len(), |at| host + at);
                text.get(..end).unwrap_or_default()
            }
        };
        let (scheme, rest) = text.trim().split_once(':')?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "sip" => false,
            "sips" => true,
            _ => return None,
        };
        let rest = rest.split('?').next().unwrap_or_default();
        // A user part may hold a semicolon; a host never holds an `@`.
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let user = user
            .map(|user| unescape(user.split_once(':').filter(|_| !names_a_mac(user)).map_or(user, |(user, _)| user)));
        let transport = parameter(place, "transport").and_then(transport);
        let (host, port) = host_port(place.split(';').next().unwrap_or_default())?;
        Some(Self { secure, user, host, port, transport })
    }

    /// Where it leads, when that needs no resolver.
    pub fn socket(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Address(address) => {
                Some(SocketAddr::new(address, self.port.unwrap_or(if self.secure { 5061 } else { 5060 })))
            }
            Host::Name(_) => None,
        }
    }
}

/// `MAC:001565…` in a user part is no password.
fn names_a_mac(user: &str) -> bool {
    user.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("mac:"))
}

fn transport(text: &str) -> Option<Transport> {
    Some(match text.to_ascii_lowercase().as_str() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return None,
    })
}

/// The topmost Via of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    /// How the message travelled.
    pub transport: Option<Transport>,
    /// Who sent it.
    pub host: Host,
    /// From which port, when it says so.
    pub port: Option<u16>,
    /// What tells its transaction apart.
    pub branch: Option<String>,
    /// Whether the answer is to go to the port that the message came from (RFC 3581).
    pub rport: bool,
}

/// What the branch of every element begins with that follows RFC 3261.
pub const COOKIE: &str = "z9hG4bK";

impl Via {
    /// Reads the value of a Via field.
    pub fn read(text: &str) -> Option<Self> {
        let head = text.split(';').next()?;
        // Blanks may stand around the slashes.
        let (protocol, place) = head.trim().rsplit_once(char::is_whitespace)?;
        let mut words = protocol.split('/').map(str::trim);
        let (name, version, transported) = (words.next()?, words.next()?, words.next()?);
        if !name.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return None;
        }
        let (host, port) = host_port(place)?;
        Some(Self {
            transport: transport(transported),
            host,
            port,
            branch: parameter(text, "branch").map(str::to_owned),
            rport: parameters(text).any(|(name, _)| name.eq_ignore_ascii_case("rport")),
        })
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`; and `v6` without its brackets, as some phones write it.
fn host_port(text: &str) -> Option<(Host, Option<u16>)> {
    let text = text.trim();
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Some((Host::Address(address.into()), None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']')?;
        let address = inside.split('%').next()?.parse::<Ipv6Addr>().ok()?;
        let port = match after.trim() {
            "" => None,
            after => Some(port(after.strip_prefix(':')?)?),
        };
        return Some((Host::Address(address.into()), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, after)) => (host.trim(), Some(port(after)?)),
        None => (text, None),
    };
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Some((Host::Address(address.into()), port));
    }
    let named = !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    named.then(|| (Host::Name(host.to_ascii_lowercase()), port))
}

fn port(text: &str) -> Option<u16> {
    let text = text.trim();
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?.filter(|&port| port != 0)
}

/// Undoes `%xx`. What is no escape stays as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let escaped = match after {
            [high, low, ..] if first == b'%' => digit(high).zip(digit(low)),
            _ => None,
        };
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// How a transport is written in a Via field.
pub(super) fn via_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn reads_addresses_as_phones_write_them() {
        let plain = Uri {
            secure: false,
            user: Some("201".into()),
            host: Host::Address(Ipv4Addr::new(10, 66, 0, 10).into()),
            port: None,
            transport: None,
        };
        for text in [
            "sip:201@10.66.0.10",
            "SIP:201@10.66.0.10",
            "<sip:201@10.66.0.10>",
            "\"Desk; 1\" <sip:201@10.66.0.10>",
            "Desk <sip:201@10.66.0.10>;tag=x;+sip.instance=\"<urn:uuid:0>\"",
            "sip:201@10.66.0.10;tag=x",
            "<sip:201:secret@10.66.0.10;line=abc>",
            "sip:%3201@10.66.0.10",
        ] {
            assert_eq!(uri(text), plain, "{text}");
        }
        assert_eq!(uri("sip:MAC%3a000413A11FA7@224.0.1.75").user.as_deref(), Some("MAC:000413A11FA7"));
        assert_eq!(uri("sip:MAC:000413A11FA7@224.0.1.75").user.as_deref(), Some("MAC:000413A11FA7"));
        assert_eq!(uri("sip:10.66.0.10:5062").port, Some(5062));
        assert_eq!(uri("<sip:a@b.example:5070;transport=TCP>").transport, Some(Transport::Tcp));
        assert_eq!(
            uri("sips:a@b.example"),
            Uri {
                secure: true,
                user: Some("a".into()),
                host: Host::Name("b.example".into()),
                port: None,
                transport: None
            }
        );
        for text in ["<sip:a@[2001:db8::10]:5062>", "sip:a@[2001:db8::10]:5062"] {
            assert_eq!(uri(text).socket(), Some("[2001:db8::10]:5062".parse().unwrap()), "{text}");
        }
        assert_eq!(uri("<sips:a@10.66.0.10>").socket(), Some("10.66.0.10:5061".parse().unwrap()));
        assert_eq!(uri("sip:a@b.example").socket(), None);
    }

    #[test]
    fn what_is_no_address_is_none() {
        for text in [
            "",
            "*",
            "tel:+4930",
            "sip:",
            "sip:a@",
            "sip:a@b:99999",
            "sip:a@b:0",
            "sip:a@[::1",
            "sip:a@b c",
            "<sip:a@b",
            "201@10.66.0.10",
        ] {
            assert_eq!(Uri::read(text), None, "{text}");
        }
    }

    #[test]
    fn reads_vias() {
        let via = Via::read("SIP/2.0/UDP 10.1.3.239:5059;branch=z9hG4bK1536537630;rport").unwrap();
        assert_eq!((via.transport, via.port, via.rport), (Some(Transport::Udp), Some(5059), true));
        assert_eq!(via.branch.as_deref(), Some("z9hG4bK1536537630"));
        let via = Via::read("SIP / 2.0 / TCP   [2001:db8::9:1];branch=z9hG4bKx;received=1.2.3.4").unwrap();
        assert_eq!((via.transport, via.port, via.rport), (Some(Transport::Tcp), None, false));
        assert_eq!(via.host, Host::Address("2001:db8::9:1".parse().unwrap()));
        assert!(Via::read("SIP/2.0/UDP 2001:db8::9:1").is_some(), "without its brackets, as some write it");
        for text in ["", "SIP/2.0/UDP", "HTTP/2.0/UDP a", "SIP/1.0/UDP a", "SIP/2.0/UDP a:b", "SIP/2.0 a"] {
            assert_eq!(Via::read(text), None, "{text}");
        }
    }
}
