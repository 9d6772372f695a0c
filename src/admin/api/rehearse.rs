use std::sync::Arc;

use hyper::StatusCode;

use super::mac_in;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::admin::speech::{retold, said};
use crate::model::Mac;
use crate::rehearsal::{Refusal, Rehearsal, Step, Watcher};

impl Admin {
    /// Plays a phone's boot against this box, and says what would stop it.
    pub(super) async fn api_rehearse(&self, mac: &str) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.rehearsed(mac_in(mac)?, None).await?))
    }

    /// Plays a phone's boot, while somebody may watch.
    pub(in crate::admin) async fn rehearsed(&self, mac: Mac, watcher: Option<Watcher>) -> Result<Rehearsal, Problem> {
        let language = self.1;
        let watcher = watcher.map(|watcher| -> Watcher {
            Arc::new(move |step: Step| watcher(Step { says: retold(language, &step.says), ..step }))
        });
        let played = (self.0.facts.rehearse)(mac, watcher).await;
        let played = played.map(|rehearsal| rehearsal.told(language, |text| retold(language, text)));
        played.map_err(|refusal| match refusal {
            Refusal::Unknown(mac) => Problem::phone_unknown(mac),
            Refusal::Busy => {
                let (detail, next) =
                    (retold(language, &refusal.to_string()), said(language, "Try again in half a minute."));
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail, next).retry_after(30)
            }
            other => {
                let (detail, next) =
                    (retold(language, &other.to_string()), said(language, "Correct what is named and rehearse again."));
                Problem::new(StatusCode::CONFLICT, "cannot-rehearse", detail, next)
            }
        })
    }
}
