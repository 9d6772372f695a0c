use serde::{Deserialize, Serialize};

use super::Secret;

/// One SIP account on a phone, in the neutral words that every brand's templates are written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// User part of the address of record, often the extension.
    pub user: String,
    /// Name for Digest when it differs from `user`.
    pub auth_user: Option<String>,
    /// Digest password towards the SIP server.
    pub password: Secret,
    /// Name shown on the phone and to those who are called.
    pub display: String,
    /// Host name or address of the SIP server.
    pub server: String,
    /// Port of the SIP server; `None` is the transport's own (5060, 5061 for TLS).
    pub port: Option<u16>,
    /// How SIP messages travel.
    pub transport: Transport,
    /// Registration interval asked for, in seconds (60 to 86,400).
    pub expires: u32,
    /// Number to dial for voice mail.
    pub voicemail: Option<String>,
}

impl Line {
    /// The longest list of lines that a phone is given.
    pub const MOST: usize = 48;
    /// Seconds asked for in a REGISTER when nothing else is said.
    pub const DEFAULT_EXPIRES: u32 = 3600;
}

/// How SIP messages travel between phone and server (RFC 3261 section 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream under TLS.
    Tls,
}
