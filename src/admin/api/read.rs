use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::look::{EventQuery, PhoneQuery};
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::standing::Standing;
use crate::admin::{Admin, types};

/// Events that come with one phone.
const EVENTS_OF_A_PHONE: usize = 50;
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
        let query = PhoneQuery {
            words: call.query.of("q").unwrap_or_default().to_owned(),
            standing,
            offset: usize::try_from(call.query.number("offset")?.unwrap_or_default()).unwrap_or(usize::MAX),
            limit: rows(call)?,
            urgent_first: false,
        };
        Ok(Answer::json(StatusCode::OK, &self.phones(&self.listing(), &query)))
    }

    pub(super) fn api_phone(&self, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let phone = self.phone(mac, EVENTS_OF_A_PHONE).ok_or_else(|| Problem::phone_unknown(mac))?;
        Ok(Answer::json(StatusCode::OK, &phone).versioned(phone.version))
    }

    pub(super) fn api_events(&self, call: &Call) -> Result<Answer, Problem> {
        let query = EventQuery {
            mac: call.query.of("mac").map(mac_in).transpose()?,
            after: call.query.number("after")?,
            before: call.query.number("before")?,
            kind: call.query.of("kind").map(str::to_owned),
            limit: rows(call)?,
        };
        Ok(Answer::json(StatusCode::OK, &types::Events { events: self.events(&query) }))
    }

    pub(super) fn api_leases(&self) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &types::Leases { leases: self.leases() }))
    }

    pub(super) fn api_authority(&self) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.authority(true)))
    }
}

fn rows(call: &Call) -> Result<usize, Problem> {
    let rows = call.query.number("limit")?.unwrap_or(USUAL_ROWS).clamp(1, MOST_ROWS);
    Ok(usize::try_from(rows).unwrap_or_default())
}
