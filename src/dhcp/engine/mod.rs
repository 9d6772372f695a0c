//! Who gets which address: the decisions of the server, with no socket, no disk and no clock behind them.

mod ask;
mod bindings;
mod confirm;
mod decision;
#[cfg(test)]
mod histories;
mod network;
mod offers;
mod pool;
#[cfg(test)]
pub(super) mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

use self::ask::Ask;
use self::bindings::{Bindings, Client, Tick, millis};
use self::offers::{Offer, Offers};
use self::pool::Pool;
use super::knowledge::Knowledge;
use super::request::{Kind, Request};
use crate::model::{Door, Event, Lease, LeaseState, Mac, Now, Reason};

pub use self::decision::{Decision, LeaseWrite, Silence};
pub use self::network::{Network, Reservation, Subnet};

/// How long an address that was found taken is not given away.
const SET_ASIDE: Tick = 600_000;
/// A lease that was not renewed is stored again after this long, with what it has left.
const TICK: Tick = 600_000;
/// A wall clock that moved by more than this against the monotonic one was set.
const JUMP: i64 = 60_000;
/// The most leases that one tick stores.
const TICK_WRITES: usize = 256;

/// A DHCP server for one network: RFC 2131 in the mode in which it gives addresses.
///
/// It decides and does nothing: packets, knowledge and time come in, a [`Decision`] comes out. It believes its own
/// decisions at once; when its writes could not be stored it must be thrown away and made anew from the store.
#[derive(Debug)]
pub struct Engine {
    network: Network,
    pool: Pool,
    bindings: Bindings,
    offers: Offers,
    /// Whether a NAK may be sent.
    sole: bool,
    /// Until then leases may exist that the store does not know of.
    gaps_until: Option<Tick>,
    /// Wall clock minus monotonic clock, when last looked at.
    offset: i64,
    /// Whether all ends in the store are by a trusted clock.
    dated: bool,
    /// Leases stored up to then carry an end by a wall clock that was wrong.
    misdated_until: Tick,
}

impl Engine {
    /// An engine that goes on from what is stored. Leases outside the subnet are left alone.
    pub fn new(network: Network, leases: Vec<Lease>, now: Now) -> Self {
        let at = millis(now.monotonic);
        let mut engine = Self {
            pool: Pool::new(&network),
            bindings: Bindings::default(),
            offers: Offers::default(),
            sole: network.sole,
            gaps_until: network.restored.then(|| at.saturating_add(millis(network.subnet.lease_time))),
            offset: now.wall.millis().saturating_sub(at),
            misdated_until: if network.dated { Tick::MIN } else { at },
            dated: network.dated,
            network,
        };
        for lease in leases {
            let address = lease.address;
            if !engine.network.subnet.net.contains(&address) {
                continue;
            }
            let reserved = engine.network.subnet.reservations.contains_key(&lease.mac);
            engine.bindings.load(lease, reserved, at, now, engine.dated);
            engine.give_back(address);
        }
        engine
    }

    /// Decides about one request.
    pub fn handle(&mut self, request: &Request, knowledge: &Knowledge, now: Now) -> Decision {
        let at = millis(now.monotonic);
        self.expire(at);
        if !request.giaddr.is_unspecified() && !self.network.subnet.net.contains(&request.giaddr) {
            return Decision::silent(Silence::OtherNetwork);
        }
        let ask = Ask { request, knowledge, client: self.client(request), now, at };
        let mut decision = match request.kind {
            Kind::Discover => self.discover(&ask),
            Kind::Request => self.request(&ask),
            Kind::Decline => self.decline(&ask),
            Kind::Release => self.release(&ask),
            Kind::Inform => self.inform(&ask),
        };
        if !now.trusted {
            self.misdated_until = at;
            if self.dated && !decision.writes.is_empty() {
                self.dated = false;
                decision.writes.push(LeaseWrite::Dated(false));
            }
        }
        decision
    }

    /// To be called every few seconds: ends what is over, and gives back leases to be stored again because they
    /// were stored long ago or by a wall clock that has been set since.
    pub fn tick(&mut self, now: Now) -> Vec<LeaseWrite> {
        let at = millis(now.monotonic);
        self.expire(at);
        let offset = now.wall.millis().saturating_sub(at);
        if !now.trusted {
            self.misdated_until = at;
        } else if offset.abs_diff(self.offset) > JUMP.unsigned_abs() {
            self.misdated_until = at - 1;
        }
        self.offset = offset;
        let age = TICK.min(millis(self.network.subnet.lease_time) / 2).max(1);
        let before = if now.trusted { self.misdated_until.max(at - age) } else { at - age };
        let stale = std::iter::from_fn(|| self.bindings.stale(before, at, now));
        let mut writes: Vec<_> = stale.take(TICK_WRITES).map(LeaseWrite::Put).collect();
        if now.trusted && !self.dated && writes.len() < TICK_WRITES {
            self.dated = true;
            writes.push(LeaseWrite::Dated(true));
        } else if self.dated && !now.trusted && !writes.is_empty() {
            self.dated = false;
            writes.push(LeaseWrite::Dated(false));
        }
        writes
    }

    /// Notes that nobody answered for an address that a decision asked to probe. The request is then to be
    /// handled again.
    pub fn found_unused(&mut self, address: Ipv4Addr) {
        self.offers.prove(address);
    }

    /// Notes that `mac` answered for an address that a decision asked to probe. The request is then to be handled
    /// again.
    pub fn found_used(&mut self, address: Ipv4Addr, mac: Mac, now: Now) -> Decision {
        let at = millis(now.monotonic);
        let Some(offer) = self.offers.at(address).filter(|offer| offer.unproven) else {
            return Decision::silent(Silence::NoRecord);
        };
        if offer.mac == mac {
            self.offers.prove(address);
            return Decision::default();
        }
        self.set_aside(address, mac, at, now)
    }

    fn discover(&mut self, ask: &Ask<'_>) -> Decision {
        let Some(address) = self.choose(ask) else {
            let reason = Reason::PoolExhausted { network: self.network.name.clone() };
            return Decision::silent(Silence::PoolExhausted).with_event(ask.event(reason));
        };
        let former = self.offers.withdraw(&ask.client);
        let mut unproven = self.has_gaps(ask.at);
        if let Some((other, offer)) = former {
            unproven &= other != address || offer.unproven;
            if other != address {
                self.give_back(other);
            }
        }
        if self.offers.len() >= Offers::MOST
            && let Some(oldest) = self.offers.remove_ending(Tick::MAX)
        {
            self.give_back(oldest);
        }
        self.claim(address);
        let until = ask.at + Offers::HOLD;
        self.offers.make(address, Offer { client: ask.client.clone(), mac: ask.request.mac, until, unproven });
        if unproven {
            return Decision { probe: Some(address), ..Decision::default() };
        }
        Decision::reply(self.write_offer(ask.request, ask.knowledge, address))
    }

    /// The address for a client that asks for any: the one reserved for it, the one it was offered or had before,
    /// the one it asks for, or whichever is best.
    fn choose(&mut self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        let claims = [
            self.network.subnet.reservations.get(&ask.request.mac).map(|reservation| reservation.address),
            self.offers.of(&ask.client),
            self.bindings.of(&ask.client).map(|binding| binding.lease.address),
            ask.request.requested_address(),
        ];
        if let Some(address) = claims.into_iter().flatten().find(|address| self.is_free_for(*address, ask)) {
            return Some(address);
        }
        let known = |address| self.offers.at(address).is_some() || self.bindings.at(address).is_some();
        if let Some(address) = self.pool.take_any(known) {
            return Some(address);
        }
        // Under a flood of names that only ask and never take, the oldest offer goes to whoever comes next.
        let address = self.offers.remove_ending(ask.at + Offers::HOLD - Offers::SHORTEST)?;
        if self.is_free_for(address, ask) {
            return Some(address);
        }
        self.give_back(address);
        None
    }

    fn acknowledge(&mut self, ask: &Ask<'_>, address: Ipv4Addr) -> Decision {
        let mut decision = Decision::default();
        if let Some((offered, _)) = self.offers.withdraw(&ask.client)
            && offered != address
        {
            self.give_back(offered);
        }
        let renewal = self.holds(address, &ask.client);
        if let Some(former) = self.bindings.of(&ask.client).map(|binding| binding.lease.address)
            && former != address
        {
            // It is in the pool already if its lease has ended, under an end that is forgotten with the binding.
            self.claim(former);
            self.bindings.remove(former);
            self.give_back(former);
            decision.writes.push(LeaseWrite::Delete(former));
        }
        self.claim(address);
        let seconds_left = self.network.subnet.lease_seconds();
        let lease = ask.lease(address, LeaseState::Bound, seconds_left);
        let ends = ask.at + Tick::from(seconds_left) * 1000;
        self.bindings.bind(ask.client.clone(), lease.clone(), ends, ask.at);
        decision.writes.push(LeaseWrite::Put(lease));
        if !renewal {
            let network = self.network.name.clone();
            decision.event = Some(ask.event(Reason::Leased { network, address }).from_address(Some(address.into())));
        }
        decision.reply = Some(self.write_ack(ask.request, ask.knowledge, address));
        decision
    }

    /// Tells a client that it cannot have an address, if we are the only one to say so.
    fn refuse(&mut self, ask: &Ask<'_>, requested: Ipv4Addr) -> Decision {
        if !self.sole {
            return Decision::silent(Silence::NotSole);
        }
        Decision::reply(self.write_nak(ask.request)).with_event(ask.event(Reason::LeaseRefused { requested }))
    }

    /// A client found its address taken. Only the one that holds the address or was offered it can say so: else
    /// anybody could empty the pool with a packet an address.
    fn decline(&mut self, ask: &Ask<'_>) -> Decision {
        if ask.request.server_id() != Some(self.network.server) {
            return Decision::silent(Silence::OtherServer);
        }
        let Some(address) = ask.request.requested_address() else { return Decision::silent(Silence::Unclear) };
        if !self.holds(address, &ask.client) && self.offers.of(&ask.client) != Some(address) {
            return Decision::silent(Silence::NoRecord);
        }
        self.set_aside(address, ask.request.mac, ask.at, ask.now)
    }

    fn set_aside(&mut self, address: Ipv4Addr, mac: Mac, at: Tick, now: Now) -> Decision {
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
        };
        self.bindings.bind(Client::Hardware(mac), lease.clone(), at + SET_ASIDE, at);
        let event = Event::new(now.wall, Door::Dhcp, Reason::Declined { address }).about(mac);
        Decision { writes: vec![LeaseWrite::Put(lease)], event: Some(event), ..Decision::default() }
    }

    fn release(&mut self, ask: &Ask<'_>) -> Decision {
        if ask.request.server_id().is_some_and(|server| server != self.network.server) {
            return Decision::silent(Silence::OtherServer);
        }
        let address = ask.request.ciaddr;
        let Some(binding) = self.bindings.at(address).filter(|_| self.holds(address, &ask.client)) else {
            return Decision::silent(Silence::NoRecord);
        };
        let mut lease = binding.lease.clone();
        lease.state = LeaseState::Released;
        lease.expires = ask.now.wall;
        lease.seconds_left = 0;
        self.bindings.bind(ask.client.clone(), lease.clone(), ask.at, ask.at);
        self.give_back(address);
        let event = ask.event(Reason::Released { address }).from_address(Some(address.into()));
        Decision { writes: vec![LeaseWrite::Put(lease)], event: Some(event), ..Decision::default() }
    }

    fn inform(&mut self, ask: &Ask<'_>) -> Decision {
        if !self.network.subnet.net.contains(&ask.request.ciaddr) {
            return Decision::silent(Silence::OtherNetwork);
        }
        Decision::reply(self.write_parameters(ask.request, ask.knowledge))
    }

    fn client(&self, request: &Request) -> Client {
        Client::of(request, self.network.subnet.reservations.contains_key(&request.mac))
    }

    fn has_gaps(&self, at: Tick) -> bool {
        self.gaps_until.is_some_and(|until| at < until)
    }

    /// Whether the client holds a running lease of the address.
    fn holds(&self, address: Ipv4Addr, client: &Client) -> bool {
        let binding = self.bindings.at(address).filter(|_| self.bindings.holds(address));
        binding.is_some_and(|binding| binding.lease.state == LeaseState::Bound && binding.client == *client)
    }

    /// Whether the client may have the address now: it is one for this client, and nobody else holds it or was
    /// offered it.
    fn is_free_for(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let reserved = self.network.subnet.reservations.get(&ask.request.mac);
        let assignable =
            reserved.is_some_and(|reservation| reservation.address == address) || self.pool.contains(address);
        assignable
            && self.offers.at(address).is_none_or(|offer| offer.client == ask.client)
            && (!self.bindings.holds(address) || self.holds(address, &ask.client))
    }

    /// Whether somebody else is known to have the address.
    fn is_others(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let reserved = self.network.subnet.reservations.get(&ask.request.mac);
        (self.bindings.holds(address) && !self.holds(address, &ask.client))
            || self.offers.at(address).is_some_and(|offer| offer.client != ask.client)
            || (self.pool.keeps(address) && reserved.is_none_or(|reservation| reservation.address != address))
    }

    /// Takes an address out of the pool, wherever in it it is.
    fn claim(&mut self, address: Ipv4Addr) {
        let ended = self.bindings.at(address).map(|binding| binding.ends);
        self.pool.take_out(address, ended);
        self.pool.take_out(address, None);
    }

    /// Puts an address back into the pool unless somebody holds it or was offered it.
    fn give_back(&mut self, address: Ipv4Addr) {
        if self.offers.at(address).is_none() && !self.bindings.holds(address) {
            self.pool.put_back(address, self.bindings.at(address).map(|binding| binding.ends));
        }
    }

    /// Ends what is over by `at`.
    fn expire(&mut self, at: Tick) {
        while let Some((_, address)) = self.bindings.next_over(at) {
            self.give_back(address);
        }
        while let Some(address) = self.offers.remove_ending(at) {
            self.give_back(address);
        }
    }
}
