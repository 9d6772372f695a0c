//! Phones told by SIP: one, or many by a campaign.

use std::sync::Arc;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Admin;
use super::problem::{FieldError, Problem};
use crate::brands::Told;
use crate::model::{Group, Id, Mac, Organisation, as_sentence};
use crate::sip::campaign::{Hours, Plan};
use crate::sip::{CampaignView, Refusal};

/// What a campaign is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CampaignDraft {
    pub(super) told: Told,
    /// These phones; or all that fit the rest, when none is named.
    #[serde(default)]
    pub(super) macs: Vec<Mac>,
    pub(super) organisation: Option<String>,
    /// Name or identity.
    pub(super) group: Option<String>,
    pub(super) brand: Option<String>,
    pub(super) model: Option<String>,
    pub(super) at_most: Option<u32>,
    pub(super) per_second: Option<u32>,
    /// As `22:00-06:00`.
    pub(super) between: Option<String>,
    /// Minutes east of UTC that `between` is meant in.
    #[serde(default)]
    pub(super) utc_offset: i16,
    pub(super) stop_above: Option<u8>,
}

impl Admin {
    /// Has a phone told to fetch its files again or to restart. What comes of it is to be asked for.
    pub(super) async fn tell(&self, mac: Mac, order: &str) -> Result<(), Problem> {
        let told = if order == "reboot" { Told::Reboot } else { Told::Resync };
        Ok(self.0.facts.sip.tell(mac, told).await?)
    }

    /// Begins a campaign.
    pub(super) async fn begin_campaign(&self, draft: &CampaignDraft) -> Result<CampaignView, Problem> {
        let between =
            match &draft.between {
                None => None,
                Some(text) => Some(Hours::read(text, draft.utc_offset).ok_or_else(|| {
                    Problem::fields(vec![FieldError::new("between", "Write hours as in 22:00-06:00.")])
                })?),
            };
        let plan = Plan {
            told: draft.told,
            phones: self.phones_meant(draft)?,
            at_most: draft.at_most.unwrap_or(Plan::USUAL_AT_MOST),
            per_second: draft.per_second.unwrap_or(Plan::USUAL_PER_SECOND),
            between,
            stop_above: draft.stop_above.unwrap_or(Plan::USUAL_STOP_ABOVE),
        };
        let id = self.0.facts.sip.begin(plan).await?;
        Ok(self.campaign(id)?)
    }

    /// Has a campaign begin no more phones.
    pub(super) async fn stop_campaign(&self, id: &str) -> Result<CampaignView, Problem> {
        let id: Id = id.parse().map_err(|error| Problem::malformed(format!("{error}.")))?;
        self.0.facts.sip.stop(id).await?;
        Ok(self.campaign(id)?)
    }

    fn campaign(&self, id: Id) -> Result<CampaignView, Refusal> {
        self.0.facts.sip.campaigns().into_iter().find(|campaign| campaign.id == id).ok_or(Refusal::NoCampaign)
    }

    /// The phones that a campaign is for.
    pub(super) fn phones_meant(&self, draft: &CampaignDraft) -> Result<Vec<Mac>, Problem> {
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
        let group = draft.group.as_deref().map(|name| self.group(organisation.as_ref(), name)).transpose()?;
        let is = |wanted: &Option<String>, has: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| has.as_ref().is_some_and(|has| has.eq_ignore_ascii_case(wanted)))
        };
        let phones = self.0.store.phones().into_iter().filter(|phone| {
            organisation.as_ref().is_none_or(|organisation| organisation.id == phone.organisation)
                && group.as_ref().is_none_or(|group| group.has(phone))
                && is(&draft.brand, &phone.brand)
                && is(&draft.model, &phone.model)
        });
        Ok(phones.map(|phone| phone.mac).collect())
    }

    /// The group with this name or identity, in the organisation if one is named.
    fn group(&self, organisation: Option<&Arc<Organisation>>, name: &str) -> Result<Group, Problem> {
        let mut found: Vec<Group> = self.all_groups();
        found.retain(|group| {
            organisation.is_none_or(|organisation| organisation.id == group.organisation)
                && (group.name.eq_ignore_ascii_case(name) || group.id.to_string() == name)
        });
        let wrong = |what| Err(Problem::fields(vec![FieldError::new("group", what)]));
        match (found.pop(), found.is_empty()) {
            (Some(group), true) => Ok(group),
            (Some(_), false) => wrong(format!("Several organisations have a group \"{name}\": name the organisation.")),
            (None, _) => wrong(format!("There is no group \"{name}\".")),
        }
    }

    /// The groups of all organisations.
    pub(super) fn all_groups(&self) -> Vec<Group> {
        let organisations = self.0.store.organisations();
        organisations.iter().flat_map(|organisation| self.0.store.groups(organisation.id)).collect()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown(mac) => Self::phone_unknown(mac),
            Refusal::Busy(_) => Self::new(
                StatusCode::CONFLICT,
                "being-told",
                as_sentence(&refusal.to_string()),
                "Wait until it is known what came of that.",
            ),
            Refusal::Plan(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "plan-unfit",
                as_sentence(&refusal.to_string()),
                "Correct the plan and send it again.",
            ),
            Refusal::NoCampaign => Self::new(
                StatusCode::NOT_FOUND,
                "campaign-unknown",
                as_sentence(&refusal.to_string()),
                "Look at the list of campaigns: the twenty newest are remembered.",
            ),
            Refusal::NotRunning => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "sip-not-running",
                as_sentence(&refusal.to_string()),
                "Look into the log of this box: another program may have port 5060.",
            )
            .retry_after(5),
        }
    }
}
