use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::Ipv4Net;

use super::super::options::code;
use super::conduct::Conduct;
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
    /// What the engine does at first; [`Engine::conduct`](super::Engine::conduct) changes it.
    pub conduct: Conduct,
    /// What offers carry so that another box knows this one; `None`: nothing.
    pub marker: Option<Vec<u8>>,
    /// Whether the ends of the stored leases were written by a trusted clock: what the last
    /// [`LeaseWrite::Dated`](super::LeaseWrite::Dated) said. `true` when there was none.
    pub dated: bool,
    /// How long ago the store was put back from a snapshot, when leases given before may still be missing from it.
    pub restored: Option<Duration>,
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
    /// Whether its hosts are on the box's own wire, where an address can be probed; else they are behind a relay.
    pub on_link: bool,
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
    /// The facts of every subnet of a configured network that has a pool; `server` is the box's address. The one in
    /// which the box is comes first. A reservation of an address that is the box's own or a gateway's is left out.
    pub fn of(network: &config::Network, server: Ipv4Addr) -> Vec<Self> {
        let dhcp = &network.dhcp;
        let subnet = |net: Ipv4Net, pool: config::Pool, gateway: Option<Ipv4Addr>, dns: &[Ipv4Addr]| {
            let kept = dhcp.reservations.iter().filter(|kept| net.contains(&kept.address));
            // A phone at the box's own address or the gateway's would take the branch down.
            let kept = kept.filter(|kept| kept.address != server && Some(kept.address) != gateway);
            let reservation = |kept: &config::Reservation| {
                (kept.mac, Reservation { address: kept.address, host_name: kept.host_name.clone() })
            };
            Subnet {
                net,
                first: pool.first,
                last: pool.last,
                gateway,
                dns: dns.to_vec(),
                domain: network.domain.clone(),
                lease_time: dhcp.lease_time,
                reservations: kept.map(reservation).collect(),
                on_link: dhcp.is_on_link(&net),
            }
        };
        let own = dhcp.pool.map(|pool| subnet(network.subnet, pool, network.gateway, &network.dns));
        let further = dhcp.subnets.iter().map(|more| subnet(more.net, more.pool, Some(more.gateway), &more.dns));
        let facts = |subnet| Self {
            name: network.name.clone(),
            server,
            subnet,
            conduct: Conduct::Silent,
            marker: None,
            dated: true,
            restored: None,
        };
        own.into_iter().chain(further).map(facts).collect()
    }
}

impl Subnet {
    /// Seconds of a lease.
    pub(super) fn lease_seconds(&self) -> u32 {
        u32::try_from(self.lease_time.as_secs()).unwrap_or(u32::MAX).max(1)
    }

    /// The value of a parameter of this subnet for `mac`; `None` when there is nothing to say.
    /// `lease` is the length of the client's lease in seconds.
    pub(super) fn parameter(&self, wanted: u8, server: Ipv4Addr, mac: Mac, lease: u32) -> Option<Vec<u8>> {
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
