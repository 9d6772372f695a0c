//! The networks that the box serves, and what it hands out there.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::Range;

use ipnet::Ipv4Net;
use toml::Spanned;

use super::super::{Dhcp, Mode, Network, Pool, Reservation, Subnet, custom, written};
use super::Checked;
use super::text::{Labels, fault, host_name, short_text, span_of_time};
use crate::model::Mac;

/// All of them, of which no two may have addresses or a DHCP server's port in common.
pub(super) fn networks(written: Vec<Spanned<written::Network>>) -> Checked<Vec<Network>> {
    let mut networks: Vec<Network> = Vec::new();
    let mut voice = Vec::new();
    for network in written {
        let span = network.span();
        let sends = network.get_ref().dhcp.as_ref().and_then(|dhcp| dhcp.voice_vlan.as_ref());
        voice.push(sends.map(Spanned::span));
        let network = self::network(network.into_inner())?;
        for other in &networks {
            if other.name == network.name {
                return fault(
                    &span,
                    format!("two networks are called \"{}\"; give each a name of its own", other.name),
                );
            }
        }
        let taken: Vec<Ipv4Net> = networks.iter().flat_map(Network::subnets).collect();
        let own: Vec<Ipv4Net> = network.subnets().collect();
        for (at, net) in own.iter().enumerate() {
            let others = taken.iter().chain(own.iter().take(at));
            if let Some(other) = others.into_iter().find(|other| other.contains(net) || net.contains(*other)) {
                return fault(&span, format!("{other} and {net} have addresses in common"));
            }
        }
        one_server_an_interface(&networks, &network, &span)?;
        networks.push(network);
    }
    voice_vlans(&networks, &voice)?;
    Ok(networks)
}

/// Of two DHCP servers on one interface only the first can have its port. Where one of the two answers nobody both
/// can be.
fn one_server_an_interface(networks: &[Network], network: &Network, span: &Range<usize>) -> Checked<()> {
    let answers = |network: &Network| network.dhcp.mode != Mode::Off;
    let rival = |other: &&Network| other.interface == network.interface && answers(other) && answers(network);
    match networks.iter().find(rival) {
        Some(other) => fault(
            span,
            format!(
                "\"{}\" and \"{}\" are both on {}, where only one DHCP server can answer; make one of them a \
                 [[network.dhcp.subnet]] of the other, or give it the DHCP mode \"off\"",
                other.name, network.name, network.interface
            ),
        ),
        None => Ok(()),
    }
}

/// A phone that is sent into a VLAN where nobody serves it is lost, and one that is sent into the VLAN that it is in
/// restarts for ever.
fn voice_vlans(networks: &[Network], spans: &[Option<Range<usize>>]) -> Checked<()> {
    let served: BTreeSet<u16> = networks
        .iter()
        .flat_map(|network| {
            network.vlan.into_iter().chain(network.dhcp.subnets.iter().filter_map(|subnet| subnet.vlan))
        })
        .collect();
    for (network, span) in networks.iter().zip(spans) {
        let (Some(vlan), Some(span)) = (network.dhcp.voice_vlan, span) else { continue };
        if network.vlan == Some(vlan) {
            return fault(
                span,
                format!("phones on \"{}\" are in VLAN {vlan} already, and would restart for ever", network.name),
            );
        }
        if !served.contains(&vlan) {
            return fault(
                span,
                format!(
                    "phones would be lost in VLAN {vlan}: the box serves nothing there; give a [[network]] or a \
                     [[network.dhcp.subnet]] behind a relay the line vlan = {vlan}"
                ),
            );
        }
    }
    Ok(())
}

/// IEEE 802.1Q: 0 and 4095 are none.
fn vlan(number: Spanned<u16>) -> Checked<u16> {
    let span = number.span();
    match number.into_inner() {
        number @ 1..=4094 => Ok(number),
        number => fault(&span, format!("{number} is not a VLAN; they go from 1 to 4094")),
    }
}

fn network(written: written::Network) -> Checked<Network> {
    let subnet_span = written.subnet.span();
    let subnet = written.subnet.into_inner();
    if subnet != subnet.trunc() {
        return fault(&subnet_span, format!("{subnet} is one address, not a network; write {}", subnet.trunc()));
    }
    if !(8..=30).contains(&subnet.prefix_len()) {
        return fault(
            &subnet_span,
            format!("a network needs between 8 and 30 bits, as in 10.66.0.0/24; {subnet} has not"),
        );
    }
    let gateway = written.gateway.map(|gateway| inside(gateway, subnet, "the gateway")).transpose()?;
    let dhcp = match written.dhcp {
        Some(dhcp) => self::dhcp(dhcp, subnet, gateway, &written.dns)?,
        None => Dhcp::usual(),
    };
    let interface_span = written.interface.span();
    let interface = written.interface.into_inner();
    if interface.is_empty() || interface.len() > 15 || interface.contains(['/', ' ']) {
        return fault(
            &interface_span,
            format!("\"{interface}\" cannot be an interface; names are as eth0, at most 15 characters"),
        );
    }
    Ok(Network {
        name: match written.name {
            Some(name) => short_text(name, "a network's name")?,
            None => interface.clone(),
        },
        interface,
        subnet,
        gateway,
        dns: written.dns,
        vlan: written.vlan.map(vlan).transpose()?,
        domain: written.domain.map(|domain| host_name(&domain, Labels::Many)).transpose()?,
        dhcp,
    })
}

/// An administrator confirms network, pool, gateway and resolvers before the box is a LAN's DHCP server:
/// a box that guesses one of them takes the branch down.
fn dhcp(written: written::Dhcp, subnet: Ipv4Net, gateway: Option<Ipv4Addr>, dns: &[Ipv4Addr]) -> Checked<Dhcp> {
    let said = written.mode.as_ref().map(Spanned::span);
    // Where no mode is said, it is the pool that wants gateway and resolvers.
    let span = said.or_else(|| written.pool.as_ref().map(Spanned::span)).unwrap_or_default();
    let mode = written.mode.map(Spanned::into_inner).unwrap_or_default();
    let pool = written.pool.map(|text| pool(&text, subnet, gateway)).transpose()?;
    if matches!(mode, Mode::Full | Mode::PhonesOnly) || mode == Mode::Auto && pool.is_some() {
        let missing = [(pool.is_none(), "pool"), (gateway.is_none(), "gateway"), (dns.is_empty(), "dns")];
        let missing: Vec<&str> = missing.iter().filter(|(is, _)| *is).map(|(_, key)| *key).collect();
        if !missing.is_empty() {
            let keys = missing.join(" and ");
            return fault(
                &span,
                format!("mode \"{}\" needs {keys} to be set: the box never guesses them", mode.name()),
            );
        }
    }
    let lease_time = match written.lease_time {
        Some(text) => span_of_time(&text, "a lease lasts", (20, "20s"), (31_536_000, "365d"))?,
        None => Dhcp::USUAL_LEASE,
    };
    let probe_interval = match written.probe_interval {
        Some(text) => span_of_time(&text, "other servers are searched for every", (5, "5s"), (3600, "1h"))?,
        None => Dhcp::USUAL_PROBE_INTERVAL,
    };
    let quiet_time = match written.quiet_time {
        Some(text) => span_of_time(&text, "the wait for a slow server lasts", (10, "10s"), (3600, "1h"))?,
        None => Dhcp::USUAL_QUIET_TIME,
    };
    let mut macs = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let mut reservations = Vec::new();
    for reservation in written.reservation {
        let span = reservation.mac.span();
        let mac: Mac = reservation.mac.get_ref().parse().or_else(|error| fault(&span, format!("{error}")))?;
        let address = inside(reservation.address, subnet, "a reserved address")?;
        if !macs.insert(mac) {
            return fault(&span, format!("{mac} has two reservations"));
        }
        if !addresses.insert(address) {
            return fault(&span, format!("{address} is reserved twice"));
        }
        if gateway == Some(address) {
            return fault(&span, format!("{address} is reserved, and is the gateway"));
        }
        let host_name = reservation.host_name.map(|name| host_name(&name, Labels::One)).transpose()?;
        reservations.push(Reservation { mac, address, host_name });
    }
    let subnets = written.subnet.into_iter().map(|further| self::subnet(further, dns)).collect::<Checked<Vec<_>>>()?;
    let mut options = written.option.into_iter().map(custom::option).collect::<Checked<Vec<_>>>()?;
    options.sort_by(|one, other| one.scope.cmp(&other.scope));
    let relays = written.relays;
    let voice_vlan = written.voice_vlan.map(vlan).transpose()?;
    Ok(Dhcp { mode, pool, lease_time, reservations, relays, voice_vlan, probe_interval, quiet_time, subnets, options })
}

fn subnet(written: written::Subnet, dns: &[Ipv4Addr]) -> Checked<Subnet> {
    let span = written.subnet.span();
    let net = written.subnet.into_inner();
    if net != net.trunc() || !(8..=30).contains(&net.prefix_len()) {
        return fault(
            &span,
            format!("a further subnet is a network of 8 to 30 bits, as in 10.70.0.0/24; {net} is not"),
        );
    }
    let gateway = inside(written.gateway, net, "the gateway")?;
    let pool = pool(&written.pool, net, Some(gateway))?;
    let vlan = written.vlan.map(vlan).transpose()?;
    Ok(Subnet { net, pool, gateway, dns: written.dns.unwrap_or_else(|| dns.to_vec()), vlan })
}

fn pool(text: &Spanned<String>, subnet: Ipv4Net, gateway: Option<Ipv4Addr>) -> Checked<Pool> {
    let span = text.span();
    let text = text.get_ref();
    let ends =
        text.split_once('-').and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    let Some((first, last)) = ends else {
        return fault(
            &span,
            format!("\"{text}\" is not a pool; write the first and last address, as in \"10.66.0.100-10.66.0.199\""),
        );
    };
    let pool = Pool { first, last };
    if first > last {
        return fault(&span, format!("the pool ends at {last}, before it begins at {first}"));
    }
    for end in [first, last] {
        if !subnet.contains(&end) || end == subnet.network() || end == subnet.broadcast() {
            return fault(&span, format!("{end} is not an address for hosts in {subnet}"));
        }
    }
    match gateway {
        Some(gateway) if pool.contains(gateway) => fault(&span, format!("the pool holds the gateway, {gateway}")),
        _ => Ok(pool),
    }
}

fn inside(address: Spanned<Ipv4Addr>, subnet: Ipv4Net, what: &str) -> Checked<Ipv4Addr> {
    let span = address.span();
    let address = address.into_inner();
    if subnet.contains(&address) && address != subnet.network() && address != subnet.broadcast() {
        Ok(address)
    } else {
        fault(&span, format!("{what}, {address}, is not an address for hosts in {subnet}"))
    }
}
