use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Error;
use super::histories::Histories;
use super::record::{Bytes, Change, Part, Place};
use super::stored::{self, Claim, EventHead, Head, HistoryHead, Holder};
use crate::model::{Id, Lease, Mac};

/// All that is stored, in memory, as of the last durable batch.
///
/// Records stay in their stored encoding, with a few index fields beside them, and are decoded when they are asked
/// for: ten thousand phones fit in some 30 MB so, and secrets are in the clear only while they are used, and in the few
/// documents that [`Opened`](super::opened::Opened) keeps.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Number of the last batch.
    pub(super) generation: u64,
    /// Counts changes of what phones share.
    pub(super) shared: u64,
    documents: BTreeMap<Place, Bytes>,
    histories: Histories,
    claims: HashMap<Claim, Holder>,
    leases: BTreeMap<Arc<str>, BTreeMap<Ipv4Addr, Bytes>>,
    journeys: HashMap<Mac, Bytes>,
    events: BTreeMap<u64, (Option<Mac>, Bytes)>,
    next_event: u64,
}

impl View {
    /// Takes over a change.
    ///
    /// # Errors
    /// When a record cannot be read: the indexes cannot be kept then.
    pub(super) fn apply(&mut self, (place, value): Change) -> Result<(), Error> {
        if place.is_shared() {
            self.shared += 1;
        }
        match place {
            Place::Stamp => {}
            Place::Lease(network, address) => self.apply_lease(network, address, value),
            Place::Journey(mac) => match value {
                Some(bytes) => drop(self.journeys.insert(mac, bytes)),
                None => drop(self.journeys.remove(&mac)),
            },
            Place::Event(sequence) => match value {
                Some(bytes) => {
                    let head: EventHead = stored::decode(&place, &bytes)?;
                    self.events.insert(sequence, (head.mac, bytes));
                    self.next_event = self.next_event.max(sequence.saturating_add(1));
                }
                None => drop(self.events.remove(&sequence)),
            },
            Place::Setting(_) | Place::Secret(_) => {
                if place.is_history() {
                    let head = value.as_ref().map(|bytes| HistoryHead::of(&place, bytes)).transpose()?;
                    self.histories.put(&place, head);
                }
                match value {
                    Some(bytes) => drop(self.documents.insert(place, bytes)),
                    None => drop(self.documents.remove(&place)),
                }
            }
            Place::Organisation(_)
            | Place::Phone(_)
            | Place::PhoneBook(_)
            | Place::Group(_)
            | Place::Resource(_)
            | Place::Firmware(_)
            | Place::Rollout(_) => {
                self.apply_document(place, value)?;
            }
        }
        Ok(())
    }

    fn apply_lease(&mut self, network: Arc<str>, address: Ipv4Addr, value: Option<Bytes>) {
        match (value, self.leases.get_mut(&network)) {
            (Some(bytes), Some(leases)) => drop(leases.insert(address, bytes)),
            (Some(bytes), None) => drop(self.leases.insert(network, BTreeMap::from([(address, bytes)]))),
            (None, Some(leases)) => drop(leases.remove(&address)),
            (None, None) => {}
        }
    }

    fn apply_document(&mut self, place: Place, value: Option<Bytes>) -> Result<(), Error> {
        let claims = match &value {
            Some(bytes) => Head::of(&place, bytes)?.claims(&place),
            None => Vec::new(),
        };
        let old = match value {
            Some(bytes) => self.documents.insert(place.clone(), bytes),
            None => self.documents.remove(&place),
        };
        if let Some(old) = old {
            for (claim, holder) in Head::of(&place, &old)?.claims(&place) {
                if self.claims.get(&claim) == Some(&holder) {
                    self.claims.remove(&claim);
                }
            }
        }
        self.claims.extend(claims);
        Ok(())
    }

    /// The record of a document or setting.
    pub(super) fn document(&self, place: &Place) -> Option<&Bytes> {
        self.documents.get(place)
    }

    /// How large what was changed of phones is.
    pub(super) fn histories(&self) -> &Histories {
        &self.histories
    }

    /// All documents whose places lie in this range, in its order.
    pub(super) fn documents(&self, places: RangeInclusive<Place>) -> impl Iterator<Item = (&Place, &Bytes)> {
        self.documents.range(places)
    }

    /// Where the settings are whose names begin so, in their order.
    pub(super) fn settings(&self, beginning: &str) -> impl Iterator<Item = &Place> {
        let all = Place::Setting(beginning.into())..=Place::Setting(format!("{beginning}\u{10ffff}").into());
        self.documents(all).map(|(place, _)| place)
    }

    /// Who has what only one may have.
    pub(super) fn holder(&self, claim: &Claim) -> Option<Holder> {
        self.claims.get(claim).copied()
    }

    /// The phone with this MAC.
    pub(super) fn phone_with(&self, mac: Mac) -> Option<Id> {
        match self.holder(&Claim::Mac(mac)) {
            Some(Holder::Phone(id)) => Some(id),
            _ => None,
        }
    }

    /// The leases of a network by address.
    pub(super) fn leases(&self, network: &str) -> impl Iterator<Item = (Ipv4Addr, &Bytes)> {
        self.leases.get(network).into_iter().flatten().map(|(address, bytes)| (*address, bytes))
    }

    /// The lease of an address, in whichever network has it. A network that is configured no more, or under another
    /// name, leaves its leases behind: the one that was stored last is the one that holds.
    pub(super) fn lease(&self, address: Ipv4Addr) -> Option<Lease> {
        let found = self.leases.values().filter_map(|leases| leases.get(&address));
        found.filter_map(|bytes| stored::decode_lease(address, bytes)).max_by_key(Lease::stored)
    }

    /// Networks that have a lease of an address: one, unless networks were renamed.
    pub(super) fn networks_that_lease(&self, address: Ipv4Addr) -> impl Iterator<Item = &str> {
        let those = self.leases.iter().filter(move |(_, leases)| leases.contains_key(&address));
        those.map(|(network, _)| network.as_ref())
    }

    /// The leases of these addresses as [`View::lease`] has each, by address.
    pub(super) fn leases_between(&self, addresses: RangeInclusive<Ipv4Addr>) -> Vec<Lease> {
        let found = self.leases.values().flat_map(|leases| leases.range(addresses.clone()));
        let leased: BTreeSet<Ipv4Addr> = found.map(|(address, _)| *address).collect();
        leased.into_iter().filter_map(|address| self.lease(address)).collect()
    }

    /// The record of a journey.
    pub(super) fn journey(&self, mac: Mac) -> Option<&Bytes> {
        self.journeys.get(&mac)
    }

    /// Of whom there are journeys.
    pub(super) fn journeys(&self) -> impl Iterator<Item = Mac> {
        self.journeys.keys().copied()
    }

    /// The events after one, newest first.
    pub(super) fn events_after(&self, after: Option<u64>) -> impl Iterator<Item = (u64, Option<Mac>, &Bytes)> {
        let first = after.map_or(0, |after| after.saturating_add(1));
        self.events.range(first..).rev().map(|(sequence, (mac, bytes))| (*sequence, *mac, bytes))
    }

    /// Whether there is an event with this number.
    pub(super) fn has_event(&self, sequence: u64) -> bool {
        self.events.contains_key(&sequence)
    }

    /// The numbers of all events, oldest first.
    pub(super) fn event_sequences(&self) -> impl ExactSizeIterator<Item = u64> {
        self.events.keys().copied()
    }

    /// One more than the highest number that an event ever had; at least 1.
    pub(super) fn next_event(&self) -> u64 {
        self.next_event.max(1)
    }

    /// Makes sure that no event gets a number below this one.
    pub(super) fn skip_events(&mut self, next: u64) {
        self.next_event = self.next_event.max(next);
    }

    /// All records of one part.
    pub(super) fn records(&self, part: Part) -> Vec<(Place, Bytes)> {
        let leases = self.leases.iter().flat_map(|(network, leases)| {
            leases.iter().map(|(address, bytes)| (Place::Lease(network.clone(), *address), bytes.clone()))
        });
        let journeys = self.journeys.iter().map(|(mac, bytes)| (Place::Journey(*mac), bytes.clone()));
        match part {
            Part::Documents => self.documents.iter().map(|(place, bytes)| (place.clone(), bytes.clone())).collect(),
            Part::Leases => leases.chain(journeys).collect(),
            Part::Events => {
                self.events.iter().map(|(sequence, (_, bytes))| (Place::Event(*sequence), bytes.clone())).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::key::Key;
    use crate::store::samples;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn claims_follow_the_document() {
        let key = Key::new(&[7; 32]);
        let mut view = View::default();
        let mut phone = samples::phone(1, 0);
        let (place, mac) = (Place::Phone(phone.id), phone.mac);
        let record = |phone: &_| Some(stored::Phone::seal(phone, 1, &key).unwrap());
        view.apply((place.clone(), record(&phone))).unwrap();
        assert_eq!(view.phone_with(mac), Some(phone.id));

        phone.mac = Mac::new([0x80, 0x5e, 0xc0, 9, 9, 9]);
        view.apply((place.clone(), record(&phone))).unwrap();
        assert_eq!(view.phone_with(mac), None);
        assert_eq!(view.phone_with(phone.mac), Some(phone.id));

        view.apply((place, None)).unwrap();
        assert_eq!(view.phone_with(phone.mac), None);
        assert!(view.claims.is_empty());
    }

    #[test]
    fn of_two_leases_of_an_address_the_one_that_was_stored_last_holds() {
        let mut view = View::default();
        let mut put = |network: &str, lease: &Lease| {
            let place = Place::Lease(network.into(), lease.address);
            let bytes = stored::encode_lease(&place, lease).unwrap();
            view.apply((place, Some(bytes))).unwrap();
        };
        // The network was called "branch": its lease of a day ends after that of an hour, which another phone has now.
        let former = Lease { expires: samples::CREATED.plus(DAY), seconds_left: 86_400, ..samples::lease(1) };
        let stored = samples::CREATED.plus(HOUR);
        let holder =
            Lease { mac: samples::lease(2).mac, expires: stored.plus(HOUR), seconds_left: 3600, ..former.clone() };
        put("branch", &former);
        put("office", &holder);
        put("branch", &samples::lease(3));
        assert_eq!(view.lease(former.address), Some(holder.clone()));
        let all = Ipv4Addr::new(10, 0, 0, 0)..=Ipv4Addr::new(10, 255, 255, 255);
        assert_eq!(view.leases_between(all), [holder, samples::lease(3)]);
        assert_eq!(view.leases_between(former.address..=former.address).len(), 1);
    }

    #[test]
    fn claims_that_change_hands_in_one_commit_stay_with_the_new_holder() {
        let key = Key::new(&[7; 32]);
        let mut view = View::default();
        let (mut one, mut two) = (samples::phone(1, 0), samples::phone(2, 0));
        let record = |phone: &_| Some(stored::Phone::seal(phone, 1, &key).unwrap());
        view.apply((Place::Phone(one.id), record(&one))).unwrap();
        view.apply((Place::Phone(two.id), record(&two))).unwrap();
        std::mem::swap(&mut one.mac, &mut two.mac);
        view.apply((Place::Phone(one.id), record(&one))).unwrap();
        view.apply((Place::Phone(two.id), record(&two))).unwrap();
        assert_eq!(view.phone_with(one.mac), Some(one.id));
        assert_eq!(view.phone_with(two.mac), Some(two.id));
    }
}
