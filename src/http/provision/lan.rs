use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::Provision;
use crate::model::{Event, LeaseState, Mac, Now, Phone};
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
    pub fn mac_at(&self, address: IpAddr) -> Option<Mac> {
        self.neighbour(address, self.clock.now()).known()
    }

    /// Records an event.
    pub(in crate::http) fn note(&self, event: Event) {
        self.journal.record(event);
    }

    fn leased_to(&self, address: Ipv4Addr, now: Now) -> Option<Mac> {
        let lease = self.store.lease_by_address(address)?;
        (lease.state == LeaseState::Bound && lease.via.vouches() && lease.expires > now.wall).then_some(lease.mac)
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
