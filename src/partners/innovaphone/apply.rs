use super::configuration::Configuration;
use super::map::map;
use super::secrets::Kept;
use super::settings::Settings;
use crate::model::history::{Hand, How};
use crate::model::{Door, Event, FirstContact, Id, Mac, Phone, Reason, Secret};
use crate::partners::Foundations;
use crate::store::{self, Write};
use crate::sys::random;

/// How often a phone's document is tried to be changed that others change at the same moment.
const TRIES: usize = 4;

/// Why nothing more is stored of a phone that was provisioned before.
pub(super) const GONE: &str = "the phone was taken off the list, or another device has its place there";
/// Why a phone of the list is not provisioned: whose it is.
const OTHERS: &str = "the phone is on the list of another organisation of the box: remove it from the list first";
/// The same: what is on it.
const TAKEN: &str =
    "the phone is on the box's list with a line of its own: take its line away first, or remove it from the list";

/// Stores a whole configuration and the phone as it wants it, together or not at all; what was left out. What is as it was
/// is not stored once more: Devices says everything anew with each connection.
pub(super) async fn apply(
    on: &Foundations,
    mac: Mac,
    kept: &mut Kept,
    configuration: Configuration,
    settings: &Settings,
) -> Result<Vec<String>, String> {
    let store = &on.store;
    let known = configuration.known(kept.password.as_ref().unwrap_or(&Secret::default()));
    let now = on.clock.now().wall;
    let mut wanted = kept.clone();
    wanted.configuration = configuration;
    for _ in 0..TRIES {
        let before = store.phone_by_mac(mac).map(|phone| Phone::clone(&phone));
        if kept.is_gone(before.as_ref()) {
            return Err(GONE.into());
        }
        let mapped = {
            let nothing = crate::model::Settings::NONE;
            let set = before.as_ref().map_or(&nothing, |phone| &phone.settings);
            map(&kept.owner(), &known, settings.sign_in, set, settings.transport)
        };
        let (expect, changed) = match before {
            Some(phone) => {
                if !kept.is_on(&phone) {
                    may_take(&phone, false, organisation(on, settings)?)?;
                }
                wanted.phone = Some(phone.id);
                let mut changed = phone.clone();
                changed.settings = mapped.settings;
                match changed.lines.first_mut() {
                    Some(line) => *line = mapped.line,
                    None => changed.lines.push(mapped.line),
                }
                (phone.version, Some(changed.clone()).filter(|_| changed != phone))
            }
            None => {
                let organisation = organisation(on, settings)?;
                let phone = Phone {
                    id: random::id(now),
                    version: 0,
                    origin: on.origin,
                    mac,
                    organisation,
                    brand: None,
                    model: None,
                    name: mapped.line.display.clone(),
                    lines: vec![mapped.line],
                    group: None,
                    settings: mapped.settings,
                    handsets: Vec::new(),
                    ports: Vec::new(),
                    login: None,
                    pending_login: None,
                    first_contact: FirstContact::Waiting,
                    created: now,
                };
                wanted.phone = Some(phone.id);
                (0, Some(phone))
            }
        };
        let stored = Kept::read(store, mac);
        let differs = !stored.is_some_and(|stored| stored.says_as(&wanted));
        let mut writes: Vec<Write> = differs.then(|| wanted.written(mac)).into_iter().collect();
        let event = changed.as_ref().map(|phone| {
            let reason = if expect == 0 { Reason::PhoneAdded } else { Reason::ProviderConfigured };
            Event::new(now, Door::Box, reason).about(mac).of(phone.organisation)
        });
        let hand = || Hand { at: now, by: None, how: How::Partner };
        writes.extend(changed.map(|phone| Write::ChangePhone { phone, expect: Some(expect), hand: hand() }));
        let committed = if writes.is_empty() { Ok(()) } else { store.commit(writes).await };
        match committed {
            Ok(()) => {
                *kept = wanted;
                if let Some(event) = event {
                    on.journal.record(event);
                }
                return Ok(mapped.left_out);
            }
            Err(store::Error::Conflict { .. } | store::Error::Taken { .. }) => {}
            Err(error) => return Err(format!("its configuration could not be stored: {error}")),
        }
    }
    Err("its configuration could not be stored: others change the phone at the same time".into())
}

/// Whether a phone of the list may be provisioned, which whoever has the Profile app could else do to any: one of the
/// app's organisation that came from here (`own`), or on which nobody has a line.
pub(super) fn may_take(phone: &Phone, own: bool, organisation: Id) -> Result<(), String> {
    if phone.organisation != organisation {
        return Err(OTHERS.into());
    }
    if !own && phone.lines.iter().any(|line| !line.user.is_empty()) {
        return Err(TAKEN.into());
    }
    Ok(())
}

/// The organisation that the app's phones belong to.
pub(super) fn organisation(on: &Foundations, settings: &Settings) -> Result<Id, String> {
    let mut all = on.store.organisations();
    if let Some(name) = &settings.organisation {
        all.retain(|organisation| organisation.name.eq_ignore_ascii_case(name));
    }
    all.sort_by_key(|organisation| organisation.id);
    all.first().map(|organisation| organisation.id).ok_or_else(|| "the organisation of its phones is gone".into())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use tokio_util::sync::CancellationToken;

    use super::super::map::Owner;
    use super::*;
    use crate::brands::Registry;
    use crate::firmware::Library;
    use crate::journal::Journal;
    use crate::store::{Store, samples};
    use crate::sys::clock::Clock;

    /// A box with two organisations, of which the first is the app's.
    pub(in super::super) struct Ground {
        pub(in super::super) on: Foundations,
        pub(in super::super) _directory: tempfile::TempDir,
    }

    impl Ground {
        pub(in super::super) async fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let clock = Clock::new(samples::CREATED);
            let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
            let (journal, _) = Journal::open(store.clone()).unwrap();
            let put = |number| Write::PutOrganisation { organisation: samples::organisation(number), expect: None };
            store.commit(vec![put(1), put(2)]).await.unwrap();
            let parts = (store.clone(), journal.clone(), clock.clone());
            let registry = Arc::new(Registry::builtin().unwrap());
            let library = Library::open(&directory.path().join("firmware"), parts, registry).unwrap();
            let origin = samples::organisation(1).origin;
            let (ports, stop) = ((80, 443), CancellationToken::new());
            let on = Foundations { store, library, journal, clock, ports, origin, stop };
            Self { on, _directory: directory }
        }

        /// Devices sends a phone its configuration.
        async fn configured(&self, kept: &mut Kept, objects: &[Value]) -> Result<(), String> {
            let mut configuration = Configuration::default();
            for object in objects {
                configuration.put(object.as_object().unwrap().clone());
            }
            apply(&self.on, desk(0).mac, kept, configuration, &Settings::default()).await.map(drop)
        }

        async fn list(&self, phone: Phone) {
            self.on.store.commit(vec![Write::PutPhone { phone, expect: None }]).await.unwrap();
        }

        /// Users of the lines of all phones.
        fn users(&self) -> Vec<String> {
            self.on.store.phones().iter().flat_map(|phone| &phone.lines).map(|line| line.user.clone()).collect()
        }
    }

    /// The phone that it is all about, as somebody lists it by hand.
    fn desk(lines: usize) -> Phone {
        samples::phone(1, lines)
    }

    fn wanted() -> Kept {
        let text = str::to_owned;
        let (user, name, hwid) = (text("ann"), text("Ann"), text("hw-ann"));
        let owner = Owner { user, name, password: Secret::new("p"), hwid, domain: text("a.example"), host: text("") };
        let mut kept = Kept::new(text("wss://ap/x/sysclients"), owner);
        kept.password = Some(Secret::new("given"));
        kept
    }

    fn phone(registrar: &str) -> Value {
        json!({ "id": 1, "type": "PHONE", "gk1": registrar })
    }

    #[tokio::test]
    async fn a_phone_that_somebody_listed_is_taken_over_while_nobody_has_a_line_on_it() {
        let ground = Ground::new().await;
        ground.list(desk(1)).await;
        assert_eq!(ground.configured(&mut wanted(), &[phone("10.0.0.5")]).await, Err(TAKEN.to_owned()));
        assert_eq!(ground.users(), ["2000"]);
        ground.list(Phone { organisation: samples::organisation(2).id, ..desk(0) }).await;
        assert_eq!(ground.configured(&mut wanted(), &[phone("10.0.0.5")]).await, Err(OTHERS.to_owned()));
        let mut empty = desk(1);
        empty.lines[0].user.clear();
        ground.list(empty).await;
        let mut kept = wanted();
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.5")]).await, Ok(()));
        assert_eq!((ground.users(), kept.phone), (vec!["ann".to_owned()], Some(desk(0).id)));
        // Which makes it the app's own.
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.6")]).await, Ok(()));
        assert_eq!(ground.on.store.phones()[0].lines[0].server, "10.0.0.6");
    }

    #[tokio::test]
    async fn what_was_taken_off_the_list_or_replaced_does_not_come_back() {
        let ground = Ground::new().await;
        let mut kept = wanted();
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.5")]).await, Ok(()));
        let made = ground.on.store.phones()[0].clone();
        // As a release before this one kept it, which did not write down the phone.
        let mut old = kept.clone();
        old.phone = None;
        assert_eq!(ground.configured(&mut old, &[phone("10.0.0.6")]).await, Ok(()));
        assert_eq!(old.phone, Some(made.id));
        old.phone = None;

        ground.list(Phone { mac: samples::phone(7, 0).mac, ..Phone::clone(&ground.on.store.phones()[0]) }).await;
        let gone = Err(GONE.to_owned());
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.7")]).await, gone, "another device has its place");
        assert_eq!(ground.on.store.phones().len(), 1);
        ground.on.store.commit(vec![Write::DeletePhone(made.id)]).await.unwrap();
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.7")]).await, gone);
        assert_eq!(ground.configured(&mut old, &[phone("10.0.0.7")]).await, gone);
        assert_eq!(ground.on.store.phones().len(), 0);
        // Listed anew by hand, it is another one.
        ground.list(desk(1)).await;
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.7")]).await, gone);
        assert_eq!(ground.users(), ["2000"]);
    }

    #[tokio::test]
    async fn what_is_as_it_was_is_not_stored_once_more() {
        let ground = Ground::new().await;
        let log = |seed: &str| json!({ "type": "ALARM_SERVER", "logPassword": "00", "logSeed": seed });
        let mut kept = wanted();
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.5"), log("one")]).await, Ok(()));
        let stored = Kept::read(&ground.on.store, desk(0).mac);
        assert_eq!(stored.as_ref(), Some(&kept));
        // From now on nothing can be.
        ground.on.store.close();
        assert_eq!(ground.configured(&mut kept, &[phone("10.0.0.5"), log("another")]).await, Ok(()));
        let refused = ground.configured(&mut kept, &[phone("10.0.0.6"), log("one")]).await.unwrap_err();
        assert!(refused.contains("could not be stored"), "{refused}");
        assert_eq!(kept.phone, stored.unwrap().phone);
    }
}
