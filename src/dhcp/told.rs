use std::net::Ipv4Addr;

use super::options::{Options, code};
use super::server_id::is_a_hosts;
use crate::model::Mac;

/// What a server answers, as an overheard message says it. Nothing of it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// OFFER, ACK or NAK.
    pub kind: Verdict,
    /// Transaction.
    pub xid: u32,
    /// The address that it gives; null in a NAK and in the answer to an INFORM.
    pub given: Ipv4Addr,
    /// Hardware address of the client that it is for.
    pub client: Mac,
    /// Option 54; null when it is missing.
    pub server: Ipv4Addr,
    /// All that it tells.
    pub options: Options,
    /// The server's name in the fixed part (`sname`), when it holds text.
    pub sname: Option<String>,
    /// The boot file in the fixed part, when it holds text.
    pub file: Option<String>,
}

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// An address may be had.
    Offer,
    /// It is given or confirmed.
    Ack,
    /// It is refused.
    Nak,
}

impl Told {
    /// By what the server is known: its identifier, or where that can be no server's, the address that its packet came
    /// from. It is there, whatever it calls itself.
    pub fn sender(&self, from: Ipv4Addr) -> Ipv4Addr {
        if is_a_hosts(self.server) { self.server } else { from }
    }

    /// Reads the payload of a datagram to port 68; `None` when it is no answer of a DHCP server.
    pub fn read(message: &[u8]) -> Option<Self> {
        let fixed = message.get(..240)?;
        if !fixed.starts_with(&[2, 1, 6]) || fixed.get(236..)? != [99, 130, 83, 99] {
            return None;
        }
        let address = |at: usize| <[u8; 4]>::try_from(fixed.get(at..at + 4)?).ok().map(Ipv4Addr::from);
        let (sname, file) = (fixed.get(44..108)?, fixed.get(108..236)?);
        let options = Options::read(message.get(240..)?, file, sname).ok()?;
        let kind = match options.get(code::MESSAGE_TYPE)? {
            [2] => Verdict::Offer,
            [5] => Verdict::Ack,
            [6] => Verdict::Nak,
            _ => return None,
        };
        let overloaded = options.get(code::OVERLOAD).is_some();
        let text = |field: &[u8]| {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            let text = field.get(..end).filter(|text| !text.is_empty() && !overloaded)?;
            Some(String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect())
        };
        Some(Self {
            kind,
            xid: u32::from_be_bytes(<[u8; 4]>::try_from(fixed.get(4..8)?).ok()?),
            given: address(16)?,
            client: Mac::new(<[u8; 6]>::try_from(fixed.get(28..34)?).ok()?),
            server: options.address(code::SERVER_ID).unwrap_or(Ipv4Addr::UNSPECIFIED),
            sname: text(sname),
            file: text(file),
            options,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An OFFER of 10.66.0.10, field by field as RFC 2131 figure 1 has it.
    fn offer() -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0, 1, 2, 3, 4];
        bytes.resize(16, 0);
        bytes.extend([10, 66, 0, 10]);
        bytes.resize(28, 0);
        bytes.extend([0x80, 0x5e, 0xc0, 0, 0, 1]);
        bytes.resize(108, 0);
        bytes.extend(b"boot.cfg");
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 66, 0, 254, 66, 3, b'a', b'b', b'c', 255]);
        bytes
    }

    #[test]
    fn reads_an_offer_and_no_nonsense() {
        let told = Told::read(&offer()).unwrap();
        assert_eq!((told.kind, told.xid), (Verdict::Offer, 0x0102_0304));
        assert_eq!(told.given, Ipv4Addr::new(10, 66, 0, 10));
        assert_eq!(told.server, Ipv4Addr::new(10, 66, 0, 254));
        assert_eq!(told.options.get(66), Some(&b"abc"[..]));
        assert_eq!(told.file.as_deref(), Some("boot.cfg"));
        for length in 0..243 {
            assert_eq!(Told::read(&offer()[..length]), None);
        }
        let from = Ipv4Addr::new(10, 66, 0, 77);
        assert_eq!(told.sender(from), told.server);
        for server in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST] {
            assert_eq!(Told { server, ..told.clone() }.sender(from), from, "it is there all the same");
        }
        let mut question = offer();
        question[0] = 1;
        assert_eq!(Told::read(&question), None);
    }
}
