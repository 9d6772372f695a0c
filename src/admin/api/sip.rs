use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::brands::Told;
use crate::sip::{Refusal, Telling};

impl Admin {
    /// Has a phone told to fetch its files again or to restart. What comes of it is to be asked for.
    pub(super) async fn api_tell(&self, mac: &str, order: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let told = if order == "reboot" { Told::Reboot } else { Told::Resync };
        self.0.facts.sip.tell(mac, told).await?;
        let telling = self.0.facts.sip.telling(mac).ok_or(Refusal::NotRunning)?;
        Ok(Answer::json(StatusCode::ACCEPTED, &telling))
    }

    pub(super) fn api_sip(&self) -> Answer {
        Answer::json(StatusCode::OK, &types::SipStatus { dropped: self.0.facts.sip.dropped() })
    }

    pub(super) fn api_telling(&self, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let telling: Telling = self.0.facts.sip.telling(mac).ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "never-told",
                format!("The phone {mac} was told nothing since the box started."),
                "Tell it to fetch its files again, or to restart.",
            )
        })?;
        Ok(Answer::json(StatusCode::OK, &telling))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown(mac) => Self::phone_unknown(mac),
            Refusal::Busy(_) => Self::new(
                StatusCode::CONFLICT,
                "being-told",
                format!("{}.", sentence(&refusal)),
                "Wait until it is known what came of that.",
            ),
            Refusal::NotRunning => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "sip-not-running",
                format!("{}.", sentence(&refusal)),
                "Look into the log of this box: another program may have port 5060.",
            )
            .retry_after(5),
        }
    }
}

fn sentence(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}
