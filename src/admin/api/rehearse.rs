use hyper::StatusCode;

use super::mac_in;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::model::Mac;
use crate::rehearsal::{Refusal, Rehearsal, Watcher};

impl Admin {
    /// Plays a phone's boot against this box, and says what would stop it.
    pub(super) async fn api_rehearse(&self, mac: &str) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.rehearsed(mac_in(mac)?, None).await?))
    }

    /// Plays a phone's boot, while somebody may watch.
    pub(in crate::admin) async fn rehearsed(&self, mac: Mac, watcher: Option<Watcher>) -> Result<Rehearsal, Problem> {
        (self.0.facts.rehearse)(mac, watcher).await.map_err(|refusal| match refusal {
            Refusal::Unknown(mac) => Problem::phone_unknown(mac),
            Refusal::Busy => {
                let next = "Try again in half a minute.";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", refusal.to_string(), next).retry_after(30)
            }
            other => {
                let next = "Correct what is named and rehearse again.";
                Problem::new(StatusCode::CONFLICT, "cannot-rehearse", other.to_string(), next)
            }
        })
    }
}
