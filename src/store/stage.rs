use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use super::Error;
use super::histories::Coming;
use super::key::Key;
use super::record::{Bytes, Change, LONGEST_NAME, Place};
use super::shared::Limits;
use super::stored::{self, Claim, Head, HistoryHead, Holder};
use super::view::View;
use super::write::Write;
use crate::model::history::{self, Hand};
use crate::model::{Id, Phone};

/// A batch in the making: commits that were found good, over what is stored already.
pub(super) struct Stage<'a> {
    view: &'a View,
    key: &'a Key,
    batch: Layer,
    new_events: HashSet<u64>,
}

/// Changes on top of what is below.
#[derive(Default)]
struct Layer {
    changes: Vec<Change>,
    documents: HashMap<Place, Option<Bytes>>,
    claims: HashMap<Claim, Option<Holder>>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(view: &'a View, key: &'a Key) -> Self {
        Self { view, key, batch: Layer::default(), new_events: HashSet::new() }
    }

    /// Adds a commit to the batch, or leaves the batch as it was.
    pub(super) fn add(&mut self, writes: Vec<Write>) -> Result<(), Error> {
        let mut commit = Layer::default();
        let mut new_events = Vec::new();
        for write in writes {
            if let Write::PutEvent { sequence, .. } = &write {
                new_events.extend(Some(*sequence).filter(|sequence| !self.view.has_event(*sequence)));
            }
            self.write(&mut commit, write)?;
        }
        self.new_events.extend(new_events);
        self.batch.changes.extend(commit.changes);
        self.batch.documents.extend(commit.documents);
        self.batch.claims.extend(commit.claims);
        Ok(())
    }

    /// The changes of all commits in their order. Events beyond what is kept are dropped, oldest first; so are changes
    /// of phones.
    pub(super) fn finish(mut self, limits: &Limits) -> Vec<Change> {
        self.forget_changes(limits.histories);
        let mut changes = self.batch.changes;
        let stored = self.view.event_sequences();
        let surplus = match self.new_events.len() {
            0 => 0,
            new => (stored.len() + new).saturating_sub(limits.events),
        };
        // Dropped first: a commit may store an old event again, and then it stays.
        let dropped: Vec<Change> = stored.take(surplus).map(|sequence| (Place::Event(sequence), None)).collect();
        changes.splice(0..0, dropped);
        changes
    }

    /// Takes the oldest changes out of histories until all of them fit into this room, in bytes.
    fn forget_changes(&mut self, room: usize) {
        let mut coming = Coming::over(self.view.histories());
        for (place, value) in self.batch.documents.iter().filter(|(place, _)| place.is_history()) {
            // What cannot be read was not written here.
            let head = value.as_ref().and_then(|bytes| HistoryHead::of(place, bytes).ok());
            coming.put(place, head);
        }
        if !coming.has_more() {
            return;
        }
        while coming.bytes() > room {
            let Some(place) = coming.oldest().cloned() else { break };
            // One that cannot be opened, or sealed again, is of no use to anybody.
            let less =
                self.document(&Layer::default(), &place).and_then(|bytes| self.with_one_less(&place, &bytes).ok());
            coming.put(&place, less.as_ref().and_then(|bytes| HistoryHead::of(&place, bytes).ok()));
            self.batch.documents.insert(place.clone(), less.clone());
            self.batch.changes.push((place, less));
        }
    }

    /// A history without its oldest change.
    fn with_one_less(&self, place: &Place, bytes: &[u8]) -> Result<Bytes, Error> {
        let mut history = stored::History::open(place, bytes, self.key)?;
        history.forget_oldest();
        stored::History::seal(place, &history, self.key)
    }

    fn write(&self, commit: &mut Layer, write: Write) -> Result<(), Error> {
        let key = self.key;
        let change = match write {
            Write::PutOrganisation { organisation, expect } => {
                let place = Place::Organisation(organisation.id);
                return self.put(commit, place, expect, |v| stored::Organisation::seal(&organisation, v, key));
            }
            Write::PutPhone { phone, expect } => {
                return self.put(commit, Place::Phone(phone.id), expect, |v| stored::Phone::seal(&phone, v, key));
            }
            Write::ChangePhone { phone, expect, hand } => return self.change_phone(commit, &phone, expect, hand),
            Write::PutPhoneBook { book, expect } => {
                return self.put(commit, Place::PhoneBook(book.id), expect, |v| stored::PhoneBook::pack(&book, v));
            }
            Write::PutGroup { group, expect } => {
                return self.put(commit, Place::Group(group.id), expect, |v| stored::Group::seal(&group, v, key));
            }
            Write::PutResource { resource, expect } => {
                let place = Place::Resource(resource.id);
                return self.put(commit, place, expect, |v| stored::Resource::pack(&resource, v));
            }
            Write::PutFirmware { firmware, expect } => {
                let place = Place::Firmware(firmware.id);
                return self.put(commit, place, expect, |v| stored::Firmware::pack(&firmware, v));
            }
            Write::PutRollout { rollout, expect } => {
                let place = Place::Rollout(rollout.id);
                return self.put(commit, place, expect, |v| stored::Rollout::pack(&rollout, v));
            }
            Write::DeleteOrganisation(id) => {
                if self.is_named(commit, |head| head.organisation == Some(id))? {
                    return Err(Error::InUse { what: Place::Organisation(id).name() });
                }
                return self.delete(commit, Place::Organisation(id));
            }
            Write::DeletePhone(id) => {
                self.forget_served(commit, id);
                self.place(commit, stored::History::place(id), None);
                return self.delete(commit, Place::Phone(id));
            }
            Write::DeletePhoneBook(id) => return self.delete(commit, Place::PhoneBook(id)),
            Write::DeleteGroup(id) => {
                if self.is_named(commit, |head| head.group == Some(id))? {
                    return Err(Error::InUse { what: Place::Group(id).name() });
                }
                return self.delete(commit, Place::Group(id));
            }
            Write::DeleteResource(id) => return self.delete(commit, Place::Resource(id)),
            Write::DeleteFirmware(id) => return self.delete(commit, Place::Firmware(id)),
            Write::DeleteRollout(id) => return self.delete(commit, Place::Rollout(id)),
            Write::PutLease { network, lease } => {
                let place = Place::Lease(fit_name("network", &network)?.into(), lease.address);
                let bytes = stored::encode_lease(&place, &lease)?;
                self.forget_former(commit, &network, lease.address);
                (place, Some(bytes))
            }
            Write::DeleteLease { network, address } => {
                self.forget_former(commit, &network, address);
                (Place::Lease(fit_name("network", &network)?.into(), address), None)
            }
            Write::PutEvent { sequence, event } => {
                let place = Place::Event(sequence);
                let bytes = stored::Event::pack(&place, &event)?;
                (place, Some(bytes))
            }
            Write::PutJourney { mac, journey } => {
                let place = Place::Journey(mac);
                let bytes = stored::Journey::pack(&place, &journey)?;
                (place, Some(bytes))
            }
            Write::DeleteJourney(mac) => (Place::Journey(mac), None),
            Write::PutSetting { key, value } => {
                let place = Place::Setting(fit_name("setting", &key)?.into());
                let bytes = stored::Setting::pack(&place, value)?;
                (place, Some(bytes))
            }
            Write::PutServed { phone, file, value } => {
                if self.document(commit, &Place::Phone(phone)).is_none() {
                    return Ok(());
                }
                let key = Place::served(phone) + &file;
                return self.write(commit, Write::PutSetting { key, value });
            }
            Write::DeleteSetting(key) => (Place::Setting(fit_name("setting", &key)?.into()), None),
            Write::PutSecret { key: name, value } => {
                let place = Place::Secret(fit_name("secret", &name)?.into());
                let bytes = stored::Secret::seal(&place, &value, key)?;
                (place, Some(bytes))
            }
            Write::DeleteSecret(key) => (Place::Secret(fit_name("secret", &key)?.into()), None),
        };
        commit.changes.push(change);
        Ok(())
    }

    /// Deletes the leases of an address that networks have which were renamed or are configured no more: of two, the one
    /// stored last would hold, and clocks of different starts do not tell which that is.
    fn forget_former(&self, commit: &mut Layer, network: &str, address: Ipv4Addr) {
        let former = self.view.networks_that_lease(address).filter(|name| *name != network);
        commit.changes.extend(former.map(|name| (Place::Lease(name.into(), address), None)));
    }

    /// Stores a phone, and what differs from what it was in its history.
    fn change_phone(&self, commit: &mut Layer, phone: &Phone, expect: Option<u64>, hand: Hand) -> Result<(), Error> {
        let (key, place) = (self.key, Place::Phone(phone.id));
        let before = self.document(commit, &place);
        let before = before.map(|bytes| stored::Phone::open(phone.id, &bytes, key)).transpose()?;
        self.put(commit, place, expect, |version| stored::Phone::seal(phone, version, key))?;
        let Some(before) = before else { return Ok(()) };
        if before.mac != phone.mac {
            self.forget_served(commit, phone.id);
        }
        let altered = history::between(&before, phone);
        if altered.is_empty() {
            return Ok(());
        }
        let place = stored::History::place(phone.id);
        let known = self.document(commit, &place).map(|bytes| stored::History::open(&place, &bytes, key));
        let mut history = known.transpose()?.unwrap_or_default();
        history.add(hand, before.version.saturating_add(1), altered);
        let bytes = stored::History::seal(&place, &history, key)?;
        self.place(commit, place, Some(bytes));
        Ok(())
    }

    /// Deletes since when the files of a phone have been as they are, also what earlier commits of the batch say of
    /// that.
    fn forget_served(&self, commit: &mut Layer, phone: Id) {
        let beginning = Place::served(phone);
        let is_one = |place: &&Place| matches!(place, Place::Setting(name) if name.starts_with(&beginning));
        let batched = self.batch.changes.iter().map(|(place, _)| place).filter(is_one);
        let gone = self.view.settings(&beginning).chain(batched).map(|place| (place.clone(), None));
        commit.changes.extend(gone);
    }

    /// Puts a record that claims nothing, where later commits of the batch see it.
    fn place(&self, commit: &mut Layer, place: Place, value: Option<Bytes>) {
        if value.is_some() || self.document(commit, &place).is_some() {
            commit.documents.insert(place.clone(), value.clone());
            commit.changes.push((place, value));
        }
    }

    fn put(
        &self,
        commit: &mut Layer,
        place: Place,
        expect: Option<u64>,
        record: impl FnOnce(u64) -> Result<Bytes, Error>,
    ) -> Result<(), Error> {
        let old = self.head(commit, &place)?;
        let found = old.as_ref().map_or(0, |head| head.version);
        if let Some(expected) = expect.filter(|expected| *expected != found) {
            return Err(Error::Conflict { what: place.name(), expected, found });
        }
        let bytes = record(found.saturating_add(1))?;
        let head = Head::of(&place, &bytes)?;
        let mut named = head.organisation.map(Place::Organisation).into_iter().chain(head.group.map(Place::Group));
        if let Some(missing) = named.find(|place| self.document(commit, place).is_none()) {
            return Err(Error::Missing { what: missing.name() });
        }
        for (claim, _) in old.iter().flat_map(|head| head.claims(&place)) {
            commit.claims.insert(claim, None);
        }
        for (claim, holder) in head.claims(&place) {
            if self.holder(commit, &claim).is_some_and(|other| other != holder) {
                return Err(Error::Taken { what: claim.name() });
            }
            commit.claims.insert(claim, Some(holder));
        }
        commit.documents.insert(place.clone(), Some(bytes.clone()));
        commit.changes.push((place, Some(bytes)));
        Ok(())
    }

    fn delete(&self, commit: &mut Layer, place: Place) -> Result<(), Error> {
        if let Some(head) = self.head(commit, &place)? {
            commit.claims.extend(head.claims(&place).into_iter().map(|(claim, _)| (claim, None)));
            commit.documents.insert(place.clone(), None);
            commit.changes.push((place, None));
        }
        Ok(())
    }

    fn document(&self, commit: &Layer, place: &Place) -> Option<Bytes> {
        let staged = commit.documents.get(place).or_else(|| self.batch.documents.get(place));
        staged.cloned().unwrap_or_else(|| self.view.document(place).cloned())
    }

    fn head(&self, commit: &Layer, place: &Place) -> Result<Option<Head>, Error> {
        self.document(commit, place).map(|bytes| Head::of(place, &bytes)).transpose()
    }

    fn holder(&self, commit: &Layer, claim: &Claim) -> Option<Holder> {
        let staged = commit.claims.get(claim).or_else(|| self.batch.claims.get(claim));
        staged.copied().unwrap_or_else(|| self.view.holder(claim))
    }

    /// Whether any document names what `names` looks for.
    fn is_named(&self, commit: &Layer, names: impl Fn(&Head) -> bool) -> Result<bool, Error> {
        let (first, last) = (Id::from_bytes([0; 16]), Id::from_bytes([0xff; 16]));
        let stored = self.view.documents(Place::Phone(first)..=Place::Resource(last)).map(|(place, _)| place);
        for place in stored.chain(self.batch.documents.keys()).chain(commit.documents.keys()) {
            let head = match place {
                Place::Phone(_) | Place::PhoneBook(_) | Place::Group(_) | Place::Resource(_) => {
                    self.head(commit, place)?
                }
                _ => None,
            };
            if head.as_ref().is_some_and(&names) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A name that can stand in a key.
fn fit_name<'n>(what: &str, name: &'n str) -> Result<&'n str, Error> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
        return Err(Error::Unfit { what: format!("{what} {name:?}"), why: "its name must have 1 to 64 bytes" });
    }
    Ok(name)
}
