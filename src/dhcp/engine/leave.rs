use std::net::Ipv4Addr;
use std::time::Duration;

use super::ask::Ask;
use super::bindings::{Client, Tick};
use super::decision::{Decision, LeaseWrite, Silence};
use super::{Engine, SET_ASIDE};
use crate::model::{Door, Event, Lease, LeaseState, Mac, Now, Reason, Via};

/// Addresses that come back, and those that cannot be used.
impl Engine {
    /// A client found its address taken. Only the one that holds the address or was offered it can say so: else
    /// anybody could empty the pool with a packet an address.
    pub(super) fn decline(&mut self, ask: &Ask<'_>) -> Decision {
        if ask.request.server_id() != Some(self.network.server) {
            return Decision::silent(Silence::OtherServer);
        }
        let Some(address) = ask.request.requested_address() else { return Decision::silent(Silence::Unclear) };
        if !self.holds(address, &ask.client) && self.offers.of(&ask.client) != Some(address) {
            return Decision::silent(Silence::NoRecord);
        }
        self.set_aside(address, ask.request.mac, ask.at, ask.now)
    }

    pub(super) fn set_aside(&mut self, address: Ipv4Addr, mac: Mac, at: Tick, now: Now) -> Decision {
        self.offers.remove(address);
        self.claim(address);
        let span = Duration::from_millis(SET_ASIDE.unsigned_abs());
        let lease = Lease {
            address,
            mac,
            client_id: None,
            host_name: None,
            vendor_class: None,
            state: LeaseState::Declined,
            expires: now.wall.plus(span),
            seconds_left: u32::try_from(span.as_secs()).unwrap_or(u32::MAX),
            via: Via::Unknown,
        };
        self.bindings.bind(Client::Hardware(mac), lease.clone(), Self::aside_until(at), at);
        let event = Event::new(now.wall, Door::Dhcp, Reason::Declined { address }).about(mac);
        Decision { writes: vec![LeaseWrite::Put(lease)], event: Some(event), ..Decision::default() }
    }

    pub(super) fn release(&mut self, ask: &Ask<'_>) -> Decision {
        if ask.request.server_id().is_some_and(|server| server != self.network.server) {
            return Decision::silent(Silence::OtherServer);
        }
        let address = ask.request.ciaddr;
        // The address of its packet is the one thing that a client elsewhere cannot forge so easily.
        if ask.request.source != address {
            return Decision::silent(Silence::Forged);
        }
        let Some(binding) = self.bindings.at(address).filter(|_| self.holds(address, &ask.client)) else {
            return Decision::silent(Silence::NoRecord);
        };
        let lease = Lease { state: LeaseState::Released, ..binding.lease(Tick::MAX, ask.now) };
        self.bindings.bind(ask.client.clone(), lease.clone(), ask.at, ask.at);
        self.give_back(address);
        let event = ask.event(Reason::Released { address }).from_address(Some(address.into()));
        Decision { writes: vec![LeaseWrite::Put(lease)], event: Some(event), ..Decision::default() }
    }
}
