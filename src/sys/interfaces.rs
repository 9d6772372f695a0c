//! The box's network interfaces and their addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use rtnetlink::packet_route::address::AddressHeaderFlags;

/// An IPv4 address of an interface that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name of the interface, as `eth0`.
    pub interface: String,
    /// The address with the length of its subnet.
    pub net: Ipv4Net,
    /// Whether the interface is the loopback.
    pub loopback: bool,
}

/// How an interface stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// There is none of this name.
    Missing,
    /// It is up, and nothing is at the other end of its cable.
    Unplugged,
    /// It can have an address, or nobody brought it up.
    There,
}

/// How the interface of this name stands.
pub fn link(interface: &str) -> io::Result<Link> {
    let Some(found) = getifaddrs()?.find(|entry| entry.interface_name == interface) else { return Ok(Link::Missing) };
    let unplugged = found.flags.contains(InterfaceFlags::IFF_UP) && !found.flags.contains(InterfaceFlags::IFF_RUNNING);
    Ok(if unplugged { Link::Unplugged } else { Link::There })
}

/// Whether there is an interface that leads out of the box.
pub fn lead_out() -> io::Result<bool> {
    Ok(getifaddrs()?.any(|entry| !entry.flags.contains(InterfaceFlags::IFF_LOOPBACK)))
}

/// Every IPv4 address of every interface that is up.
pub fn addresses() -> io::Result<Vec<Address>> {
    let found = getifaddrs()?.filter(|entry| entry.flags.contains(InterfaceFlags::IFF_UP)).filter_map(|entry| {
        let address = entry.address.as_ref()?.as_sockaddr_in()?.ip();
        let mask = entry.netmask.as_ref()?.as_sockaddr_in()?.ip();
        Some(Address {
            interface: entry.interface_name.clone(),
            net: Ipv4Net::with_netmask(address, mask).ok()?,
            loopback: entry.flags.contains(InterfaceFlags::IFF_LOOPBACK),
        })
    });
    Ok(found.collect())
}

/// The address of `interface` that lies in `subnet`.
pub fn address_in(interface: &str, subnet: Ipv4Net) -> io::Result<Option<Ipv4Addr>> {
    let own = addresses()?.into_iter().find(|a| a.interface == interface && subnet.contains(&a.net.addr()));
    Ok(own.map(|a| a.net.addr()))
}

/// Whether an address of `interface` is there for good: not one with a limited time, as a DHCP client sets it.
///
/// Asks the kernel in the network namespace of the calling thread, which must not run an async runtime.
pub fn is_permanent(interface: &str, address: Ipv4Addr) -> io::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        let connection = tokio::spawn(connection);
        let index = nix::net::if_::if_nametoindex(interface)?;
        let query = handle.address().get().set_link_index_filter(index).set_address_filter(address.into());
        let found: Result<Vec<_>, _> = query.execute().try_collect().await;
        connection.abort();
        let found = found.map_err(io::Error::other)?;
        Ok(found.iter().any(|message| message.header.flags.contains(AddressHeaderFlags::Permanent)))
    })
}

/// Every address under which the box can be reached from outside, for its certificates.
pub fn reachable() -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> =
        addresses()?.into_iter().filter(|a| !a.loopback).map(|a| a.net.addr().into()).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_found_but_is_not_reachable() {
        let own: Ipv4Addr = [127, 0, 0, 1].into();
        assert!(addresses().unwrap().iter().any(|a| a.loopback && a.net.addr() == own));
        assert_eq!(address_in("lo", "127.0.0.0/8".parse().unwrap()).unwrap(), Some(own));
        assert_eq!(address_in("lo", "10.66.0.0/24".parse().unwrap()).unwrap(), None);
        assert_eq!(link("lo").unwrap(), Link::There);
        assert_eq!(link("no-such-0").unwrap(), Link::Missing);
        assert!(!reachable().unwrap().contains(&own.into()));
    }
}
