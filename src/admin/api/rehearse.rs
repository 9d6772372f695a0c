use hyper::StatusCode;

use super::mac_in;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::rehearsal::Refusal;

impl Admin {
    /// Plays a phone's boot against this box, and says what would stop it.
    pub(super) async fn api_rehearse(&self, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let played = (self.0.facts.rehearse)(mac).await.map_err(|refusal| match refusal {
            Refusal::Unknown(mac) => Problem::phone_unknown(mac),
            Refusal::Busy => {
                let next = "Try again in half a minute.";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", refusal.to_string(), next).retry_after(30)
            }
            other => {
                let next = "Correct what is named and rehearse again.";
                Problem::new(StatusCode::CONFLICT, "cannot-rehearse", other.to_string(), next)
            }
        })?;
        Ok(Answer::json(StatusCode::OK, &played))
    }
}
