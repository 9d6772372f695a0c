use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use super::bindings::{Client, Tick};
use crate::model::Mac;

/// An address offered and not yet asked for.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) client: Client,
    /// Hardware address of the client, which may itself answer for the address.
    pub(super) mac: Mac,
    /// When the address is free again.
    pub(super) until: Tick,
    /// Whether it must be seen to be unused before it is offered to somebody on the wire.
    pub(super) unproven: bool,
}

/// Addresses set aside for clients that were made an offer: a bounded number, since anybody can ask for one under
/// as many names as he likes. To lose an offer costs its client nothing as long as the address stays free.
#[derive(Debug, Default)]
pub(super) struct Offers {
    by_address: HashMap<Ipv4Addr, Offer>,
    of_client: HashMap<Client, Ipv4Addr>,
    by_end: BTreeSet<(Tick, Ipv4Addr)>,
}

impl Offers {
    /// How long an address is kept for the client.
    pub(super) const HOLD: Tick = 30_000;
    /// The age from which an offer may be withdrawn when no address is left.
    pub(super) const SHORTEST: Tick = 5_000;
    /// The most offers that are remembered.
    pub(super) const MOST: usize = 1024;

    /// Remembers an offer. The client has no other, and the address is offered to nobody else.
    pub(super) fn make(&mut self, address: Ipv4Addr, offer: Offer) {
        self.by_end.insert((offer.until, address));
        self.of_client.insert(offer.client.clone(), address);
        self.by_address.insert(address, offer);
    }

    /// Takes back what a client was offered.
    pub(super) fn withdraw(&mut self, client: &Client) -> Option<(Ipv4Addr, Offer)> {
        let address = *self.of_client.get(client)?;
        self.remove(address).map(|offer| (address, offer))
    }

    /// Takes back the offer of an address.
    pub(super) fn remove(&mut self, address: Ipv4Addr) -> Option<Offer> {
        let offer = self.by_address.remove(&address)?;
        self.by_end.remove(&(offer.until, address));
        self.of_client.remove(&offer.client);
        Some(offer)
    }

    /// Takes back the oldest offer if it ends by `at`.
    pub(super) fn remove_ending(&mut self, at: Tick) -> Option<Ipv4Addr> {
        let (_, address) = *self.by_end.first().filter(|(until, _)| *until <= at)?;
        self.remove(address).map(|_| address)
    }

    /// The address that a client was offered.
    pub(super) fn of(&self, client: &Client) -> Option<Ipv4Addr> {
        self.of_client.get(client).copied()
    }

    /// The offer of an address.
    pub(super) fn at(&self, address: Ipv4Addr) -> Option<&Offer> {
        self.by_address.get(&address)
    }

    /// Notes that nobody else uses the address.
    pub(super) fn prove(&mut self, address: Ipv4Addr) {
        if let Some(offer) = self.by_address.get_mut(&address) {
            offer.unproven = false;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_address.len()
    }
}
