use std::time::Duration;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::model::{Reason, Timestamp};

/// How far the administrator's clock may be from the box's.
const APART: Duration = Duration::from_secs(120);

/// What an administrator's clock says.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Said {
    /// RFC 3339.
    time: String,
}

impl Admin {
    /// An administrator vouches for the box's clock, if it says what theirs does. The box never sets its clock.
    pub(super) fn api_vouch(&self, call: &Call) -> Result<Answer, Problem> {
        let ours = self.vouch(&call.json::<Said>()?.time, call.from)?;
        Ok(Answer::json(StatusCode::OK, &types::Clock { time: ours.to_string(), trusted: true }))
    }

    /// The time of the box, once somebody's own clock has said the same.
    pub(in crate::admin) fn vouch(&self, said: &str, from: Origin) -> Result<Timestamp, Problem> {
        let theirs = OffsetDateTime::parse(said, &Rfc3339)
            .map_err(|_| Problem::malformed(format!("\"{said}\" is no time, as 2026-11-21T14:03:07Z.")))?;
        let theirs = Timestamp::from_secs(theirs.unix_timestamp());
        let ours = self.0.clock.system();
        let differs = ours.since(theirs).max(theirs.since(ours)) > APART;
        if differs || !self.0.clock.vouch_in_person() {
            let why = if differs {
                format!("The clock of the box says {ours}, and yours {theirs}.")
            } else {
                format!(
                    "The clock of the box says {ours}, as yours does: that is before this version was made, or after 2038."
                )
            };
            let next = "Set the clock of the box, or let it reach a time server.";
            return Err(Problem::new(StatusCode::CONFLICT, "clock-differs", why, next));
        }
        self.0.journal.record(self.admin_event(Reason::ClockVouched, from));
        Ok(ours)
    }
}
