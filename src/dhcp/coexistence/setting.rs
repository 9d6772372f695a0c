//! What the decision begins with.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::config::{Mode, Pool};
use crate::model::Id;

/// What is configured, and what is so on this interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Name of the network.
    pub network: String,
    /// The mode that is configured.
    pub mode: Mode,
    /// The pool of the network: where there is one, the administrator has confirmed network, gateway and resolvers.
    pub pool: Option<Pool>,
    /// The pools of further subnets on the same wire.
    pub further_pools: Vec<Pool>,
    /// Whether the box's own address is a static one.
    pub static_address: bool,
    /// The box's own address.
    pub own: Ipv4Addr,
    /// The box.
    pub box_id: Id,
    /// How often other servers are searched for.
    pub probe_interval: Duration,
    /// How long to wait for a slow server.
    pub quiet_time: Duration,
}

impl Setting {
    /// Whether an address is one that the box gives on this wire.
    pub(super) fn gives(&self, address: Ipv4Addr) -> bool {
        self.pool.iter().chain(&self.further_pools).any(|pool| pool.contains(address))
    }
}
