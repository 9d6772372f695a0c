use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;

use super::bindings::Tick;
use super::network::Network;

/// The addresses of the pool that nobody holds, in the order in which they are given away.
///
/// Nothing here scans: the never-used part is a cursor that moves each address once, the rest are ordered sets.
#[derive(Debug)]
pub(super) struct Pool {
    first: u32,
    last: u32,
    size: u64,
    /// Addresses, inside the range and elsewhere, that are not for everybody: the box, the gateway, reservations, and
    /// the ends of the subnet.
    kept: BTreeSet<Ipv4Addr>,
    /// The next address that was never given away; beyond `last` when there is none.
    cursor: u64,
    /// Addresses that came back with no record of a client, in the order in which they did: as good as never used,
    /// but one whose offer was forgotten under a flood may still be asked for.
    returned: BTreeMap<u64, Ipv4Addr>,
    returned_at: HashMap<Ipv4Addr, u64>,
    returns: u64,
    /// Addresses whose lease ended, longest ago first.
    ended: BTreeSet<(Tick, Ipv4Addr)>,
}

impl Pool {
    pub(super) fn new(network: &Network) -> Self {
        let subnet = &network.subnet;
        let mut kept: BTreeSet<_> = subnet.reservations.values().map(|reservation| reservation.address).collect();
        kept.extend([network.server, subnet.net.network(), subnet.net.broadcast()]);
        kept.extend(subnet.gateway);
        let (first, last) = (u32::from(subnet.first), u32::from(subnet.last));
        let inside = kept.iter().filter(|address| (first..=last).contains(&u32::from(**address))).count();
        let range = (u64::from(last) + 1).saturating_sub(u64::from(first));
        Self {
            first,
            last,
            size: range.saturating_sub(u64::try_from(inside).unwrap_or(u64::MAX)),
            kept,
            cursor: u64::from(first),
            returned: BTreeMap::new(),
            returned_at: HashMap::new(),
            returns: 0,
            ended: BTreeSet::new(),
        }
    }

    /// Whether the address may be given to any client.
    pub(super) fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&u32::from(address)) && !self.kept.contains(&address)
    }

    /// How many addresses it has for everybody, with those that somebody holds.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What [`Pool::take_any`] would take now.
    pub(super) fn next_any(&self, held: impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        let unused = (self.cursor..=u64::from(self.last)).filter_map(|number| u32::try_from(number).ok());
        let unused = unused
            .map(Ipv4Addr::from)
            .find(|address| self.contains(*address) && !self.returned_at.contains_key(address) && !held(*address));
        let returned = || self.returned.first_key_value().map(|(_, address)| *address);
        unused.or_else(returned).or_else(|| self.ended.first().map(|(_, address)| *address))
    }

    /// Whether the address is kept from the pool for somebody: the box, the gateway, a reservation.
    pub(super) fn keeps(&self, address: Ipv4Addr) -> bool {
        self.kept.contains(&address)
    }

    /// Puts back an address: with the time at which its lease ended, or with no record of a client.
    pub(super) fn put_back(&mut self, address: Ipv4Addr, ended: Option<Tick>) {
        if !self.contains(address) {
            return;
        }
        match ended {
            Some(at) => {
                self.ended.insert((at, address));
            }
            None if !self.returned_at.contains_key(&address) => {
                self.returns += 1;
                self.returned.insert(self.returns, address);
                self.returned_at.insert(address, self.returns);
            }
            None => {}
        }
    }

    /// Takes out a certain address, which somebody holds from now on.
    pub(super) fn take_out(&mut self, address: Ipv4Addr, ended: Option<Tick>) {
        if let Some(at) = ended {
            self.ended.remove(&(at, address));
        } else if let Some(order) = self.returned_at.remove(&address) {
            self.returned.remove(&order);
        }
    }

    /// The best address for a client that has no claim to any: one never used, else the one whose lease ended
    /// longest ago. `held` tells whether an address the cursor meets was given away out of turn. The address is
    /// taken out.
    pub(super) fn take_any(&mut self, held: impl Fn(Ipv4Addr) -> bool) -> Option<Ipv4Addr> {
        while self.cursor <= u64::from(self.last) {
            let address = Ipv4Addr::from(u32::try_from(self.cursor).ok()?);
            self.cursor += 1;
            if self.contains(address) && !self.returned_at.contains_key(&address) && !held(address) {
                return Some(address);
            }
        }
        if let Some((_, address)) = self.returned.pop_first() {
            self.returned_at.remove(&address);
            return Some(address);
        }
        self.ended.pop_first().map(|(_, address)| address)
    }
}
