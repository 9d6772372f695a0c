//! Another device in the place of a phone, and a phone that is let go.

use std::sync::Arc;

use hyper::StatusCode;

use super::draft::texts;
use crate::admin::call::Origin;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::reading::gather;
use crate::admin::{Admin, types};
use crate::brands::Claims;
use crate::model::history::How;
use crate::model::{FirstContact, Id, Journey, Mac, Phone, Reason};
use crate::sip;
use crate::store::Write;
use crate::sys::random;

/// Most addresses that a phone is known to have had.
const MOST_FORMER: usize = 20;

/// Where the addresses stand that a phone had before.
fn former_key(phone: Id) -> String {
    format!("phone.former.{phone}")
}

impl Admin {
    /// Gives a phone's lines, keys, books and history to another device. It starts with first contact; whatever the old
    /// one knows is worth nothing from then on, and what it sent up is forgotten. `named` are brand and model of the
    /// new one; what is not said is what it said of itself, or as before.
    pub(in crate::admin) async fn replace(
        &self,
        phone: Arc<Phone>,
        new: Mac,
        (brand, model): (Option<String>, Option<String>),
        expected: Option<u64>,
        dry_run: bool,
        from: Origin,
    ) -> Result<types::Replaced, Problem> {
        super::edit::is_at(phone.version, expected)?;
        let old = phone.mac;
        if new == old || new.is_placeholder() {
            let detail = "It must be the address of another device.";
            return Err(Problem::fields(vec![FieldError::new("mac", detail)]));
        }
        if let Some(known) = self.0.store.phone_by_mac(new) {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "phone-listed",
                format!("The phone {new} is on the list already as \"{}\".", known.name),
                "Take that one off the list first.",
            ));
        }
        let mut changed = Phone::clone(&phone);
        self.describe(&mut changed, new, brand, model)?;
        changed.mac = new;
        changed.login = None;
        changed.pending_login = Some(random::login());
        changed.first_contact = FirstContact::Waiting;
        changed.settings.unset(Phone::RELEASE);
        let unfit = self.unfit(&changed);
        if dry_run {
            let organisation = self.0.store.organisation(changed.organisation);
            let name = organisation.as_ref().map_or("", |organisation| organisation.name.as_str());
            let group = changed.group.and_then(|id| self.0.store.group(id)).map(|group| group.name);
            let now = self.0.clock.now().wall;
            let shown = gather::phone(&changed, &Journey::default(), None, (name, group.as_deref()), (now, self.1));
            return Ok(types::Replaced { dry_run, phone: shown, unfit });
        }
        let organisation = changed.organisation;
        let mut writes = vec![
            Write::ChangePhone { phone: changed, expect: Some(phone.version), hand: self.hand(How::Replaced, from) },
            Write::DeleteJourney(old),
            Write::DeleteJourney(new),
            Write::DeleteSetting(sip::contact_key(old)),
        ];
        if !old.is_placeholder() {
            let mut former = self.former(phone.id);
            former.retain(|mac| *mac != old && *mac != new);
            former.insert(0, old);
            former.truncate(MOST_FORMER);
            let value = serde_json::to_value(former).unwrap_or_default();
            writes.push(Write::PutSetting { key: former_key(phone.id), value });
        }
        self.0.store.commit(writes).await?;
        if old.is_placeholder() {
            self.record_phone(Reason::PhoneChanged, new, organisation, from);
        } else {
            self.forget_sent_up(phone.id, old).await;
            self.record_phone(Reason::PhoneReplaced { by: new }, old, organisation, from);
            self.record_phone(Reason::PhoneReplaces { old }, new, organisation, from);
        }
        let shown = self.phone(new, 0).ok_or_else(|| Problem::phone_unknown(new))?;
        Ok(types::Replaced { dry_run, phone: shown, unfit })
    }

    /// Brand and model of the new device: as said, else as it said itself when it came, else as its address begins. A
    /// model goes with its brand.
    fn describe(
        &self,
        phone: &mut Phone,
        new: Mac,
        brand: Option<String>,
        model: Option<String>,
    ) -> Result<(), Problem> {
        let registry = &self.0.facts.registry;
        let mut errors = Vec::new();
        let [_, brand, model] = texts(&mut errors, None, brand, model);
        if let Some(brand) = brand.as_ref().filter(|brand| registry.brand(brand).is_none()) {
            errors.push(FieldError::new("brand", format!("There is no brand \"{brand}\".")));
        }
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let waiting = self.0.facts.pairing.waiting().into_iter().find(|waiting| waiting.mac == new);
        let (said_brand, said_model) = waiting.map_or((None, None), |waiting| (waiting.brand, waiting.model));
        let by_address = || {
            let claims = Claims { mac: Some(new), ..Claims::default() };
            registry.recognise(&claims).map(|found| found.brand.id.clone())
        };
        let brand = brand.or(said_brand).or_else(by_address).or_else(|| phone.brand.clone());
        let same = brand == phone.brand;
        phone.brand = brand;
        phone.model = model.or(said_model).or_else(|| phone.model.take().filter(|_| same));
        Ok(())
    }

    /// The addresses that a phone had before, the latest first.
    pub(in crate::admin) fn former(&self, phone: Id) -> Vec<Mac> {
        let kept = self.0.store.setting(&former_key(phone));
        kept.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// What forgets the addresses that a phone had before.
    pub(in crate::admin) fn forget_former(phone: Id) -> Write {
        Write::DeleteSetting(former_key(phone))
    }

    /// The phone on the list that waits for its device, by its made-up address or its name.
    pub(in crate::admin) fn unassigned(&self, place: &str) -> Result<Arc<Phone>, Problem> {
        let by_mac = place.parse::<Mac>().ok().and_then(|mac| self.0.store.phone_by_mac(mac));
        let mut found: Vec<Arc<Phone>> = match by_mac {
            Some(phone) => vec![phone],
            None => {
                let named = |phone: &Arc<Phone>| {
                    phone.name.eq_ignore_ascii_case(place) || phone.lines.iter().any(|line| line.user == place)
                };
                self.0.store.phones().into_iter().filter(named).collect()
            }
        };
        found.retain(|phone| phone.mac.is_placeholder());
        match (found.pop(), found.is_empty()) {
            (Some(phone), true) => Ok(phone),
            (Some(_), false) => {
                Err(Problem::malformed(format!("Several entries of the list are called \"{place}\": say its address.")))
            }
            (None, _) => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "place-unknown",
                format!("No entry of the list called \"{place}\" waits for its device."),
                "Look it up with `block66 phones list`.",
            )),
        }
    }

    /// Lets a phone go, or keeps it after all.
    pub(in crate::admin) async fn release(
        &self,
        mac: Mac,
        go: bool,
        expected: Option<u64>,
        from: Origin,
    ) -> Result<types::Phone, Problem> {
        let set = |phone: &mut Phone| {
            if go {
                let set = phone.settings.set_json(Phone::RELEASE, &serde_json::Value::Bool(true));
                set.map_err(|misfit| Problem::malformed(format!("It {misfit}.")))
            } else {
                phone.settings.unset(Phone::RELEASE);
                Ok(())
            }
        };
        let phone = self.edit_phone(mac, expected, from, set).await?;
        let reason = if go { Reason::LettingGo } else { Reason::Keeping };
        self.record_phone(reason, mac, phone.organisation, from);
        self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))
    }
}
