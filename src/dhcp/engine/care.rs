use std::net::Ipv4Addr;

use super::ask::Ask;
use super::bindings::{Binding, Client, Tick, millis};
use super::conduct::Conduct;
use super::decision::Decision;
use super::{Engine, SET_ASIDE};
use crate::model::{Door, Event, Lease, LeaseState, Mac, Now, Reason};

/// The length of the window in which first offers are counted.
const WINDOW: Tick = 1000;
/// First offers in one window that are probed. More are a storm: phones after a power cut, which must not wait.
const PROBED_PER_WINDOW: u32 = 16;
/// An address whose lease ended this long ago may have been taken by hand since.
const RECENT: Tick = 24 * 3_600_000;
/// The part of a pool that is kept for phones and for clients that were here before.
const KEPT_PART: u64 = 8;
/// Smaller pools keep nothing back.
const SMALLEST_SHARED: u64 = 16;
/// The part of a pool that may be set aside because somebody was heard to use it.
const HEARD_PART: u64 = 4;

/// How many first offers there were lately, and how many addresses were heard in use.
#[derive(Debug, Default)]
pub(super) struct Care {
    window: Tick,
    first_offers: u32,
    before: u32,
    /// Leases that run beyond the pool: of reservations, and of a pool that was elsewhere before. As of the last tick.
    beyond: usize,
}

impl Care {
    /// Counts a first offer. Whether there are few enough of them to probe each address.
    fn is_calm(&mut self, at: Tick) -> bool {
        let window = at.div_euclid(WINDOW);
        if window != self.window {
            self.before = if window == self.window + 1 { self.first_offers } else { 0 };
            self.window = window;
            self.first_offers = 0;
        }
        self.first_offers = self.first_offers.saturating_add(1);
        self.first_offers <= PROBED_PER_WINDOW && self.before <= PROBED_PER_WINDOW
    }
}

/// Whether the lease ended so lately that who had the address may use it still.
fn is_recent(binding: &Binding, ask: &Ask<'_>) -> bool {
    binding.ends > ask.at.saturating_sub(RECENT)
}

/// Care for addresses that others use, and for those who must not go without one.
impl Engine {
    /// Whether an address must be seen to be unused before it is offered: after a restore, while standing in for
    /// another server, and whenever it was not ours lately and there is no storm.
    pub(super) fn is_to_be_probed(&mut self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        if !self.can_probe(ask) {
            return false;
        }
        if self.has_gaps(ask.at) {
            return true;
        }
        if self.conduct == Conduct::StandIn {
            return !self.holds(address, &ask.client);
        }
        let was_ours = self.bindings.at(address).is_some_and(|binding| is_recent(binding, ask));
        // There are few of those that were given back, so a storm is no excuse.
        self.was_given_back(address, ask) || !was_ours && self.care.is_calm(ask.at)
    }

    /// Whether an address was lately declined, or released by another client: it is ours no more until it is seen to be
    /// unused. Whoever sends frames in a client's name can release its address.
    pub(super) fn was_given_back(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let last = self.bindings.at(address).filter(|binding| is_recent(binding, ask));
        last.is_some_and(|binding| match binding.state {
            LeaseState::Bound => false,
            LeaseState::Released => binding.client != ask.client,
            LeaseState::Declined => true,
        })
    }

    /// Whether it can be seen that an address is unused where the client is: behind a relay it cannot.
    pub(super) fn can_probe(&self, ask: &Ask<'_>) -> bool {
        self.network.subnet.on_link && ask.request.link().is_none()
    }

    /// Whether the client may have an address that it has no claim to. The last part of a pool is for phones, and
    /// for clients that had an address before, so that a flood of invented clients starves none of them.
    pub(super) fn may_take_any(&self, ask: &Ask<'_>) -> bool {
        let size = self.pool.size();
        if ask.knowledge.phone || size < SMALLEST_SHARED || self.bindings.of(&ask.client).is_some() {
            return true;
        }
        let running = self.bindings.running().saturating_sub(self.care.beyond);
        let used = u64::try_from(running + self.offers.len()).unwrap_or(u64::MAX);
        size.saturating_sub(used) > size / KEPT_PART
    }

    /// Counts the leases that take nothing of the pool. Once a tick is enough: it takes a look at each of them.
    pub(super) fn count_beyond(&mut self) {
        self.care.beyond = self.bindings.held().filter(|address| !self.pool.contains(*address)).count();
    }

    /// Whether the client may have this very address: it is free for it, and was promised to it or is one of those that
    /// anybody may take. To name an address is no claim to it: else a flood that names one each time takes all of them.
    pub(super) fn may_have(&self, address: Ipv4Addr, ask: &Ask<'_>) -> bool {
        let reserved = || self.network.subnet.reservations.get(&ask.request.mac).map(|reservation| reservation.address);
        self.is_free_for(address, ask)
            && (self.offers.of(&ask.client) == Some(address) || reserved() == Some(address) || self.may_take_any(ask))
    }

    /// Notes that `mac` was heard to use `address` on the wire. An address of the pool that somebody has without
    /// asking is set aside, so that it is offered to nobody.
    pub fn heard(&mut self, address: Ipv4Addr, mac: Mac, now: Now) -> Decision {
        let at = millis(now.monotonic);
        if !self.conduct.gives_addresses() || !self.pool.contains(address) || self.bindings.holds(address) {
            return Decision::default();
        }
        let last = self.bindings.at(address).filter(|binding| binding.mac == mac).map(|binding| binding.state);
        if last.is_some_and(|state| state != LeaseState::Declined)
            || self.offers.at(address).is_some_and(|offer| offer.mac == mac || !offer.unproven)
        {
            return Decision::default();
        }
        let aside = u64::try_from(self.bindings.declined()).unwrap_or(u64::MAX);
        if aside >= self.pool.size().div_ceil(HEARD_PART) {
            return Decision::default();
        }
        // Whoever goes on using it is set aside for again and again: that is told once.
        let event = Event::new(now.wall, Door::Dhcp, Reason::AddressInUse { address }).about(mac);
        Decision { event: Some(event).filter(|_| last.is_none()), ..self.set_aside(address, mac, at, now) }
    }

    /// Whether a lease that another server gave may be taken over: nobody holds the address, unless it was set aside since
    /// this very client was heard to use it, and the client holds no other, since it has left the one server for the other
    /// then. An offer is no lease: its client has not taken it, while this one uses the address.
    pub(super) fn may_import(&mut self, lease: &Lease, now: Now) -> bool {
        self.expire(millis(now.monotonic));
        let reserved = self.network.subnet.reservations.contains_key(&lease.mac);
        let of_client = self.bindings.of(&Client::of_lease(lease, reserved));
        if of_client.is_some_and(|other| other.address != lease.address && self.bindings.holds(other.address)) {
            return false;
        }
        let its_own = |binding: &Binding| binding.state == LeaseState::Declined && binding.mac == lease.mac;
        !self.bindings.holds(lease.address) || self.bindings.at(lease.address).is_some_and(its_own)
    }

    /// Addresses that nobody gets for now because somebody was found to use them, with who.
    pub fn abandoned(&self) -> Vec<(Ipv4Addr, Mac)> {
        if self.bindings.declined() == 0 {
            return Vec::new();
        }
        let aside = self.bindings.all().filter(|binding| binding.state == LeaseState::Declined);
        let running = aside.filter(|binding| self.bindings.holds(binding.address));
        running.map(|binding| (binding.address, binding.mac)).collect()
    }

    /// Whether any lease that was given still runs.
    pub fn has_leases(&self) -> bool {
        self.bindings.running() > self.bindings.declined()
    }

    pub(super) fn aside_until(at: Tick) -> Tick {
        at + SET_ASIDE
    }
}
