use std::net::Ipv4Addr;

use super::Engine;
use super::ask::Ask;
use super::bindings::Binding;
use super::conduct::Conduct;
use super::decision::{Decision, Silence};
use super::offers::Offer;
use crate::model::LeaseState;

/// REQUEST, by the state that the client is in (RFC 2131 section 4.3.2).
impl Engine {
    /// A client asks for a certain address: one that it was offered, or one that it had.
    pub(super) fn request(&mut self, ask: &Ask<'_>) -> Decision {
        let request = ask.request;
        let held = Some(request.ciaddr).filter(|address| !address.is_unspecified());
        match (request.server_id(), held, request.requested_address()) {
            (Some(server), ..) if server != self.network.server => {
                self.unrivalled = false;
                if let Some((address, _)) = self.offers.withdraw(&ask.client) {
                    self.give_back(address);
                }
                Decision::silent(Silence::OtherServer)
            }
            (Some(_), held, requested) => match requested.or(held) {
                Some(address) if self.may_have(address, ask) && self.is_proven(address, ask) => {
                    self.acknowledge(ask, address)
                }
                Some(address) => self.refuse(ask, address),
                None => Decision::silent(Silence::Unclear),
            },
            (None, Some(address), _) => self.renew(ask, address),
            (None, None, Some(address)) => self.reboot(ask, address),
            (None, None, None) => Decision::silent(Silence::Unclear),
        }
    }

    /// A client that wakes up and asks whether its address still stands (INIT-REBOOT).
    fn reboot(&mut self, ask: &Ask<'_>, address: Ipv4Addr) -> Decision {
        if !self.network.subnet.net.contains(&address) {
            return self.refuse(ask, address);
        }
        if self.conduct == Conduct::StandIn && !self.is_proven(address, ask) {
            return Decision::silent(Silence::NoRecord);
        }
        // Where we know who has what, it is told to ask anew: silence would let it go on using the address.
        if self.has_gaps(ask.at) {
            self.let_go_of_its_own(address, ask);
        }
        let free = self.is_free_for(address, ask);
        let reserved = self.network.subnet.reservations.get(&ask.request.mac).map(|reservation| reservation.address);
        // A client whose reservation was made while it was off moves there now.
        if reserved.is_some_and(|reserved| reserved != address && self.is_free_for(reserved, ask)) {
            return self.refuse(ask, address);
        }
        let recorded = self.bindings.of(&ask.client).map(|binding| binding.address).or(reserved);
        match recorded {
            Some(recorded) if recorded == address && free => self.acknowledge(ask, address),
            _ if free && self.has_gaps(ask.at) && self.is_proven(address, ask) => self.acknowledge(ask, address),
            Some(_) => self.refuse(ask, address),
            // It cannot have an address that we gave to another; silence would let it go on using it.
            None if self.is_others(address, ask) => self.refuse(ask, address),
            None => Decision::silent(Silence::NoRecord),
        }
    }

    /// A client that uses its address and asks for more time (RENEWING, REBINDING).
    fn renew(&mut self, ask: &Ask<'_>, address: Ipv4Addr) -> Decision {
        if !self.network.subnet.net.contains(&address) {
            return self.refuse(ask, address);
        }
        self.let_go_of_its_own(address, ask);
        let own = self.bindings.of(&ask.client).is_some_and(|binding| binding.address == address);
        if own {
            self.take_back(address, ask);
        }
        if self.is_free_for(address, ask) {
            // The client uses the address, nobody else may: where no other server can have given it, the record
            // that we lack is written now. A NAK would end its calls, silence would let the address be offered
            // to another while it is in use.
            let its_own = |binding: &Binding| binding.mac == ask.request.mac;
            let given_back = self.was_given_back(address, ask) && !self.bindings.at(address).is_some_and(its_own);
            if own || !given_back && (self.has_gaps(ask.at) || self.is_sole() && self.may_have(address, ask)) {
                return self.acknowledge(ask, address);
            }
            return Decision::silent(Silence::NoRecord);
        }
        if own || self.is_others(address, ask) {
            return self.refuse(ask, address);
        }
        Decision::silent(Silence::NoRecord)
    }

    /// Whether an address may be granted to a client that does not use it yet: it holds it, or was offered it after a
    /// probe where there can be one, or nobody else may be using it. Somebody may who gave it back, and, where we stand in
    /// for another server, anybody: we do not know to whom that one gave it. Whoever is not given it looks for a server.
    fn is_proven(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let seen = |offer: &Offer| offer.client == ask.client && !(offer.unproven && self.can_probe(ask));
        self.holds(address, &ask.client)
            || self.offers.at(address).is_some_and(seen)
            || self.conduct != Conduct::StandIn && !self.was_given_back(address, ask)
    }

    /// Whoever released an address, or in whose name somebody did, and uses it still has it before one who was offered it
    /// since: an offer is no lease.
    fn take_back(&mut self, address: Ipv4Addr, ask: &Ask<'_>) {
        let other = self.offers.at(address).map(|offer| offer.client.clone()).filter(|client| *client != ask.client);
        if let Some((address, _)) = other.and_then(|other| self.offers.withdraw(&other)) {
            self.give_back(address);
        }
    }

    /// An address that was set aside since this very client was heard to use it, before it ever asked, is free for it:
    /// where we lack its record, or no other server can have given it.
    fn let_go_of_its_own(&mut self, address: Ipv4Addr, ask: &Ask<'_>) {
        let its_own = |binding: &Binding| binding.state == LeaseState::Declined && binding.mac == ask.request.mac;
        let ours = self.has_gaps(ask.at) || self.is_sole() && self.may_take_any(ask);
        // One whose time is over is in the pool already, and must not be there twice.
        if ours && self.bindings.holds(address) && self.bindings.at(address).is_some_and(its_own) {
            self.bindings.remove(address);
            self.give_back(address);
        }
    }
}
