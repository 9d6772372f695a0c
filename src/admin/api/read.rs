use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::reading::gather::OUTCOMES;
use crate::admin::reading::look::{EVENTS_OF_A_PHONE, EventQuery, PhoneQuery};
use crate::admin::reading::standing::Standing;
use crate::admin::route::Who;
use crate::admin::{Admin, types};
use crate::model::Door;

/// Rows of an answer when the caller does not say.
const USUAL_ROWS: u64 = 100;
/// Rows of an answer at most.
const MOST_ROWS: u64 = 1000;

impl Admin {
    pub(super) fn api_status(&self, who: &Who) -> Result<Answer, Problem> {
        let status = self.status(&self.listing(), matches!(who, Who::Local));
        Ok(Answer::json(StatusCode::OK, &status))
    }

    pub(super) fn api_phones(&self, call: &Call) -> Result<Answer, Problem> {
        let standing = match call.query.of("state") {
            None => None,
            Some(key) => Some(Standing::from_key(key).ok_or_else(|| {
                let known: Vec<&str> = Standing::ALL.iter().map(|s| s.key()).collect();
                Problem::malformed(format!("There is no state \"{key}\"; the states are {}.", known.join(", ")))
            })?),
        };
        let named = |name| self.organisation(Some(name)).ok_or_else(|| Problem::organisation_unknown(name));
        let organisation = call.query.of("organisation").map(named).transpose()?;
        let query = PhoneQuery {
            words: call.query.of("q").unwrap_or_default().to_owned(),
            standing,
            offset: usize::try_from(call.query.number("offset")?.unwrap_or_default()).unwrap_or(usize::MAX),
            after: call.query.of("after").map(mac_in).transpose()?,
            limit: rows(call)?,
            brand: call.query.of("brand").map(str::to_owned),
            organisation: organisation.map(|organisation| organisation.id),
            urgent_first: false,
        };
        let page = self.phones(&self.listing(), &query);
        if query.after.is_some() && page.offset > page.matching {
            return Err(gone());
        }
        Ok(Answer::json(StatusCode::OK, &page))
    }

    pub(super) fn api_phone(&self, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let phone = self.phone(mac, EVENTS_OF_A_PHONE).ok_or_else(|| Problem::phone_unknown(mac))?;
        Ok(Answer::json(StatusCode::OK, &phone).versioned(phone.version))
    }

    pub(super) fn api_events(&self, call: &Call) -> Result<Answer, Problem> {
        let outcome = call.query.of("outcome");
        if let Some(word) = outcome.filter(|word| !OUTCOMES.contains(word)) {
            let known = OUTCOMES.join(", ");
            return Err(Problem::malformed(format!("There is no outcome \"{word}\"; the outcomes are {known}.")));
        }
        let query = EventQuery {
            mac: call.query.of("mac").map(mac_in).transpose()?,
            after: call.query.number("after")?,
            before: call.query.number("before")?,
            kind: call.query.of("kind").map(str::to_owned),
            outcome: outcome.map(str::to_owned),
            limit: rows(call)?,
            ..EventQuery::default()
        };
        Ok(Answer::json(StatusCode::OK, &self.page_of_events(&query)))
    }

    /// What was done, and by whom.
    pub(super) fn api_audit(&self, call: &Call) -> Result<Answer, Problem> {
        let query = EventQuery {
            before: call.query.number("before")?,
            door: Some(Door::Admin),
            by: call.query.of("by").map(str::to_owned),
            mac: call.query.of("mac").map(mac_in).transpose()?,
            limit: rows(call)?,
            ..EventQuery::default()
        };
        Ok(Answer::json(StatusCode::OK, &self.page_of_events(&query)))
    }

    fn page_of_events(&self, query: &EventQuery) -> types::Events {
        let events = self.events(query);
        let next = events.last().filter(|_| events.len() == query.limit).map(|event| event.sequence);
        types::Events { events, next }
    }

    pub(super) fn api_leases(&self, call: &Call) -> Result<Answer, Problem> {
        let place = |lease: &types::Lease| format!("{} {}", lease.network, lease.address);
        let (leases, next) = cut(self.leases(), call, place)?;
        Ok(Answer::json(StatusCode::OK, &types::Leases { leases, next }))
    }

    pub(super) fn api_sightings(&self, call: &Call) -> Result<Answer, Problem> {
        let sightings = self.sightings();
        let (seen, next) = cut(sightings.seen, call, |seen| format!("{} {}", seen.network, seen.mac))?;
        Ok(Answer::json(StatusCode::OK, &types::Sightings { seen, next, ..sightings }))
    }

    pub(super) fn api_authority(&self) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.authority(true)))
    }
}

/// The part of a list that is asked for: what stands behind the row whose place is `after`, and where to go on. All of
/// it when nothing is said. A row that is gone meanwhile cannot be gone on from.
fn cut<T>(rows_of: Vec<T>, call: &Call, place: impl Fn(&T) -> String) -> Result<(Vec<T>, Option<String>), Problem> {
    let mut rest = rows_of;
    if let Some(after) = call.query.of("after") {
        let at = rest.iter().position(|row| place(row) == after).ok_or_else(gone)?;
        rest.drain(..=at);
    }
    if call.query.of("limit").is_none() {
        return Ok((rest, None));
    }
    let limit = rows(call)?;
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(place);
    Ok((rest, next))
}

/// The row that a page was to begin behind is no longer there.
fn gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "list-changed",
        "What this page of the list was to begin behind is no longer there.",
        "Begin with the first page.",
    )
}

pub(super) fn rows(call: &Call) -> Result<usize, Problem> {
    let rows = call.query.number("limit")?.unwrap_or(USUAL_ROWS).clamp(1, MOST_ROWS);
    Ok(usize::try_from(rows).unwrap_or_default())
}
