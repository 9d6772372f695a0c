use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::super::options::code;
use crate::config;
use crate::model::Mac;

/// What the engine must know of the network that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name in the configuration.
    pub name: String,
    /// The box's own address in it: server identifier and time server.
    pub server: Ipv4Addr,
    /// What is given out.
    pub subnet: Subnet,
    /// Whether an administrator said that there is no other server. Only then is anything ever refused with a
    /// NAK; a client that names another server takes this back for the rest of the run.
    pub sole: bool,
    /// Whether the ends of the stored leases were written by a trusted clock: what the last
    /// [`LeaseWrite::Dated`](super::LeaseWrite::Dated) said. `true` when there was none.
    pub dated: bool,
    /// The store was put back from a snapshot, so leases given since then are missing from it.
    pub restored: bool,
}

/// An IPv4 subnet and what clients in it are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its addresses.
    pub net: Ipv4Net,
    /// First address of the pool.
    pub first: Ipv4Addr,
    /// Last address of the pool, included.
    pub last: Ipv4Addr,
    /// Router; the box never invents one.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers; none are invented.
    pub dns: Vec<Ipv4Addr>,
    /// Domain name.
    pub domain: Option<String>,
    /// How long a lease lasts: at least 1 s, at most what 32 bits of seconds hold.
    pub lease_time: Duration,
    /// Addresses kept for certain hardware, inside or outside the pool.
    pub reservations: BTreeMap<Mac, Reservation>,
}

/// An address kept for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The address.
    pub address: Ipv4Addr,
    /// What the client is told to be called.
    pub host_name: Option<String>,
}

impl Network {
    /// The facts of a configured network in which the box has the address `server`; `None` unless DHCP is `full`
    /// there and has a pool.
    pub fn of(network: &config::Network, server: Ipv4Addr) -> Option<Self> {
        let pool = network.dhcp.pool.filter(|_| network.dhcp.mode == config::Mode::Full)?;
        let reservation = |kept: &config::Reservation| {
            (kept.mac, Reservation { address: kept.address, host_name: kept.host_name.clone() })
        };
        let subnet = Subnet {
            net: network.subnet,
            first: pool.first,
            last: pool.last,
            gateway: network.gateway,
            dns: network.dns.clone(),
            domain: network.domain.clone(),
            lease_time: network.dhcp.lease_time,
            reservations: network.dhcp.reservations.iter().map(reservation).collect(),
        };
        Some(Self { name: network.name.clone(), server, subnet, sole: true, dated: true, restored: false })
    }
}

impl Subnet {
    /// Seconds of a lease.
    pub(super) fn lease_seconds(&self) -> u32 {
        u32::try_from(self.lease_time.as_secs()).unwrap_or(u32::MAX).max(1)
    }

    /// The value of a parameter of this subnet for `mac`; `None` when there is nothing to say.
    pub(super) fn parameter(&self, wanted: u8, server: Ipv4Addr, mac: Mac) -> Option<Vec<u8>> {
        let lease = self.lease_seconds();
        let value = match wanted {
            code::SUBNET_MASK => self.net.netmask().octets().to_vec(),
            code::ROUTER => self.gateway?.octets().to_vec(),
            code::DNS => self.dns.iter().flat_map(|address| address.octets()).collect(),
            code::HOST_NAME => self.reservations.get(&mac)?.host_name.clone()?.into_bytes(),
            code::DOMAIN => self.domain.clone()?.into_bytes(),
            // A phone's clock starts in 1970: it must learn the time here before it can verify a certificate.
            code::NTP => server.octets().to_vec(),
            code::RENEWAL_TIME => (lease / 2).to_be_bytes().to_vec(),
            code::REBINDING_TIME => (lease - lease / 8).to_be_bytes().to_vec(),
            _ => return None,
        };
        Some(value)
    }
}
