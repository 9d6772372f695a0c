use std::net::Ipv4Addr;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::draft::{CheckedPhone, PhoneDraft};
use crate::admin::editing::edit::TRIES;
use crate::admin::editing::settings::no_brand;
use crate::admin::import::{self, Action, Defaults, Plan, Planned, Refusal};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::history::How;
use crate::model::{FirstContact, Id, Mac, Phone, Reason, Scope, Timestamp};
use crate::sip;
use crate::store::{self, Write};
use crate::sys::random;

impl Admin {
    pub(super) async fn api_add(&self, call: &Call) -> Result<Answer, Problem> {
        let draft: PhoneDraft = call.json()?;
        let phone = self.add(draft, call.from).await?;
        let place = format!("/api/v1/phones/{}", phone.mac.plain());
        let answer = Answer::json(StatusCode::CREATED, &phone);
        Ok(match HeaderValue::from_str(&place) {
            Ok(place) => answer.with(header::LOCATION, place),
            Err(_) => answer,
        })
    }

    pub(super) async fn api_remove(&self, call: &Call, mac: &str) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.remove(mac_in(mac)?, call.from).await?))
    }

    pub(super) async fn api_start_over(&self, call: &Call, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        self.start_over(mac, call.from).await?;
        Ok(Answer::json(StatusCode::OK, &self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))?))
    }

    pub(super) async fn api_import(&self, call: &Call) -> Result<Answer, Problem> {
        let own = |name: &str| call.query.of(name).map(str::to_owned);
        let defaults = Defaults { server: own("server"), organisation: own("organisation") };
        let done = self.import(&call.body, &defaults, call.query.says_yes("dry-run"), call.from).await?;
        Ok(Answer::json(StatusCode::OK, &done))
    }
}

impl Admin {
    /// Puts a phone on the list, with a login of its own that it learns at first contact.
    pub(in crate::admin) async fn add(&self, draft: PhoneDraft, from: Origin) -> Result<types::Phone, Problem> {
        let draft = draft.check().map_err(Problem::fields)?;
        let mac = draft.mac;
        let organisation = self.organisation(draft.organisation.as_deref()).ok_or_else(|| {
            let name = draft.organisation.as_deref().unwrap_or("Branch");
            Problem::fields(vec![FieldError::new("organisation", format!("There is no organisation \"{name}\"."))])
        })?;
        if let Some(known) = self.0.store.phone_by_mac(mac) {
            let name = if known.name.is_empty() { String::new() } else { format!(" as \"{}\"", known.name) };
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "phone-listed",
                format!("The phone {mac} is on the list already{name}."),
                "Change it with an import, or remove it first.",
            )
            .with_errors(vec![FieldError::new("mac", "On the list already.")]));
        }
        let group = match draft.group.as_deref().map(|name| (name, self.group_of(organisation.id, name))) {
            None => None,
            Some((_, Some(group))) if group.scope == Scope::Members => Some(group.id),
            Some((name, _)) => {
                let detail = format!("Its organisation has no group \"{name}\" that phones are put into.");
                return Err(Problem::fields(vec![FieldError::new("group", detail)]));
            }
        };
        let phone = self.fresh(draft, organisation.id, group);
        let wanting = self.wanting(&phone);
        if !wanting.is_empty() {
            return Err(Problem::fields(wanting));
        }
        // One that waits for its device has another made-up address than the one that was given.
        let mac = phone.mac;
        // Lights of an earlier phone with this address are not this one's.
        self.0.store.commit(vec![Write::PutPhone { phone, expect: Some(0) }, Write::DeleteJourney(mac)]).await?;
        self.record_phone(Reason::PhoneAdded, mac, organisation.id, from);
        self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))
    }

    /// Takes a phone off the list and tells what it was.
    pub(in crate::admin) async fn remove(&self, mac: Mac, from: Origin) -> Result<types::Phone, Problem> {
        let shown = self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))?;
        let phone = self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac))?;
        let contact = Write::DeleteSetting(sip::contact_key(mac));
        self.0
            .store
            .commit(vec![
                Write::DeletePhone(phone.id),
                Write::DeleteJourney(mac),
                Self::forget_former(phone.id),
                contact,
            ])
            .await?;
        self.record_phone(Reason::PhoneRemoved, mac, phone.organisation, from);
        self.forget_sent_up(phone.id, mac).await;
        Ok(shown)
    }

    /// Lets a phone start over: it is given a new login when it asks next. The login it has stays valid until then,
    /// and its lights go out.
    pub(in crate::admin) async fn start_over(&self, mac: Mac, from: Origin) -> Result<(), Problem> {
        if mac.is_placeholder() {
            return Err(Problem::malformed("This phone is still to come: there is nothing that it could start over."));
        }
        let mut tried = 0;
        loop {
            let phone = self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac))?;
            let mut phone = Phone::clone(&phone);
            let (version, organisation) = (phone.version, phone.organisation);
            // One that the phone was told already, and has not come back with yet, is all that it may have.
            phone.pending_login.get_or_insert_with(random::login);
            phone.first_contact = FirstContact::Waiting;
            let writes = vec![Write::PutPhone { phone, expect: Some(version) }, Write::DeleteJourney(mac)];
            match self.0.store.commit(writes).await {
                Ok(()) => {
                    self.record_phone(Reason::FirstContactReopened, mac, organisation, from);
                    return Ok(());
                }
                Err(store::Error::Conflict { .. }) if tried < TRIES => tried += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads a list and stores all of it or nothing; `dry_run` only tells what it would do.
    pub(in crate::admin) async fn import(
        &self,
        bytes: &[u8],
        defaults: &Defaults,
        dry_run: bool,
        from: Origin,
    ) -> Result<types::Import, Problem> {
        let mut tried = 0;
        loop {
            match self.import_once(bytes, defaults, dry_run, from).await {
                // A phone of the list was just given its login or took its files.
                Err(problem) if problem.code == "changed-meanwhile" && tried < TRIES => tried += 1,
                done => return done,
            }
        }
    }

    async fn import_once(
        &self,
        bytes: &[u8],
        defaults: &Defaults,
        dry_run: bool,
        from: Origin,
    ) -> Result<types::Import, Problem> {
        let phones = self.0.store.phones();
        let mut listed = import::Listed::new(&phones);
        let named = |name: &str| self.organisation(Some(name)).map(|organisation| organisation.id);
        let known = |draft: &PhoneDraft| listed.of_draft(draft, named).map(Arc::clone);
        let mut sheet = import::read_any(bytes, defaults, known).map_err(refused)?;
        self.name_brands(&mut sheet);
        let group = |organisation, name: &str| {
            self.group_of(organisation, name).filter(|group| group.scope == Scope::Members).map(|group| group.id)
        };
        let plan = import::plan(sheet, &phones, |name| self.organisation(name), group).map_err(rows_refused)?;
        let wanting: Vec<FieldError> = plan.phones.iter().flat_map(|planned| self.wanting_in(planned)).collect();
        if !wanting.is_empty() {
            return Err(rows_refused(wanting));
        }
        if !dry_run {
            self.carry_out(&plan, from).await?;
        }
        Ok(told(&plan, dry_run))
    }

    /// What a phone as it is to be lacks elsewhere on the box: a server that its lines inherit, the brands of its raw
    /// settings.
    fn wanting(&self, phone: &Phone) -> Vec<FieldError> {
        let lines = phone.lines.iter().enumerate().filter(|(_, line)| line.server.is_empty());
        let lines = lines.map(|(index, _)| FieldError::new(format!("lines[{index}].server"), "Missing."));
        let mut wanting: Vec<FieldError> = lines.collect();
        if !wanting.is_empty() && self.gives_server(phone) {
            wanting.clear();
        }
        let raw = phone.settings.overrides.iter();
        wanting.extend(raw.filter_map(|entry| no_brand(&entry.brand, &entry.name, &self.0.facts.registry)));
        wanting
    }

    /// The same of a phone in a list, with its row.
    fn wanting_in(&self, planned: &Planned) -> Vec<FieldError> {
        let draft = &planned.draft;
        let inherits = draft.lines.iter().any(|line| line.server.is_empty());
        if planned.action == Action::Keep || !inherits && draft.settings.overrides.is_empty() {
            return Vec::new();
        }
        let phone = match &planned.before {
            Some(before) => planned.changed(before),
            None => self.fresh(draft.clone(), planned.organisation, planned.group),
        };
        let in_row = |error: FieldError| FieldError::new(format!("row {}, {}", planned.row, error.field), error.detail);
        self.wanting(&phone).into_iter().map(in_row).collect()
    }

    /// Brands by the names of their folders, where a list has other names for them.
    fn name_brands(&self, sheet: &mut import::Sheet) {
        let registry = &self.0.facts.registry;
        let mut unknown = std::collections::BTreeSet::new();
        for (_, phone) in &mut sheet.phones {
            let Some(said) = &phone.brand else { continue };
            if registry.brand(said).is_some() {
                continue;
            }
            let is =
                |name: &str| name.split(|c: char| !c.is_alphanumeric()).any(|word| word.eq_ignore_ascii_case(said));
            match registry.brands().find(|brand| is(&brand.name) || brand.id.split('_').any(|word| word == said)) {
                Some(brand) => phone.brand = Some(brand.id.clone()),
                None => drop(unknown.insert(said.clone())),
            }
        }
        if !unknown.is_empty() {
            let names: Vec<String> = unknown.into_iter().collect();
            sheet.warnings.push(format!("No brand goes by these names: {}.", names.join(", ")));
        }
    }

    /// One commit, so that a power cut leaves all of the list or none of it.
    async fn carry_out(&self, plan: &Plan, from: Origin) -> Result<(), Problem> {
        let mut writes = Vec::new();
        let mut events = Vec::new();
        for planned in &plan.phones {
            let mac = planned.before.as_ref().map_or(planned.draft.mac, |before| before.mac);
            match (planned.action, &planned.before) {
                (Action::Keep, _) => {}
                (Action::Change, Some(before)) => {
                    let phone = planned.changed(before);
                    let hand = self.hand(How::Imported, from);
                    writes.push(Write::ChangePhone { phone, expect: Some(before.version), hand });
                    events.push((Reason::PhoneChanged, mac, planned.organisation));
                }
                (Action::Add, _) | (Action::Change, None) => {
                    let phone = self.fresh(planned.draft.clone(), planned.organisation, planned.group);
                    let mac = phone.mac;
                    writes.push(Write::PutPhone { phone, expect: Some(0) });
                    writes.push(Write::DeleteJourney(mac));
                    events.push((Reason::PhoneAdded, mac, planned.organisation));
                }
            }
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.0.store.commit(writes).await?;
        for (reason, mac, organisation) in events {
            self.record_phone(reason, mac, organisation, from);
        }
        Ok(())
    }

    /// A phone that nobody has seen yet.
    fn fresh(&self, draft: CheckedPhone, organisation: Id, group: Option<Id>) -> Phone {
        let now = self.0.clock.now().wall;
        // One that waits for its device learns its login when that is known, and gives nothing to whoever says that it
        // has the made-up address.
        let waits = draft.mac.is_placeholder();
        let over = FirstContact::Open { since: Timestamp::default(), address: Ipv4Addr::UNSPECIFIED.into() };
        Phone {
            id: random::id(now),
            version: 0,
            origin: self.0.facts.box_id,
            mac: if waits { Mac::placeholder(random::bytes()) } else { draft.mac },
            organisation,
            brand: draft.brand,
            model: draft.model,
            name: draft.name,
            lines: draft.lines,
            group,
            settings: draft.settings,
            handsets: draft.handsets,
            ports: draft.ports,
            login: None,
            pending_login: (!waits).then(random::login),
            first_contact: if waits { over } else { FirstContact::Waiting },
            created: now,
        }
    }
}

fn told(plan: &Plan, dry_run: bool) -> types::Import {
    let phones = plan.phones.iter().map(|planned| {
        let mac = planned.before.as_ref().map_or(planned.draft.mac, |before| before.mac);
        types::Imported {
            row: planned.row,
            action: planned.action,
            mac,
            unassigned: mac.is_placeholder(),
            name: match &planned.before {
                Some(before) if planned.draft.name.is_empty() => before.name.clone(),
                _ => planned.draft.name.clone(),
            },
            lines: planned.draft.lines.iter().map(|line| line.user.clone()).collect(),
        }
    });
    types::Import {
        dry_run,
        added: plan.count(Action::Add),
        changed: plan.count(Action::Change),
        kept: plan.count(Action::Keep),
        warnings: plan.warnings.clone(),
        phones: phones.collect(),
    }
}

/// A list of which these rows are wrong.
fn rows_refused(errors: Vec<FieldError>) -> Problem {
    let rows = errors.len();
    refused(Refusal::Rows(errors, rows))
}

/// Why a list is not taken.
pub(super) fn refused(refusal: Refusal) -> Problem {
    let (code, next) = match &refusal {
        Refusal::Empty => ("import-empty", "Send a list with a row of headings and a row for each phone."),
        Refusal::TooLarge(_) | Refusal::TooMany | Refusal::TooManyContacts(_) => {
            ("import-too-large", "Split it into several files.")
        }
        Refusal::Json(_) => ("import-json", "Correct it, or export a list and look at its form."),
        Refusal::Binary(_) => ("import-not-text", "Choose \"CSV\" when you save it."),
        Refusal::NoMacColumn(_) | Refusal::SameColumn(..) | Refusal::ColumnMissing(_) => {
            ("import-columns", "Correct the first row: mac, name, extension, password, server.")
        }
        Refusal::Rows(..) => ("import-rows", "Nothing was stored. Correct these rows and import the list again."),
    };
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, refusal.to_string(), next);
    match refusal {
        Refusal::Rows(errors, _) => problem.with_errors(errors),
        _ => problem,
    }
}
