//! PURE. Binary messages between a device and the Devices service: big-endian numbers, then JSON or bytes.

use serde_json::{Value, json};

/// The longest message that is read.
pub(super) const LONGEST: usize = 256 * 1024;

/// What Devices sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The password that this device is known by from now on.
    Password(Value),
    /// A device that is known must prove that it is the same.
    Challenge(Value),
    /// A new password for administrators of the device.
    AdminPassword(Value),
    /// A part of the configuration.
    Configuration(Value),
    /// Bytes for a web server that this device does not have.
    Tunnel {
        /// Which of the tunnels.
        session: u32,
        /// What is to be done.
        event: u32,
    },
    /// An admin message of another type, which newer releases may send.
    Unknown {
        /// Its type.
        kind: u16,
    },
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Over 256 KiB.
    #[error("a message of more than {LONGEST} bytes")]
    TooLong,
    /// Shorter than its head.
    #[error("a message that ends within its head")]
    TooShort,
    /// Neither admin nor tunnel.
    #[error("a message of unknown kind {0}")]
    Kind(u8),
    /// Its JSON is broken, or too deep.
    #[error("an admin message of type {0} that is no JSON object")]
    Json(u16),
}

const ADMIN: u8 = 1;
const TUNNEL: u8 = 2;
const IDENTIFY: u16 = 0;
const SHUTDOWN: u32 = 4;

impl Frame {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`]. Nothing in a message makes this panic.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > LONGEST {
            return Err(Malformed::TooLong);
        }
        match bytes {
            [ADMIN, high, low, text @ ..] => {
                let kind = u16::from_be_bytes([*high, *low]);
                let object = || -> Result<Value, Malformed> {
                    // serde_json refuses what is nested more than 128 deep.
                    let value: Value = serde_json::from_slice(text).map_err(|_| Malformed::Json(kind))?;
                    if value.is_object() { Ok(value) } else { Err(Malformed::Json(kind)) }
                };
                Ok(match kind {
                    1 => Self::Password(object()?),
                    2 => Self::Challenge(object()?),
                    3 => Self::AdminPassword(object()?),
                    6 => Self::Configuration(object()?),
                    kind => Self::Unknown { kind },
                })
            }
            [TUNNEL, a, b, c, d, e, f, g, h, ..] => Ok(Self::Tunnel {
                session: u32::from_be_bytes([*a, *b, *c, *d]),
                event: u32::from_be_bytes([*e, *f, *g, *h]),
            }),
            [ADMIN | TUNNEL, ..] | [] => Err(Malformed::TooShort),
            [kind, ..] => Err(Malformed::Kind(*kind)),
        }
    }
}

/// What this device says of itself. Product and version are part of its digest and stay the same within a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Its MAC, in lower case without separators.
    pub id: String,
    /// What speaks for it.
    pub product: String,
    /// In which version.
    pub version: String,
    /// Its name.
    pub name: String,
}

/// The message by which a device says who it is: with a code the first time, with a digest after a challenge.
pub(super) fn identify(identity: &Identity, code: Option<&str>, digest: Option<&str>) -> Vec<u8> {
    let mut said = json!({
        "id": identity.id,
        "product": identity.product,
        "version": identity.version,
        "platform": { "type": "PHONE" },
        "name": identity.name,
        // Not one of the maker's own: only those are sent configurations in the neutral form.
        "other": true,
    });
    if let Some(object) = said.as_object_mut() {
        for (name, value) in [("provisioningCode", code), ("digest", digest)] {
            object.extend(value.map(|value| (name.to_owned(), Value::from(value))));
        }
    }
    let mut bytes = vec![ADMIN];
    bytes.extend(IDENTIFY.to_be_bytes());
    bytes.extend(said.to_string().into_bytes());
    bytes
}

/// Ends a tunnel, or repeats that it has ended.
pub(super) fn shut_tunnel(session: u32) -> Vec<u8> {
    let mut bytes = vec![TUNNEL];
    bytes.extend(session.to_be_bytes());
    bytes.extend(SHUTDOWN.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_these_bytes() {
        let identity =
            Identity { id: "805ec0123456".into(), product: "Block66".into(), version: "1".into(), name: "Desk".into() };
        let bytes = identify(&identity, Some("123456789012"), None);
        assert_eq!(bytes[..3], [0x01, 0x00, 0x00]);
        let said: Value = serde_json::from_slice(&bytes[3..]).unwrap();
        assert_eq!((&said["id"], &said["provisioningCode"]), (&json!("805ec0123456"), &json!("123456789012")));
        assert_eq!((&said["other"], &said["platform"]["type"]), (&json!(true), &json!("PHONE")));
        assert!(said.get("digest").is_none());
        let again = identify(&identity, None, Some("d"));
        let said: Value = serde_json::from_slice(&again[3..]).unwrap();
        assert!(said["digest"] == "d" && said.get("provisioningCode").is_none());
        assert_eq!(shut_tunnel(13), [0x02, 0, 0, 0, 0x0d, 0, 0, 0, 4]);
    }

    #[test]
    fn messages_are_read() {
        let admin = |kind: u8, text: &str| [&[1, 0, kind][..], text.as_bytes()].concat();
        let object = json!({ "a": 1 });
        let text = r#"{"a":1}"#;
        assert_eq!(Frame::read(&admin(1, text)), Ok(Frame::Password(object.clone())));
        assert_eq!(Frame::read(&admin(2, text)), Ok(Frame::Challenge(object.clone())));
        assert_eq!(Frame::read(&admin(3, text)), Ok(Frame::AdminPassword(object.clone())));
        assert_eq!(Frame::read(&admin(6, text)), Ok(Frame::Configuration(object)));
        assert_eq!(Frame::read(&admin(9, "whatever")), Ok(Frame::Unknown { kind: 9 }));
        let tunnel = [2, 0, 0, 0, 13, 0, 0, 0, 1, 0, 0, 0, 99];
        assert_eq!(Frame::read(&tunnel), Ok(Frame::Tunnel { session: 13, event: 1 }));
    }

    #[test]
    fn what_is_no_message_has_its_error() {
        let bomb = [&[1, 0, 6][..], "{\"a\":".repeat(10_000).as_bytes()].concat();
        for (bytes, error) in [
            (&[][..], Malformed::TooShort),
            (&[1], Malformed::TooShort),
            (&[1, 0], Malformed::TooShort),
            (&[2, 0, 0, 0, 1, 0, 0, 0], Malformed::TooShort),
            (&[7, 1, 2, 3], Malformed::Kind(7)),
            (&[1, 0, 6], Malformed::Json(6)),
            (&[1, 0, 6, b'['], Malformed::Json(6)),
            (b"\x01\x00\x06[1]", Malformed::Json(6)),
            (b"\x01\x00\x01\xff", Malformed::Json(1)),
            (&bomb, Malformed::Json(6)),
            (&vec![1; LONGEST + 1], Malformed::TooLong),
        ] {
            assert_eq!(Frame::read(bytes), Err(error));
        }
    }
}
