use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::{Mac, Timestamp};

/// An IPv4 address and who holds it (RFC 2131).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lease {
    /// The address; the key of the lease within its network.
    pub address: Ipv4Addr,
    /// Hardware address of the client.
    pub mac: Mac,
    /// Option 61 as sent, when sent: it names the client then, and not the MAC (RFC 2131 section 4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Vec<u8>>,
    /// Option 12 as sent, cleaned to printable ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// Option 60 as sent, cleaned to printable ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_class: Option<String>,
    /// What holds the address.
    pub state: LeaseState,
    /// End by the wall clock.
    pub expires: Timestamp,
    /// Seconds left when the lease was last stored: what counts when the clock has jumped.
    pub seconds_left: u32,
    /// How its client reached us.
    #[serde(default)]
    pub via: Via,
}

impl Lease {
    /// The most octets of client identifier, host name and vendor class, each: its record has one octet for a length, in
    /// which 255 says that there is none.
    pub const LONGEST_FIELD: usize = 254;

    /// When it was last stored, by the wall clock of then; to the second.
    pub fn stored(&self) -> Timestamp {
        Timestamp::from_millis(self.expires.millis().saturating_sub(i64::from(self.seconds_left) * 1000))
    }
}

/// How the client of a lease reached us: what its address says about who uses it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// On the wire of the box.
    #[default]
    Wire,
    /// By a relay agent of the configuration that named the port of the client (option 82, RFC 3046).
    Port,
    /// By a relay agent that named no port; or the lease is another server's.
    Unknown,
}

impl Via {
    /// Whether a lease that came so is evidence of who is at its address. Behind a relay agent that names no port,
    /// anybody there can take anybody's name.
    pub const fn vouches(self) -> bool {
        matches!(self, Self::Wire | Self::Port)
    }
}

/// What holds an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseState {
    /// A client, by an acknowledged REQUEST.
    Bound,
    /// Nobody: given back by its client, kept so that the client finds it again.
    Released,
    /// Something that does not ask us: a client declined the address because it was taken.
    Declined,
}
