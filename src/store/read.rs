use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Bytes, Place};
use super::stored::{self, Claim, Head, Holder};
use super::{Error, GAPS, Store};
use crate::model::history::History;
use crate::model::{
    Event, Firmware, FirstContact, Group, Id, Journey, Lease, Mac, Organisation, Phone, PhoneBook, Reason, Resource,
    Rollout, Secret,
};

/// Whose login a user name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOwner {
    /// One phone's own, in use or handed out and waiting to be used.
    Phone(Id),
    /// An organisation's, for all of its phones.
    Organisation(Id),
}

/// Which events are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only those about this phone.
    pub mac: Option<Mac>,
    /// Only those with a higher number.
    pub after: Option<u64>,
    /// At most so many, the newest ones.
    pub limit: usize,
}

/// What is known of a listed phone without reading its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// The phone.
    pub id: Id,
    /// Whose it is.
    pub organisation: Id,
    /// As [`Phone::trusts_us`].
    pub trusts_us: bool,
}

/// Reading: what is durable, from memory. No call blocks for longer than the copying of its answer.
impl Store {
    /// A phone.
    pub fn phone(&self, id: Id) -> Option<Arc<Phone>> {
        let bytes = self.document(&Place::Phone(id))?;
        self.open_phone(id, &bytes)
    }

    /// Whether there is such a phone.
    pub fn has_phone(&self, id: Id) -> bool {
        self.document(&Place::Phone(id)).is_some()
    }

    /// The phone with this MAC.
    pub fn phone_by_mac(&self, mac: Mac) -> Option<Arc<Phone>> {
        let (id, bytes) = self.phone_record(mac)?;
        self.open_phone(id, &bytes)
    }

    /// Whether there is a phone with this MAC, and what a packet's answer needs of it. Opens no secret.
    pub fn listed(&self, mac: Mac) -> Option<Listed> {
        let (id, bytes) = self.phone_record(mac)?;
        let head = readable(Head::of(&Place::Phone(id), &bytes))?;
        let trusts_us = matches!(head.contact, Some(FirstContact::Closed { .. }));
        Some(Listed { id, organisation: head.organisation?, trusts_us })
    }

    /// All phones, by name.
    pub fn phones(&self) -> Vec<Arc<Phone>> {
        let records = self.documents(Place::Phone);
        let phones = records
            .iter()
            .filter_map(|(id, bytes)| readable(stored::Phone::open(*id, bytes, &self.shared.key)).map(Arc::new));
        let mut phones: Vec<Arc<Phone>> = phones.collect();
        phones.sort_by_cached_key(|phone| (phone.name.to_lowercase(), phone.id));
        phones
    }

    /// An organisation.
    pub fn organisation(&self, id: Id) -> Option<Arc<Organisation>> {
        let bytes = self.document(&Place::Organisation(id))?;
        let open = || readable(stored::Organisation::open(id, &bytes, &self.shared.key));
        self.shared.opened.organisations.get(id, &bytes, open)
    }

    /// All organisations, by name.
    pub fn organisations(&self) -> Vec<Arc<Organisation>> {
        let records = self.documents(Place::Organisation);
        let open = |(id, bytes): (Id, Bytes)| readable(stored::Organisation::open(id, &bytes, &self.shared.key));
        let mut organisations: Vec<_> = records.into_iter().filter_map(open).map(Arc::new).collect();
        organisations.sort_by_cached_key(|organisation| (organisation.name.to_lowercase(), organisation.id));
        organisations
    }

    /// Whose login this user name is: of phones the one in use and the one handed out, and of organisations.
    pub fn login_owner(&self, user: &str) -> Option<LoginOwner> {
        let holder = self.shared.view().holder(&Claim::User(user.into()))?;
        match holder {
            Holder::Phone(id) => Some(LoginOwner::Phone(id)),
            Holder::Organisation(id) => Some(LoginOwner::Organisation(id)),
            Holder::PhoneBook(_) | Holder::Group(_) | Holder::Firmware(_) => None,
        }
    }

    /// A phone book.
    pub fn phone_book(&self, id: Id) -> Option<PhoneBook> {
        let bytes = self.document(&Place::PhoneBook(id))?;
        readable(stored::PhoneBook::unpack(id, &bytes))
    }

    /// The phone book with this number.
    pub fn phone_book_by_number(&self, number: u32) -> Option<PhoneBook> {
        let holder = self.shared.view().holder(&Claim::Book(number))?;
        match holder {
            Holder::PhoneBook(id) => self.phone_book(id),
            Holder::Phone(_) | Holder::Organisation(_) | Holder::Group(_) | Holder::Firmware(_) => None,
        }
    }

    /// All phone books, by name.
    pub fn phone_books(&self) -> Vec<PhoneBook> {
        let records = self.documents(Place::PhoneBook);
        let unpack = |(id, bytes): (Id, Bytes)| readable(stored::PhoneBook::unpack(id, &bytes));
        let mut books: Vec<PhoneBook> = records.into_iter().filter_map(unpack).collect();
        books.sort_by_cached_key(|book| (book.name.to_lowercase(), book.id));
        books
    }

    /// A group.
    pub fn group(&self, id: Id) -> Option<Group> {
        let bytes = self.document(&Place::Group(id))?;
        readable(stored::Group::open(id, &bytes, &self.shared.key))
    }

    /// All groups of an organisation, by name.
    pub fn groups(&self, organisation: Id) -> Vec<Group> {
        let records = self.documents(Place::Group);
        let open = |(id, bytes): (Id, Bytes)| readable(stored::Group::open(id, &bytes, &self.shared.key));
        let mut groups: Vec<Group> = records.into_iter().filter_map(open).collect();
        groups.retain(|group| group.organisation == organisation);
        groups.sort_by_cached_key(|group| (group.name.to_lowercase(), group.id));
        groups
    }

    /// The phone books of an organisation that have a number, by name, without their contacts: each with id, number,
    /// name.
    pub fn phone_book_titles(&self, organisation: Id) -> Vec<(Id, u32, String)> {
        let records = self.documents(Place::PhoneBook);
        let title = |(id, bytes): (Id, Bytes)| {
            let head = readable(Head::of(&Place::PhoneBook(id), &bytes))?;
            let own = head.organisation == Some(organisation) && head.number > 0;
            own.then_some((id, head.number, head.name))
        };
        let mut titles: Vec<_> = records.into_iter().filter_map(title).collect();
        titles.sort_by_cached_key(|(id, _, name)| (name.to_lowercase(), *id));
        titles
    }

    /// What is known of a resource.
    pub fn resource(&self, id: Id) -> Option<Resource> {
        let bytes = self.document(&Place::Resource(id))?;
        readable(stored::Resource::unpack(id, &bytes))
    }

    /// All resources, by name.
    pub fn resources(&self) -> Vec<Resource> {
        let records = self.documents(Place::Resource);
        let unpack = |(id, bytes): (Id, Bytes)| readable(stored::Resource::unpack(id, &bytes));
        let mut resources: Vec<Resource> = records.into_iter().filter_map(unpack).collect();
        resources.sort_by_cached_key(|resource| (resource.name.to_lowercase(), resource.id));
        resources
    }

    /// What is known of an image.
    pub fn firmware(&self, id: Id) -> Option<Firmware> {
        let bytes = self.document(&Place::Firmware(id))?;
        readable(stored::Firmware::unpack(id, &bytes))
    }

    /// All images of the catalogue, oldest first.
    pub fn firmwares(&self) -> Vec<Firmware> {
        let records = self.documents(Place::Firmware).into_iter();
        records.filter_map(|(id, bytes)| readable(stored::Firmware::unpack(id, &bytes))).collect()
    }

    /// A roll-out.
    pub fn rollout(&self, id: Id) -> Option<Rollout> {
        let bytes = self.document(&Place::Rollout(id))?;
        readable(stored::Rollout::unpack(id, &bytes))
    }

    /// All roll-outs, oldest first.
    pub fn rollouts(&self) -> Vec<Rollout> {
        let records = self.documents(Place::Rollout).into_iter();
        records.filter_map(|(id, bytes)| readable(stored::Rollout::unpack(id, &bytes))).collect()
    }

    /// The leases of a network, by address.
    pub fn leases(&self, network: &str) -> Vec<Lease> {
        let view = self.shared.view();
        view.leases(network).filter_map(|(address, bytes)| stored::decode_lease(address, bytes)).collect()
    }

    /// The lease of an address, in whichever network: where two have one, that which was stored last.
    pub fn lease_by_address(&self, address: Ipv4Addr) -> Option<Lease> {
        self.shared.view().lease(address)
    }

    /// The leases of these addresses, by address, in whichever network: a network that was given another name has those
    /// that it had before.
    pub fn leases_between(&self, addresses: RangeInclusive<Ipv4Addr>) -> Vec<Lease> {
        self.shared.view().leases_between(addresses)
    }

    /// Events with their numbers, newest first.
    pub fn events(&self, filter: &EventFilter) -> Vec<(u64, Event)> {
        self.pick_events(filter, |sequence, event| Some((sequence, event)))
    }

    /// Of events with their numbers, newest first, what `pick` makes of each. No more than one is unpacked at a time.
    pub fn pick_events<T>(&self, filter: &EventFilter, mut pick: impl FnMut(u64, Event) -> Option<T>) -> Vec<T> {
        let found: Vec<(u64, Bytes)> = {
            let view = self.shared.view();
            let events = view.events_after(filter.after);
            let wanted = events.filter(|(_, mac, _)| filter.mac.is_none() || *mac == filter.mac);
            wanted.take(filter.limit).map(|(sequence, _, bytes)| (sequence, bytes.clone())).collect()
        };
        let unpack = |(sequence, bytes): (u64, Bytes)| {
            readable(stored::Event::unpack(sequence, &bytes)).and_then(|event| pick(sequence, event))
        };
        found.into_iter().filter_map(unpack).collect()
    }

    /// The number for the next new event: one more than any event ever had.
    pub fn next_event_sequence(&self) -> u64 {
        self.shared.view().next_event()
    }

    /// How far a phone has come.
    pub fn journey(&self, mac: Mac) -> Option<Journey> {
        let bytes = self.shared.view().journey(mac)?.clone();
        readable(stored::Journey::unpack(mac, &bytes))
    }

    /// Of whom there are journeys, in no order.
    pub fn journeys(&self) -> Vec<Mac> {
        self.shared.view().journeys().collect()
    }

    /// A setting.
    pub fn setting(&self, key: &str) -> Option<serde_json::Value> {
        let place = Place::Setting(key.into());
        let bytes = self.document(&place)?;
        readable(stored::Setting::unpack(&place, &bytes))
    }

    /// For how long the box had run since the store was put back from snapshots, when that was stored last; `None` when
    /// nothing is missed any more. Meanwhile leases and phones may exist that it does not know of.
    pub fn gaps(&self) -> Option<Duration> {
        self.setting(GAPS).map(|seconds| Duration::from_secs(seconds.as_u64().unwrap_or_default()))
    }

    /// Names of the settings that begin so, in their order.
    pub fn setting_names(&self, beginning: &str) -> Vec<String> {
        let view = self.shared.view();
        let found = view.settings(beginning).filter_map(|place| match place {
            Place::Setting(name) => Some(name.to_string()),
            _ => None,
        });
        found.collect()
    }

    /// Names of all settings that [`Write::PutServed`](super::Write::PutServed) stored.
    pub fn served_keys(&self) -> Vec<String> {
        self.setting_names(Place::SERVED)
    }

    /// Name of the setting that [`Write::PutServed`](super::Write::PutServed) stores.
    pub fn served_key(phone: Id, file: &str) -> String {
        Place::served(phone) + file
    }

    /// A secret setting.
    pub fn secret(&self, key: &str) -> Option<Secret> {
        let place = Place::Secret(key.into());
        let bytes = self.document(&place)?;
        readable(stored::Secret::open(&place, &bytes, &self.shared.key))
    }

    /// Names of the secret settings that begin so, in their order.
    pub fn secret_names(&self, beginning: &str) -> Vec<String> {
        let all = Place::Secret(beginning.into())..=Place::Secret(format!("{beginning}\u{10ffff}").into());
        let view = self.shared.view();
        let found = view.documents(all).filter_map(|(place, _)| match place {
            Place::Secret(name) => Some(name.to_string()),
            _ => None,
        });
        found.collect()
    }

    /// What was changed of a phone.
    pub fn history(&self, phone: Id) -> History {
        let place = stored::History::place(phone);
        let bytes = self.document(&place);
        let open = |bytes: Bytes| readable(stored::History::open(&place, &bytes, &self.shared.key));
        bytes.and_then(open).unwrap_or_default()
    }

    /// All secret settings but histories, so that they can be looked for where none may stand.
    pub fn secrets(&self) -> Vec<Secret> {
        let all = Place::Secret("".into())..=Place::Secret(char::MAX.to_string().into());
        let view = self.shared.view();
        let found: Vec<(Place, Bytes)> = view
            .documents(all)
            .filter(|(place, _)| !place.is_history())
            .map(|(p, bytes)| (p.clone(), bytes.clone()))
            .collect();
        drop(view);
        let open = |(place, bytes): (Place, Bytes)| readable(stored::Secret::open(&place, &bytes, &self.shared.key));
        found.into_iter().filter_map(open).collect()
    }

    /// What is wrong with the store at present: a full disk, or a restoration since the process started.
    pub fn alarms(&self) -> Vec<Reason> {
        self.shared.alarms()
    }

    /// Counts the changes of all that phones share: organisations, groups, phone books, and secret settings. What was
    /// made from a phone of one version, after this count was read, stays as it is while both stay.
    pub fn shared_version(&self) -> u64 {
        self.shared.view().shared
    }

    fn open_phone(&self, id: Id, bytes: &Bytes) -> Option<Arc<Phone>> {
        let open = || readable(stored::Phone::open(id, bytes, &self.shared.key));
        self.shared.opened.phones.get(id, bytes, open)
    }

    fn document(&self, place: &Place) -> Option<Bytes> {
        self.shared.view().document(place).cloned()
    }

    fn phone_record(&self, mac: Mac) -> Option<(Id, Bytes)> {
        let view = self.shared.view();
        let id = view.phone_with(mac)?;
        view.document(&Place::Phone(id)).map(|bytes| (id, bytes.clone()))
    }

    pub(super) fn documents(&self, kind: fn(Id) -> Place) -> Vec<(Id, Bytes)> {
        let all: RangeInclusive<Place> = kind(Id::from_bytes([0; 16]))..=kind(Id::from_bytes([0xff; 16]));
        let view = self.shared.view();
        let found = view.documents(all).filter_map(|(place, bytes)| match place {
            Place::Organisation(id)
            | Place::Phone(id)
            | Place::PhoneBook(id)
            | Place::Group(id)
            | Place::Resource(id)
            | Place::Firmware(id)
            | Place::Rollout(id) => Some((*id, bytes.clone())),
            _ => None,
        });
        found.collect()
    }
}

/// A record that was checked when it was loaded or stored reads; if one does not, it is missed and said so.
pub(super) fn readable<T>(read: Result<T, Error>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "a stored record cannot be read")).ok()
}
