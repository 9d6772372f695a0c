use hyper::{Method, StatusCode};

use super::mac_in;
use super::read::rows;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::reading::timeline::Behind;

impl Admin {
    /// What was changed of a phone, and taking it back.
    pub(super) async fn api_history(&self, call: &Call, mac: &str, path: &[&str]) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let number = |text: &str| text.parse().map_err(|_| Problem::change_unknown(text));
        match path {
            [] => Ok(Answer::json(StatusCode::OK, &self.history(mac, false)?)),
            [change] => Ok(Answer::json(StatusCode::OK, &self.history_change(mac, number(change)?)?)),
            [change, "undo"] if call.method == Method::POST => {
                let phone = self.undo_change(mac, number(change)?, call.expected()?, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &phone).versioned(phone.version))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/phones/{}/history/{}", mac.plain(), path.join("/")))),
        }
    }

    /// What happened to a phone and what it said.
    pub(super) fn api_timeline(&self, call: &Call, mac: &str) -> Result<Answer, Problem> {
        let behind = call.query.of("after").map_or(Ok(Behind::NOTHING), Behind::read)?;
        Ok(Answer::json(StatusCode::OK, &self.timeline(mac_in(mac)?, behind, rows(call)?)?))
    }
}
