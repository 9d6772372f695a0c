use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Secret;
use super::settings::Settings;

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
    /// Host name or address of the SIP server; empty where it is inherited (`line.server`).
    pub server: String,
    /// Port of the SIP server; `None` is inherited, or else the transport's own (5060, 5061 for TLS).
    pub port: Option<u16>,
    /// How SIP messages travel; `None` is inherited, or else UDP.
    pub transport: Option<Transport>,
    /// Registration interval asked for, in seconds (60 to 86,400); `None` is inherited, or else an hour.
    pub expires: Option<u32>,
    /// Number to dial for voice mail; `None` is inherited, or else there is none.
    pub voicemail: Option<String>,
    /// What else is set for this line alone: settings of the topic `line` that have no field of their own here.
    pub settings: Settings,
}

impl Line {
    /// The longest list of lines that a phone is given.
    pub const MOST: usize = 48;
    /// Seconds asked for in a REGISTER when nothing else is said.
    pub const DEFAULT_EXPIRES: u32 = 3600;
}

impl Transport {
    /// The word for it, as stored and as templates see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// How SIP messages travel between phone and server (RFC 3261 section 18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
