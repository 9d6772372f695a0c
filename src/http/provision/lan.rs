use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::Provision;
use crate::brands::Claims;
use crate::model::{Event, Lease, LeaseState, Mac, Now, Phone};
use crate::sys::neighbours;

impl Provision {
    /// What the LAN knows about an address.
    pub(super) fn neighbour(&self, address: IpAddr, now: Now) -> Neighbour {
        let IpAddr::V4(v4) = address.to_canonical() else { return Neighbour::default() };
        if v4.is_loopback() {
            return Neighbour::default();
        }
        Neighbour { lease: self.leased_to(v4, now), neighbour: neighbours::lookup(address) }
    }

    /// The phone on the list that nothing on the LAN speaks against being at an address.
    pub fn phone_at(&self, address: IpAddr) -> Option<Arc<Phone>> {
        self.store.phone_by_mac(self.mac_at(address)?)
    }

    /// The MAC that nothing on the LAN speaks against being at an address.
    pub(super) fn mac_at(&self, address: IpAddr) -> Option<Mac> {
        self.neighbour(address, self.clock.now()).known()
    }

    /// Who probably asks from an address and calls itself `agent`: for the record alone, nobody is given anything on
    /// the strength of it.
    ///
    /// Where the LAN says nothing of the address, as behind a router, it is whoever leased it, vouched for or not; else
    /// the listed phone that the asker says it is; else the phone that last showed its login there.
    pub fn probably_at(&self, address: IpAddr, agent: Option<&str>) -> Option<Mac> {
        let (address, now) = (address.to_canonical(), self.clock.now());
        let neighbour = self.neighbour(address, now);
        if neighbour.lease.is_some() || neighbour.neighbour.is_some() {
            return neighbour.known();
        }
        let leased = match address {
            IpAddr::V4(address) => self.lease_at(address, now).map(|lease| lease.mac),
            IpAddr::V6(_) => None,
        };
        let claims = Claims { user_agent: agent, ..Claims::default() };
        let said = || self.registry.recognise(&claims)?.mac.filter(|mac| self.store.phone_by_mac(*mac).is_some());
        leased.or_else(said).or_else(|| self.seen().at(address))
    }

    /// Records an event.
    pub(in crate::http) fn note(&self, event: Event) {
        self.journal.record(event);
    }

    fn leased_to(&self, address: Ipv4Addr, now: Now) -> Option<Mac> {
        self.lease_at(address, now).filter(|lease| lease.via.vouches()).map(|lease| lease.mac)
    }

    fn lease_at(&self, address: Ipv4Addr, now: Now) -> Option<Lease> {
        let lease = self.store.lease_by_address(address)?;
        (lease.state == LeaseState::Bound && lease.expires > now.wall).then_some(lease)
    }
}

/// Who holds an address, as far as is known.
#[derive(Clone, Copy, Default)]
pub(super) struct Neighbour {
    pub(super) lease: Option<Mac>,
    pub(super) neighbour: Option<Mac>,
}

impl Neighbour {
    /// The one that nothing speaks against.
    pub(super) fn known(self) -> Option<Mac> {
        match (self.lease, self.neighbour) {
            (Some(lease), Some(neighbour)) => Some(lease).filter(|mac| *mac == neighbour),
            (lease, neighbour) => lease.or(neighbour),
        }
    }
}
