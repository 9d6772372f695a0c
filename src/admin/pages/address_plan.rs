//! The addresses of a network as a strip: who has which part of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::config::Network;

/// Widest network of which every address has a place of its own; of wider ones a place is many addresses.
const PLACES: u32 = 1024;
/// Parts of the strip.
const WIDTH: u32 = 1000;

/// What an address is used for, the more telling ones later: where several share a place, the last of them is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::admin) enum Use {
    /// Not to be given by this box.
    Outside,
    /// In the pool, and nobody's.
    Free,
    /// Leased to a device that is on no list of phones.
    Other,
    /// Leased to a phone of the list.
    Phone,
    /// Nobody gets it for now.
    Aside,
    /// The box's own.
    Box,
}

/// Neighbouring addresses of one use, in parts of a thousand of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::admin) struct Run {
    pub(in crate::admin) kind: Use,
    pub(in crate::admin) from: u32,
    pub(in crate::admin) width: u32,
}

/// The strip of a network, from its first address to its last.
pub(in crate::admin) fn strip(network: &Network, used: &BTreeMap<Ipv4Addr, Use>) -> Vec<Run> {
    let (first, last) = (u32::from(network.subnet.network()), u32::from(network.subnet.broadcast()));
    let size = u64::from(last - first) + 1;
    let places = u64::from(PLACES).min(size);
    let place = |address: u32| u64::from(address.saturating_sub(first)) * places / size;
    let mut shown = vec![Use::Outside; usize::try_from(places).unwrap_or_default()];
    let mut mark = |from: u64, to: u64, kind: Use| {
        let range = usize::try_from(from).unwrap_or_default()..=usize::try_from(to).unwrap_or_default();
        for place in shown.get_mut(range).unwrap_or_default() {
            *place = (*place).max(kind);
        }
    };
    if let Some(pool) = network.dhcp.pool {
        mark(place(u32::from(pool.first)), place(u32::from(pool.last)), Use::Free);
    }
    for (address, kind) in used.iter().filter(|(address, _)| network.subnet.contains(*address)) {
        let at = place(u32::from(*address));
        mark(at, at, *kind);
    }
    let mut runs: Vec<Run> = Vec::new();
    let part = |place: usize| u32::try_from(place as u64 * u64::from(WIDTH) / places).unwrap_or(WIDTH);
    for (at, kind) in shown.into_iter().enumerate() {
        let end = part(at + 1);
        match runs.last_mut() {
            Some(run) if run.kind == kind => run.width = end - run.from,
            _ => runs.push(Run { kind, from: part(at), width: end - part(at) }),
        }
    }
    // In a wide network a place may be narrower than a part.
    runs.retain(|run| run.width > 0);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Dhcp, Pool};

    fn network(subnet: &str, pool: Option<([u8; 4], [u8; 4])>) -> Network {
        Network {
            name: "office".into(),
            interface: "eth0".into(),
            subnet: subnet.parse().unwrap(),
            gateway: None,
            dns: Vec::new(),
            domain: None,
            vlan: None,
            dhcp: Dhcp {
                pool: pool.map(|(first, last)| Pool { first: first.into(), last: last.into() }),
                ..Dhcp::usual()
            },
        }
    }

    #[test]
    fn the_strip_is_whole_and_shows_every_use() {
        let office = network("10.66.0.0/24", Some(([10, 66, 0, 100], [10, 66, 0, 199])));
        let used = [(1, Use::Box), (100, Use::Phone), (101, Use::Phone), (150, Use::Other), (160, Use::Aside)];
        let used = used.map(|(host, kind)| (Ipv4Addr::new(10, 66, 0, host), kind)).into_iter().collect();
        let runs = strip(&office, &used);
        assert_eq!(runs.iter().map(|run| run.width).sum::<u32>(), WIDTH);
        assert!(runs.windows(2).all(|pair| pair[0].from + pair[0].width == pair[1].from));
        let kinds: Vec<Use> = runs.iter().map(|run| run.kind).collect();
        use Use::{Aside, Box, Free, Other, Outside, Phone};
        assert_eq!(kinds, [Outside, Box, Outside, Phone, Free, Other, Free, Aside, Free, Outside]);
    }

    #[test]
    fn wide_and_tiny_networks_have_a_strip_too() {
        for subnet in ["10.0.0.0/8", "0.0.0.0/0", "10.66.0.4/30", "10.66.0.4/32"] {
            let runs = strip(&network(subnet, None), &BTreeMap::new());
            assert_eq!(runs, [Run { kind: Use::Outside, from: 0, width: WIDTH }], "{subnet}");
        }
        let wide = network("10.0.0.0/8", Some(([10, 0, 0, 0], [10, 255, 255, 255])));
        let used = [(Ipv4Addr::new(10, 200, 0, 1), Use::Phone), (Ipv4Addr::new(192, 0, 2, 1), Use::Phone)];
        assert!(strip(&wide, &used.into_iter().collect()).iter().any(|run| run.kind == Use::Phone));
    }
}
