use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Malformed;

/// Option codes that the server reads or writes (RFC 2132 unless said).
pub mod code {
    /// Subnet mask.
    pub const SUBNET_MASK: u8 = 1;
    /// Router.
    pub const ROUTER: u8 = 3;
    /// Domain name servers.
    pub const DNS: u8 = 6;
    /// Host name.
    pub const HOST_NAME: u8 = 12;
    /// Domain name.
    pub const DOMAIN: u8 = 15;
    /// NTP servers.
    pub const NTP: u8 = 42;
    /// Requested address.
    pub const REQUESTED_ADDRESS: u8 = 50;
    /// Lease time in seconds.
    pub const LEASE_TIME: u8 = 51;
    /// Which of `file` and `sname` hold options too.
    pub const OVERLOAD: u8 = 52;
    /// Message type.
    pub const MESSAGE_TYPE: u8 = 53;
    /// Server identifier.
    pub const SERVER_ID: u8 = 54;
    /// Parameter request list.
    pub const REQUEST_LIST: u8 = 55;
    /// Why a request was refused, for people.
    pub const MESSAGE: u8 = 56;
    /// Longest message that the client takes.
    pub const MAX_SIZE: u8 = 57;
    /// T1, in seconds.
    pub const RENEWAL_TIME: u8 = 58;
    /// T2, in seconds.
    pub const REBINDING_TIME: u8 = 59;
    /// Vendor class.
    pub const VENDOR_CLASS: u8 = 60;
    /// Client identifier.
    pub const CLIENT_ID: u8 = 61;
    /// User class (RFC 3004).
    pub const USER_CLASS: u8 = 77;
    /// Rapid commit (RFC 4039).
    pub const RAPID_COMMIT: u8 = 80;
    /// Relay agent information (RFC 3046).
    pub const RELAY_AGENT: u8 = 82;
    /// How boxes know each other: the first site-specific code (RFC 3942), which no brand of phones reads and no
    /// standard will take.
    pub const MARKER: u8 = 224;
}

/// The options of a message, each code once.
///
/// Repeats of a code are joined in the order in which they stand, adjacent or not (RFC 3396), and no option is
/// taken for granted: one of a length that its meaning does not allow reads as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// Reads the options field, and `file` and `sname` where option 52 says that they hold options.
    ///
    /// # Errors
    /// [`Malformed::OptionPastEnd`] when an option is longer than what is left of its field.
    pub(super) fn read(field: &[u8], file: &[u8], sname: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        options.walk(field)?;
        // RFC 2131 section 4.1: first `file`, then `sname`.
        let overload = options.get(code::OVERLOAD).and_then(|value| value.first().copied()).unwrap_or(0);
        if overload & 1 != 0 {
            options.walk(file)?;
        }
        if overload & 2 != 0 {
            options.walk(sname)?;
        }
        Ok(options)
    }

    fn walk(&mut self, mut rest: &[u8]) -> Result<(), Malformed> {
        loop {
            match rest {
                // A missing end mark is common enough to be forgiven.
                [] | [255, ..] => return Ok(()),
                [0, tail @ ..] => rest = tail,
                [code] => return Err(Malformed::OptionPastEnd { code: *code }),
                [code, length, tail @ ..] => {
                    let (value, tail) =
                        tail.split_at_checked(usize::from(*length)).ok_or(Malformed::OptionPastEnd { code: *code })?;
                    self.0.entry(*code).or_default().extend_from_slice(value);
                    rest = tail;
                }
            }
        }
    }

    /// The options of a field, each as it stands; what cannot be read ends the list.
    pub(super) fn in_order(mut rest: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        loop {
            match rest {
                [0, tail @ ..] => rest = tail,
                [code, length, tail @ ..] if *code != 255 => {
                    let Some((value, tail)) = tail.split_at_checked(usize::from(*length)) else { return found };
                    found.push((*code, value.to_vec()));
                    rest = tail;
                }
                _ => return found,
            }
        }
    }

    /// The value of an option.
    pub fn get(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    /// The value of an option that is one address.
    pub fn address(&self, code: u8) -> Option<Ipv4Addr> {
        <[u8; 4]>::try_from(self.get(code)?).ok().map(Ipv4Addr::from)
    }

    /// The value of an option that is a 16-bit number.
    pub fn number16(&self, code: u8) -> Option<u16> {
        <[u8; 2]>::try_from(self.get(code)?).ok().map(u16::from_be_bytes)
    }

    /// The value of an option that is text, printable ASCII alone, at most `most` characters; `None` when
    /// nothing printable is left.
    pub fn text(&self, code: u8, most: usize) -> Option<String> {
        let text: String =
            self.get(code)?.iter().filter(|b| (0x20..0x7f).contains(*b)).take(most).map(|b| char::from(*b)).collect();
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_repeats_and_follows_the_overload() {
        let field = [43, 2, 1, 2, 0, 12, 1, b'a', 43, 1, 3, 52, 1, 3, 255, 99, 200];
        let options = Options::read(&field, &[43, 1, 4, 255], &[12, 1, b'b', 255]).unwrap();
        assert_eq!(options.get(43), Some(&[1, 2, 3, 4][..]));
        assert_eq!(options.get(12), Some(&b"ab"[..]));
        assert_eq!(options.get(99), None);
        let alone = Options::read(&[12, 1, b'a'], &[43, 1, 4, 255], &[12, 1, b'b', 255]).unwrap();
        assert_eq!((alone.get(43), alone.get(12)), (None, Some(&b"a"[..])));
    }

    #[test]
    fn an_option_past_the_end_is_named() {
        for field in [&[12, 5, b'a'][..], &[12], &[0, 0, 12, 1]] {
            assert_eq!(Options::read(field, &[], &[]), Err(Malformed::OptionPastEnd { code: 12 }));
        }
        assert_eq!(Options::read(&[52, 1, 1], &[66, 200], &[]), Err(Malformed::OptionPastEnd { code: 66 }));
    }

    #[test]
    fn a_wrong_length_reads_as_absent() {
        let options = Options::read(&[50, 3, 1, 2, 3, 57, 1, 9, 12, 2, 0, 10, 60, 4, b' ', b'x', 0xff, 0], &[], &[]);
        let options = options.unwrap();
        assert_eq!(options.address(50), None);
        assert_eq!(options.number16(57), None);
        assert_eq!(options.text(12, 64), None);
        assert_eq!(options.text(60, 64).as_deref(), Some("x"));
    }
}
