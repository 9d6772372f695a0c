//! Phones told by SIP: one, or many by a campaign.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Admin;
use super::answer::Answer;
use super::api::mac_in;
use super::call::Form;
use super::pages::render::{CampaignsPage, Frame};
use super::problem::{FieldError, Problem};
use crate::brands::Told;
use crate::model::{Group, Id, Mac, Organisation};
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

    fn all_groups(&self) -> Vec<Group> {
        let organisations = self.0.store.organisations();
        organisations.iter().flat_map(|organisation| self.0.store.groups(organisation.id)).collect()
    }
}

/// The forms of the page.
impl Admin {
    pub(super) async fn tell_by_form(&self, mac: &str, order: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        self.tell(mac, order).await?;
        Ok(Answer::see_other(&format!("/phones/{}?done=told", mac.plain())))
    }

    pub(super) async fn begin_campaign_by_form(&self, frame: &Frame, form: &Form) -> Result<Answer, Problem> {
        let begun = match draft_in(form) {
            Ok(draft) => self.begin_campaign(&draft).await,
            Err(problem) => Err(problem),
        };
        match begun {
            Ok(_) => Ok(Answer::see_other("/campaigns?done=begun")),
            Err(problem) => {
                let status = problem.status();
                let mut page = self.campaigns_shown();
                for field in CampaignsPage::FIELDS {
                    page.values.insert(field, form.of(field).unwrap_or_default().chars().take(100).collect());
                }
                page.problem = Some(problem);
                Ok(Answer::html(status, self.0.pages.campaigns(frame, &page)?))
            }
        }
    }

    pub(super) async fn stop_campaign_by_form(&self, id: &str) -> Result<Answer, Problem> {
        self.stop_campaign(id).await?;
        Ok(Answer::see_other("/campaigns?done=stopped"))
    }

    pub(super) fn campaigns_page(&self, frame: &Frame) -> Result<Answer, Problem> {
        Ok(Answer::html(StatusCode::OK, self.0.pages.campaigns(frame, &self.campaigns_shown())?))
    }

    fn campaigns_shown(&self) -> CampaignsPage {
        let organisations: BTreeMap<Id, String> = self
            .0
            .store
            .organisations()
            .iter()
            .map(|organisation| (organisation.id, organisation.name.clone()))
            .collect();
        let of = |id: Id| organisations.get(&id).cloned().unwrap_or_default();
        let groups = self.all_groups().into_iter();
        let brands: std::collections::BTreeSet<String> =
            self.roster().iter().filter_map(|row| row.brand.as_deref().map(str::to_owned)).collect();
        let called = |id: String| self.0.facts.brands.get(&id).cloned().unwrap_or(id);
        CampaignsPage {
            campaigns: self.0.facts.sip.campaigns(),
            groups: groups.map(|group| (group.id.to_string(), of(group.organisation), group.name)).collect(),
            organisations: organisations.into_values().collect(),
            brands: brands.into_iter().map(|id| (id.clone(), called(id))).collect(),
            values: BTreeMap::new(),
            problem: None,
        }
    }
}

/// What the form for a new campaign says. An empty field says nothing.
fn draft_in(form: &Form) -> Result<CampaignDraft, Problem> {
    let text = |name: &str| form.of(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let mut errors = Vec::new();
    let mut number = |name: &'static str| {
        let written = text(name)?;
        written.parse::<u32>().inspect_err(|_| errors.push(FieldError::new(name, "Write a whole number."))).ok()
    };
    let (at_most, per_second, stop_above) = (number("at-most"), number("per-second"), number("stop-above"));
    let offset = text("offset");
    let utc_offset = offset.as_deref().map_or(Some(0), minutes_east);
    if utc_offset.is_none() {
        errors.push(FieldError::new("offset", "Write it as in +01:00."));
    }
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    Ok(CampaignDraft {
        told: if form.of("told") == Some("reboot") { Told::Reboot } else { Told::Resync },
        macs: Vec::new(),
        organisation: text("organisation"),
        group: text("group"),
        brand: text("brand"),
        model: text("model"),
        at_most,
        per_second,
        between: text("between"),
        utc_offset: utc_offset.unwrap_or_default(),
        stop_above: stop_above.map(|share| u8::try_from(share).unwrap_or(u8::MAX)),
    })
}

/// `+01:00`, `-5`, `0`.
fn minutes_east(text: &str) -> Option<i16> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i16>().ok())?;
    let (hours, minutes) = (plain(hours)?, plain(minutes)?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_as_people_write_them() {
        for (text, minutes) in [("+01:00", 60), ("-05:30", -330), ("0", 0), ("2", 120), ("+14", 840)] {
            assert_eq!(minutes_east(text), Some(minutes), "{text}");
        }
        for text in ["", "+", "15", "1:60", "a", "1:2:3", "--1"] {
            assert_eq!(minutes_east(text), None, "{text}");
        }
    }
}
