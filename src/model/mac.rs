use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

/// A 48-bit Ethernet address, the name by which a phone is known everywhere in the product.
///
/// Phones, spreadsheets and labels write it in every case and with every separator; [`Mac::from_str`]
/// reads them all. It is shown as `80:5e:c0:12:34:56`, and as `805ec0123456` in file names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac([u8; 6]);

/// Why a text is not a MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Neither 12 hexadecimal digits nor the same with `:`, `-` or `.` between them.
    #[error("\"{0}\" is not a MAC address: expected 12 hexadecimal digits, as in 80:5e:c0:12:34:56")]
    Malformed(String),
    /// All zeros, all ones, or a group address: no interface of a phone has it.
    #[error("{0} cannot be the address of a phone: it is a group or null address")]
    NotUnicast(Mac),
}

impl Mac {
    /// The address made of these octets, unchecked: a packet may carry any.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The six octets in the order they go over the wire.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Reads twelve hexadecimal digits that stand alone, in any case, with no separator.
    pub fn from_plain(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 12 {
            return None;
        }
        let mut octets = [0; 6];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(octets))
    }

    /// Twelve lower-case digits with no separator, as in the file names of most brands.
    pub fn plain(self) -> String {
        self.0.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    /// An address for a phone on the list that has no device yet: a locally administered one, which no maker gives out.
    pub const fn placeholder(random: [u8; 4]) -> Self {
        let [a, b, c, d] = random;
        Self([0x66, 0x66, a, b, c, d])
    }

    /// Whether it stands for a device that is still to come.
    pub fn is_placeholder(self) -> bool {
        self.0.starts_with(&[0x66, 0x66])
    }

    /// Whether this can be the address of one interface: neither null nor a group address.
    pub fn is_unicast(self) -> bool {
        self.0 != [0; 6] && self.0[0] & 1 == 0
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let malformed = || MacError::Malformed(text.chars().take(40).collect());
        let text_trimmed = text.trim();
        let plain: String = text_trimmed.chars().filter(|c| !matches!(c, ':' | '-' | '.' | ' ')).collect();
        let mac = Self::from_plain(&plain).ok_or_else(malformed)?;
        if mac.is_unicast() { Ok(mac) } else { Err(MacError::NotUnicast(mac)) }
    }
}

impl TryFrom<String> for Mac {
    type Error = MacError;

    fn try_from(text: String) -> Result<Self, MacError> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Its form in answers is text.
impl JsonSchema for Mac {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Mac".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling() {
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);
        for text in ["805ec0123456", "80:5E:C0:12:34:56", "80-5e-c0-12-34-56", "805e.c012.3456", " 805EC0 123456 "] {
            assert_eq!(text.parse(), Ok(mac), "{text}");
        }
        assert_eq!(mac.to_string(), "80:5e:c0:12:34:56");
        assert_eq!(mac.plain(), "805ec0123456");
    }

    #[test]
    fn refuses_what_is_no_phone() {
        for text in ["", "805ec012345", "805ec01234567", "805ec012345g", "+05ec0123456", "ünïcödé12345"] {
            assert!(matches!(text.parse::<Mac>(), Err(MacError::Malformed(_))), "{text}");
        }
        for text in ["ffffffffffff", "000000000000", "01005e000001"] {
            assert!(matches!(text.parse::<Mac>(), Err(MacError::NotUnicast(_))), "{text}");
        }
    }
}
