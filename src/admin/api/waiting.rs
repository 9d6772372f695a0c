use std::time::Duration;

use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::LineDraft;
use crate::admin::editing::draft::name_of;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::{Id, Mac, Reason, Scope};
use crate::pairing::{FreeLine, Place, Waiting, Window};

/// Most lines that wait for phones.
const MOST_FREE_LINES: usize = 1000;

/// Where an adopted phone is to belong.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct Adoption {
    pub(in crate::admin) organisation: Option<String>,
    pub(in crate::admin) group: Option<String>,
    pub(in crate::admin) name: Option<String>,
    pub(in crate::admin) lines: Vec<LineDraft>,
    /// A phone on the list that waits for its device, by its made-up address or its name: it becomes this one.
    #[serde(rename = "as")]
    pub(in crate::admin) place: Option<String>,
}

/// A pairing window as somebody wants it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct Opening {
    /// How long it is open; ten minutes when nothing is said.
    pub(in crate::admin) minutes: Option<u32>,
    pub(in crate::admin) organisation: Option<String>,
    pub(in crate::admin) group: Option<String>,
    pub(in crate::admin) free_lines: Vec<FreeLine>,
}

impl Admin {
    /// Answers calls about waiting phones; `path` is what follows `/api/v1/waiting`.
    pub(super) async fn api_waiting(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.waiting())),
            ([mac, "adopt"], &Method::POST) => {
                let phone = self.adopt(mac_in(mac)?, call.json()?, call.from).await?;
                Ok(Answer::json(StatusCode::CREATED, &phone).versioned(phone.version))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/waiting/{}", path.join("/")))),
        }
    }

    /// Answers calls about the pairing window.
    pub(super) async fn api_pairing(&self, call: &Call) -> Result<Answer, Problem> {
        match call.method {
            Method::GET => {}
            Method::POST => self.open_pairing(call.json()?, call.from).await?,
            _ => self.close_pairing(call.from).await?,
        }
        Ok(Answer::json(StatusCode::OK, &self.pairing()))
    }
}

impl Admin {
    /// Phones on no list, and whether they are taken in by themselves.
    pub(in crate::admin) fn waiting(&self) -> types::WaitingPhones {
        let waiting = self.0.facts.pairing.waiting().into_iter().map(shown).collect();
        types::WaitingPhones { waiting, pairing: self.pairing() }
    }

    /// The pairing window.
    pub(in crate::admin) fn pairing(&self) -> types::Pairing {
        let Some(window) = self.0.facts.pairing.window(self.0.clock.now().wall) else {
            return types::Pairing::default();
        };
        let organisation = self.0.store.organisation(window.organisation);
        let named = |id: Id, name: String| types::Named { id: id.to_string(), name };
        types::Pairing {
            open: true,
            until: Some(window.until.to_string()),
            organisation: organisation.map(|organisation| named(organisation.id, organisation.name.clone())),
            group: window.group.and_then(|id| self.0.store.group(id)).map(|group| named(group.id, group.name)),
            free_lines: window.free_lines.into_iter().map(|line| line.user).collect(),
        }
    }

    /// Puts a waiting phone on the list, or gives it to an entry of the list that waits for its device.
    pub(in crate::admin) async fn adopt(
        &self,
        mac: Mac,
        adoption: Adoption,
        from: Origin,
    ) -> Result<types::Phone, Problem> {
        if mac.is_placeholder() {
            return Err(Problem::malformed("That address stands for a phone that is still to come."));
        }
        // What never came is for those who may put any phone on the list.
        let has_come = self.0.facts.pairing.waiting().iter().any(|waiting| waiting.mac == mac);
        if !has_come && !self.is_administrator(from) {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "not-waiting",
                format!("The phone {mac} does not wait."),
                "Restart it, so that it asks this box; or have an administrator put it on the list.",
            ));
        }
        if let Some(place) = adoption.place.as_deref().map(str::trim).filter(|place| !place.is_empty()) {
            let entry = self.unassigned(place)?;
            return Ok(self.replace(entry, mac, (None, None), None, false, from).await?.phone);
        }
        let (organisation, group) = self.belongs(adoption.organisation.as_deref(), adoption.group.as_deref())?;
        let mut errors = Vec::new();
        let name = match adoption.name.filter(|name| !name.trim().is_empty()).map(|name| name_of(Some(name))) {
            None => None,
            Some(Ok(name)) => Some(name),
            Some(Err(wrong)) => {
                errors.extend(wrong);
                None
            }
        };
        let mut lines = Vec::new();
        for (index, draft) in adoption.lines.into_iter().take(crate::model::Line::MOST).enumerate() {
            let (line, wrong) = draft.check();
            errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("lines[{index}].{}", e.field), e.detail)));
            lines.extend(line);
        }
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let place = Place { organisation, group, name, lines };
        self.0.facts.pairing.adopt(mac, place, self.0.clock.now().wall).await?;
        self.record_phone(Reason::PhoneAdded, mac, organisation, from);
        self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))
    }

    /// Opens a pairing window, in place of one that may be open.
    pub(in crate::admin) async fn open_pairing(&self, opening: Opening, from: Origin) -> Result<(), Problem> {
        let longest = u32::try_from(Window::LONGEST.as_secs() / 60).unwrap_or(u32::MAX);
        let usual = u32::try_from(Window::USUAL.as_secs() / 60).unwrap_or(u32::MAX);
        let minutes = opening.minutes.unwrap_or(usual);
        let mut errors = Vec::new();
        if !(1..=longest).contains(&minutes) {
            errors.push(FieldError::new("minutes", format!("A window is open for 1 to {longest} minutes.")));
        }
        if opening.free_lines.len() > MOST_FREE_LINES {
            errors.push(FieldError::new("free_lines", format!("There are more than {MOST_FREE_LINES}.")));
        }
        let (organisation, group) = self.belongs(opening.organisation.as_deref(), opening.group.as_deref())?;
        let inherits = self.inherits_server(organisation, group);
        for (index, line) in opening.free_lines.iter().take(MOST_FREE_LINES).enumerate() {
            let draft = LineDraft {
                user: line.user.clone(),
                auth_user: line.auth_user.clone(),
                password: crate::model::Secret::new(line.password.as_str()),
                display: Some(line.display.clone()),
                server: line.server.clone(),
                ..LineDraft::default()
            };
            let wrong = draft.check_where(inherits).1.into_iter();
            errors.extend(wrong.map(|e| FieldError::new(format!("free_lines[{index}].{}", e.field), e.detail)));
        }
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let now = self.0.clock.now().wall;
        let until = now.plus(Duration::from_secs(u64::from(minutes) * 60));
        let (opened, free_lines, guests) = (Some(now), opening.free_lines, Window::GUESTS);
        let window = Window { opened, until, organisation, group, free_lines, guests };
        self.0.facts.pairing.open(&window).await?;
        self.record_document(Reason::PairingOpened { until: until.to_string() }, organisation, from);
        Ok(())
    }

    /// Closes the pairing window.
    pub(in crate::admin) async fn close_pairing(&self, from: Origin) -> Result<(), Problem> {
        self.0.facts.pairing.close().await?;
        self.0.journal.record(self.admin_event(Reason::PairingClosed, from));
        Ok(())
    }

    /// The organisation and the group of these names.
    fn belongs(&self, organisation: Option<&str>, group: Option<&str>) -> Result<(Id, Option<Id>), Problem> {
        let named = |name: Option<&str>| name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        let (organisation, group) = (named(organisation), named(group));
        let found = self
            .organisation(organisation.as_deref())
            .ok_or_else(|| Problem::organisation_unknown(organisation.as_deref().unwrap_or_default()))?
            .id;
        let group = match group {
            None => None,
            Some(name) => match self.group_of(found, &name) {
                Some(group) if group.scope == Scope::Members => Some(group.id),
                Some(_) => {
                    let detail = format!("\"{name}\" is for all phones of a brand or model; none is put into it.");
                    return Err(Problem::fields(vec![FieldError::new("group", detail)]));
                }
                None => return Err(Problem::group_unknown(&name)),
            },
        };
        Ok((found, group))
    }

    /// Whether lines without a server of their own get one there.
    fn inherits_server(&self, organisation: Id, group: Option<Id>) -> bool {
        const SERVER: &str = "line.server";
        let organisation = self.0.store.organisation(organisation);
        organisation.is_some_and(|organisation| organisation.settings.get(SERVER).is_some())
            || group.and_then(|id| self.0.store.group(id)).is_some_and(|group| group.settings.get(SERVER).is_some())
    }
}

fn shown(waiting: Waiting) -> types::Waiting {
    types::Waiting {
        mac: waiting.mac,
        brand: waiting.brand,
        model: waiting.model,
        firmware: waiting.firmware,
        address: waiting.address.map(|address| address.to_canonical().to_string()),
        in_place: waiting.in_place,
        door: waiting.door.to_string(),
        asked: waiting.asked,
        first: waiting.first.to_string(),
        last: waiting.last.to_string(),
        count: waiting.count,
    }
}
