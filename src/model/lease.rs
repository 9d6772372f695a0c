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
