use hyper::StatusCode;
use serde::Deserialize;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::brands::Told;
use crate::model::{Id, Mac};
use crate::sip::campaign::{Hours, Plan};
use crate::sip::{CampaignView, Refusal, Telling};

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

/// What a campaign is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CampaignDraft {
    told: Told,
    /// These phones; or all that fit the rest, when none is named.
    #[serde(default)]
    macs: Vec<Mac>,
    organisation: Option<String>,
    brand: Option<String>,
    model: Option<String>,
    at_most: Option<u32>,
    per_second: Option<u32>,
    /// As `22:00-06:00`.
    between: Option<String>,
    /// Minutes east of UTC that `between` is meant in.
    #[serde(default)]
    utc_offset: i16,
    stop_above: Option<u8>,
}

impl Admin {
    pub(super) async fn api_begin_campaign(&self, call: &Call) -> Result<Answer, Problem> {
        let draft: CampaignDraft = call.json()?;
        let between =
            match &draft.between {
                None => None,
                Some(text) => Some(Hours::read(text, draft.utc_offset).ok_or_else(|| {
                    Problem::fields(vec![FieldError::new("between", "Write hours as in 22:00-06:00.")])
                })?),
            };
        let plan = Plan {
            told: draft.told,
            phones: self.phones_meant(&draft)?,
            at_most: draft.at_most.unwrap_or(Plan::USUAL_AT_MOST),
            per_second: draft.per_second.unwrap_or(Plan::USUAL_PER_SECOND),
            between,
            stop_above: draft.stop_above.unwrap_or(Plan::USUAL_STOP_ABOVE),
        };
        let id = self.0.facts.sip.begin(plan).await?;
        Ok(Answer::json(StatusCode::CREATED, &self.campaign(id)?))
    }

    fn phones_meant(&self, draft: &CampaignDraft) -> Result<Vec<Mac>, Problem> {
        if let Some(unknown) = draft.macs.iter().find(|mac| self.0.store.listed(**mac).is_none()) {
            return Err(Problem::phone_unknown(*unknown));
        }
        if !draft.macs.is_empty() {
            return Ok(draft.macs.clone());
        }
        let organisation = match &draft.organisation {
            None => None,
            Some(name) => Some(self.organisation(Some(name)).ok_or_else(|| {
                let what = format!("There is no organisation \"{name}\".");
                Problem::fields(vec![FieldError::new("organisation", what)])
            })?),
        };
        let is = |wanted: &Option<String>, has: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| has.as_ref().is_some_and(|has| has.eq_ignore_ascii_case(wanted)))
        };
        let phones = self.0.store.phones().into_iter().filter(|phone| {
            organisation.as_ref().is_none_or(|organisation| organisation.id == phone.organisation)
                && is(&draft.brand, &phone.brand)
                && is(&draft.model, &phone.model)
        });
        Ok(phones.map(|phone| phone.mac).collect())
    }

    pub(super) fn api_campaigns(&self) -> Answer {
        Answer::json(StatusCode::OK, &types::Campaigns { campaigns: self.0.facts.sip.campaigns() })
    }

    pub(super) async fn api_stop_campaign(&self, id: &str) -> Result<Answer, Problem> {
        let id: Id = id.parse().map_err(|error| Problem::malformed(format!("{error}.")))?;
        self.0.facts.sip.stop(id).await?;
        Ok(Answer::json(StatusCode::OK, &self.campaign(id)?))
    }

    fn campaign(&self, id: Id) -> Result<CampaignView, Refusal> {
        self.0.facts.sip.campaigns().into_iter().find(|campaign| campaign.id == id).ok_or(Refusal::NoCampaign)
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
            Refusal::Plan(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "plan-unfit",
                format!("{}.", sentence(&refusal)),
                "Correct the plan and send it again.",
            ),
            Refusal::NoCampaign => Self::new(
                StatusCode::NOT_FOUND,
                "campaign-unknown",
                format!("{}.", sentence(&refusal)),
                "Look at the list of campaigns: the twenty newest are remembered.",
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
