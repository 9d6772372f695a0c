//! Who gets which address: the decisions of the server, with no socket, no disk and no clock behind them.

mod ask;
mod bindings;
mod budget;
mod care;
#[cfg(test)]
mod claim_tests;
mod conduct;
mod confirm;
mod decision;
#[cfg(test)]
mod histories;
mod leave;
#[cfg(test)]
mod mode_tests;
mod network;
mod offers;
#[cfg(feature = "planted-bugs")]
mod planted;
mod pool;
mod run_out;
#[cfg(test)]
mod segment_tests;
mod segments;
#[cfg(test)]
pub(super) mod tests;

use std::net::Ipv4Addr;

use self::ask::Ask;
use self::bindings::{Bindings, Client, Tick, millis};
use self::care::Care;
use self::offers::{Offer, Offers};
use self::pool::Pool;
use super::knowledge::Knowledge;
use super::options::code;
use super::request::{Kind, Request};
use crate::model::{Lease, LeaseState, Mac, Now, Reason};

pub use self::conduct::Conduct;
pub use self::decision::{Decision, LeaseWrite, Preview, Silence};
pub use self::network::{Network, Reservation, Subnet};
pub use self::segments::Segments;

/// How long an address that was found taken is not given away.
const SET_ASIDE: Tick = 600_000;
/// A lease that was not renewed is stored again after this long, with what it has left.
const TICK: Tick = 600_000;
/// A wall clock that moved by more than this against the monotonic one was set.
const JUMP: i64 = 60_000;
/// The most leases that one tick stores.
const TICK_WRITES: usize = 256;

/// The longest lease in seconds while standing in for another server.
const STAND_IN_LEASE: u32 = 600;

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
    conduct: Conduct,
    /// Whether no client named another server since it was said last that there is none.
    unrivalled: bool,
    care: Care,
    #[cfg(feature = "planted-bugs")]
    bug: Option<planted::Bug>,
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
    pub fn new(network: Network, leases: impl IntoIterator<Item = Lease>, now: Now) -> Self {
        let at = millis(now.monotonic);
        let mut engine = Self {
            pool: Pool::new(&network),
            bindings: Bindings::default(),
            offers: Offers::default(),
            conduct: network.conduct,
            unrivalled: true,
            care: Care::default(),
            #[cfg(feature = "planted-bugs")]
            bug: None,
            gaps_until: network
                .restored
                .map(|since| at.saturating_add(millis(network.subnet.lease_time.saturating_sub(since)))),
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
        engine.count_beyond();
        engine
    }

    /// Decides about one request.
    pub fn handle(&mut self, request: &Request, knowledge: &Knowledge, now: Now) -> Decision {
        let at = millis(now.monotonic);
        self.expire(at);
        if request.link().is_some_and(|link| !self.network.subnet.net.contains(&link)) {
            return Decision::silent(Silence::OtherNetwork);
        }
        let ask = Ask { request, knowledge, client: self.client(request), now, at };
        let mut decision = match request.kind {
            _ if self.conduct == Conduct::Silent => Decision::silent(Silence::NotServing),
            Kind::Discover | Kind::Request if !self.gives_to(knowledge) => self.run_out(&ask),
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

    /// Says what it does from now on, again where that is what it did.
    pub fn conduct(&mut self, conduct: Conduct) {
        // The server that a client named is known to be gone, or to be none.
        self.unrivalled |= conduct == Conduct::Full { sole: true };
        if conduct == Conduct::StandIn && conduct != self.conduct {
            // Of what was offered before not every address was probed.
            while let Some(address) = self.offers.remove_ending(Tick::MAX) {
                self.give_back(address);
            }
        }
        self.conduct = conduct;
    }

    /// To be called every few seconds: ends what is over, and gives back leases to be stored again because they
    /// were stored long ago or by a wall clock that has been set since.
    pub fn tick(&mut self, now: Now) -> Vec<LeaseWrite> {
        let at = millis(now.monotonic);
        self.expire(at);
        self.count_beyond();
        let offset = now.wall.millis().saturating_sub(at);
        if !now.trusted {
            self.misdated_until = at;
        } else if offset.abs_diff(self.offset) > JUMP.unsigned_abs() {
            self.misdated_until = self.misdated_until.max(at - 1);
        }
        self.offset = offset;
        let age = TICK.min(millis(self.network.subnet.lease_time) / 2).max(1);
        // What was stored in this very millisecond waits for the next tick: it cannot be told from what this one stores.
        let before = if now.trusted { self.misdated_until.max(at - age).min(at - 1) } else { at - age };
        let stale = std::iter::from_fn(|| self.bindings.stale(before, at, now));
        let mut writes: Vec<_> = stale.take(TICK_WRITES).map(LeaseWrite::Put).collect();
        if now.trusted && !self.dated && writes.len() < TICK_WRITES && self.misdated_until < at {
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
        let seen = former.as_ref().is_some_and(|(other, offer)| *other == address && !offer.unproven);
        let probed = self.is_to_be_probed(address, ask) && !seen;
        // What is offered through a relay was not seen: it counts for no client that turns up on the wire.
        let unproven = probed || !seen && !self.can_probe(ask);
        if let Some((other, _)) = former
            && other != address
        {
            self.give_back(other);
        }
        if self.offers.len() >= Offers::MOST
            && let Some(oldest) = self.offers.remove_ending(Tick::MAX)
        {
            self.give_back(oldest);
        }
        self.claim(address);
        let until = ask.at + Offers::HOLD;
        self.offers.make(address, Offer { client: ask.client.clone(), mac: ask.request.mac, until, unproven });
        if probed {
            return Decision { probe: Some(address), ..Decision::default() };
        }
        // RFC 4039: a client that offers it gets its lease at once. Only where nobody else can have answered.
        if ask.request.options.get(code::RAPID_COMMIT).is_some() && self.is_sole() {
            return self.acknowledge(ask, address);
        }
        Decision::reply(self.write_offer(ask.request, ask.knowledge, address, self.lease_seconds()))
    }

    /// The address for a client that asks for any: the one reserved for it, the one it was offered or had before,
    /// the one it asks for, or whichever is best.
    fn choose(&mut self, ask: &Ask<'_>) -> Option<Ipv4Addr> {
        if let Some(address) = self.claims(ask).find(|address| self.may_have(*address, ask)) {
            return Some(address);
        }
        let known = |address| self.offers.at(address).is_some() || self.bindings.at(address).is_some();
        if !self.may_take_any(ask) {
            return None;
        }
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

    /// Addresses that a client has a claim to, the best first.
    fn claims(&self, ask: &Ask<'_>) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let claims = [
            self.network.subnet.reservations.get(&ask.request.mac).map(|reservation| reservation.address),
            self.offers.of(&ask.client),
            self.bindings.of(&ask.client).map(|binding| binding.address),
            ask.request.requested_address(),
        ];
        claims.into_iter().flatten()
    }

    fn acknowledge(&mut self, ask: &Ask<'_>, address: Ipv4Addr) -> Decision {
        let mut decision = Decision::default();
        if let Some((offered, _)) = self.offers.withdraw(&ask.client)
            && offered != address
        {
            self.give_back(offered);
        }
        let renewal = self.holds(address, &ask.client);
        if let Some(former) = self.bindings.of(&ask.client).map(|binding| binding.address)
            && former != address
        {
            // It is in the pool already if its lease has ended, under an end that is forgotten with the binding.
            self.claim(former);
            self.bindings.remove(former);
            self.give_back(former);
            decision.writes.push(LeaseWrite::Delete(former));
        }
        self.claim(address);
        let seconds_left = self.lease_seconds();
        let former = self.bindings.at(address).filter(|_| renewal).map(|binding| binding.via);
        let lease = ask.lease(address, LeaseState::Bound, seconds_left, ask.via(former));
        let ends = ask.at + Tick::from(seconds_left) * 1000;
        self.bindings.bind(ask.client.clone(), lease.clone(), ends, ask.at);
        #[cfg(feature = "planted-bugs")]
        let forgets = !renewal && self.bug == Some(planted::Bug::GivesInMemoryAlone);
        #[cfg(not(feature = "planted-bugs"))]
        let forgets = false;
        if !forgets {
            decision.writes.push(LeaseWrite::Put(lease));
        }
        if !renewal {
            let network = self.network.name.clone();
            decision.event = Some(ask.event(Reason::Leased { network, address }).from_address(Some(address.into())));
        }
        decision.reply = Some(self.write_ack(ask.request, ask.knowledge, address, seconds_left));
        decision
    }

    /// Tells a client that it cannot have an address, if we are the only one to say so.
    fn refuse(&mut self, ask: &Ask<'_>, requested: Ipv4Addr) -> Decision {
        if !self.is_sole() {
            return Decision::silent(Silence::NotSole);
        }
        Decision::reply(self.write_nak(ask.request)).with_event(ask.event(Reason::LeaseRefused { requested }))
    }

    fn inform(&self, ask: &Ask<'_>) -> Decision {
        if !self.network.subnet.net.contains(&ask.request.ciaddr) {
            return Decision::silent(Silence::OtherNetwork);
        }
        match self.conduct {
            Conduct::Full { .. } | Conduct::StandIn => {
                Decision::reply(self.write_parameters(ask.request, ask.knowledge))
            }
            // Beside another server: it has told its clients what they need (RFC 2131 section 4.3.5).
            _ if ask.knowledge.phone && !ask.knowledge.options.is_empty() => {
                Decision::reply(self.write_provisioning(ask.request, ask.knowledge))
            }
            _ => Decision::silent(Silence::NotAPhone),
        }
    }

    fn is_sole(&self) -> bool {
        self.conduct == Conduct::Full { sole: true } && self.unrivalled
    }

    fn gives_to(&self, knowledge: &Knowledge) -> bool {
        self.conduct.gives_addresses() && (self.conduct != Conduct::PhonesOnly || knowledge.phone)
    }

    /// Seconds of a new lease.
    fn lease_seconds(&self) -> u32 {
        let usual = self.network.subnet.lease_seconds();
        if self.conduct == Conduct::StandIn { usual.min(STAND_IN_LEASE) } else { usual }
    }

    /// Whether the client has or had an address here.
    pub(super) fn knows(&self, request: &Request) -> bool {
        self.bindings.of(&self.client(request)).is_some()
    }

    /// What the sender of a DISCOVER would be offered now, without anything being set aside for it.
    pub(super) fn preview(&self, request: &Request, knowledge: &Knowledge, now: Now) -> Preview {
        let silent = |silence| Preview { answer: Err(silence), address: None };
        if request.kind == Kind::Inform {
            let ask = Ask { request, knowledge, client: self.client(request), now, at: millis(now.monotonic) };
            let Decision { reply, silence, .. } = self.inform(&ask);
            return Preview { answer: reply.ok_or(silence.unwrap_or(Silence::Unclear)), address: None };
        }
        if !self.gives_to(knowledge) {
            let phones_only = self.conduct == Conduct::PhonesOnly;
            return silent(if phones_only { Silence::NotAPhone } else { Silence::NoNewLeases });
        }
        let ask = Ask { request, knowledge, client: self.client(request), now, at: millis(now.monotonic) };
        let claimed = self.claims(&ask).find(|address| self.may_have(*address, &ask));
        let known = |address| self.offers.at(address).is_some() || self.bindings.at(address).is_some();
        let any = || self.pool.next_any(known).filter(|_| self.may_take_any(&ask));
        let Some(address) = claimed.or_else(any) else { return silent(Silence::PoolExhausted) };
        let reply = self.write_offer(request, knowledge, address, self.lease_seconds());
        Preview { answer: Ok(reply), address: Some(address) }
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
        binding.is_some_and(|binding| binding.state == LeaseState::Bound && binding.client == *client)
    }

    /// Whether the client may have the address now: it is one for this client, and nobody else holds it or was
    /// offered it.
    fn is_free_for(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let reserved = self.network.subnet.reservations.get(&ask.request.mac);
        #[cfg(feature = "planted-bugs")]
        if self.bug == Some(planted::Bug::GivesWhatIsHeld) {
            return self.pool.contains(address);
        }
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
        #[cfg(feature = "planted-bugs")]
        let at = match self.bug {
            Some(planted::Bug::EndsLeasesEarly) => at + millis(self.network.subnet.lease_time) / 2,
            _ => at,
        };
        while let Some((_, address)) = self.bindings.next_over(at) {
            self.give_back(address);
        }
        while let Some(address) = self.offers.remove_ending(at) {
            self.give_back(address);
        }
    }
}
