use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::telling::CampaignDraft;
use crate::admin::{Admin, types};
use crate::sip::{Refusal, Telling};

impl Admin {
    pub(super) async fn api_tell(&self, mac: &str, order: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        self.tell(mac, order).await?;
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

    pub(super) async fn api_begin_campaign(&self, call: &Call) -> Result<Answer, Problem> {
        let draft: CampaignDraft = call.json()?;
        Ok(Answer::json(StatusCode::CREATED, &self.begin_campaign(&draft).await?))
    }

    pub(super) fn api_campaigns(&self) -> Answer {
        Answer::json(StatusCode::OK, &types::Campaigns { campaigns: self.0.facts.sip.campaigns() })
    }

    pub(super) async fn api_stop_campaign(&self, id: &str) -> Result<Answer, Problem> {
        Ok(Answer::json(StatusCode::OK, &self.stop_campaign(id).await?))
    }
}
