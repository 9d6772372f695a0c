use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use ipnet::Ipv4Net;
use nix::net::if_::if_nametoindex;

use crate::config::Network;
use crate::sys::interfaces;

/// Where the box is in its networks, as of the last look.
#[derive(Debug)]
pub(super) struct Surroundings {
    networks: Vec<Network>,
    /// Our port for datagrams and plain connections.
    pub(super) port: u16,
    port_tls: u16,
    own: Vec<Own>,
    joined: BTreeSet<u32>,
}

/// An address of ours in a network that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Own {
    interface: u32,
    net: Ipv4Net,
}

impl Surroundings {
    pub(super) fn new(networks: Vec<Network>, port: u16, port_tls: u16) -> Self {
        let mut surroundings = Self { networks, port, port_tls, own: Vec::new(), joined: BTreeSet::new() };
        surroundings.look();
        surroundings
    }

    /// Looks at the interfaces again. What comes back are those on which phones may ask.
    pub(super) fn look(&mut self) -> &BTreeSet<u32> {
        let found = interfaces::addresses().unwrap_or_default();
        let served = found.iter().filter(|address| {
            let fits = |network: &Network| {
                network.interface == address.interface && network.subnet.contains(&address.net.addr())
            };
            self.networks.iter().any(fits)
        });
        let own = served.filter_map(|address| {
            Some(Own { interface: if_nametoindex(address.interface.as_str()).ok()?, net: address.net })
        });
        self.own = own.collect();
        self.joined = self.own.iter().map(|own| own.interface).collect();
        &self.joined
    }

    /// Whether requests from there are answered.
    pub(super) fn serves(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                address.is_loopback()
                    || self.networks.iter().flat_map(Network::subnets).any(|net| net.contains(&address))
            }
            // No network has IPv6 addresses in its configuration: those of its own link are its own.
            IpAddr::V6(address) => address.is_loopback() || address.is_unicast_link_local(),
        }
    }

    /// Whether a message is our own, come back by the multicast group.
    pub(super) fn is_own(&self, from: SocketAddr) -> bool {
        let IpAddr::V4(address) = from.ip().to_canonical() else { return false };
        from.port() == self.port && self.own.iter().any(|own| own.net.addr() == address)
    }

    /// The interface that an address is behind, and our own address there.
    pub(super) fn link_to(&self, address: Ipv4Addr) -> Option<(u32, Ipv4Addr)> {
        let own = self.own.iter().find(|own| own.net.contains(&address))?;
        Some((own.interface, own.net.addr()))
    }

    /// Our address as seen from there; by the routing table when it is in none of our networks.
    pub(super) fn address_towards(&self, remote: IpAddr) -> Option<IpAddr> {
        let remote = remote.to_canonical();
        if let IpAddr::V4(address) = remote
            && let Some((_, own)) = self.link_to(address)
        {
            return Some(own.into());
        }
        let any: IpAddr =
            if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).ok()?;
        // Nothing is sent by this.
        socket.connect((remote, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }

    pub(super) fn port_of(&self, secure: bool) -> u16 {
        if secure { self.port_tls } else { self.port }
    }
}
