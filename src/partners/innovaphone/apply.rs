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

/// Stores a whole configuration and the phone as it wants it, together or not at all; what was left out.
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
    kept.configuration = configuration;
    for _ in 0..TRIES {
        let before = store.phone_by_mac(mac).map(|phone| Phone::clone(&phone));
        let mapped = {
            let nothing = crate::model::Settings::NONE;
            let set = before.as_ref().map_or(&nothing, |phone| &phone.settings);
            map(&kept.owner(), &known, settings.sign_in, set, settings.transport)
        };
        let (expect, changed) = match before {
            Some(phone) => {
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
                (0, Some(phone))
            }
        };
        let mut writes = vec![kept.written(mac)];
        let event = changed.as_ref().map(|phone| {
            let reason = if expect == 0 { Reason::PhoneAdded } else { Reason::ProviderConfigured };
            Event::new(now, Door::Box, reason).about(mac).of(phone.organisation)
        });
        let hand = || Hand { at: now, by: None, how: How::Partner };
        writes.extend(changed.map(|phone| Write::ChangePhone { phone, expect: Some(expect), hand: hand() }));
        match store.commit(writes).await {
            Ok(()) => {
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

fn organisation(on: &Foundations, settings: &Settings) -> Result<Id, String> {
    let mut all = on.store.organisations();
    if let Some(name) = &settings.organisation {
        all.retain(|organisation| organisation.name.eq_ignore_ascii_case(name));
    }
    all.sort_by_key(|organisation| organisation.id);
    all.first().map(|organisation| organisation.id).ok_or_else(|| "the organisation of its phones is gone".into())
}
