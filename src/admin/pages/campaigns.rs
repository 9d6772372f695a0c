//! The page of campaigns, and the forms that tell phones something: one, or many.

use std::collections::{BTreeMap, BTreeSet};

use hyper::StatusCode;

use super::render::{CampaignsPage, Frame};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::api::mac_in;
use crate::admin::call::Form;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::telling::CampaignDraft;
use crate::brands::Told;
use crate::model::Id;

impl Admin {
    pub(in crate::admin) async fn tell_by_form(&self, mac: &str, order: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        self.tell(mac, order).await?;
        Ok(Answer::see_other(&format!("/phones/{}?done=told", mac.plain())))
    }

    pub(in crate::admin) async fn begin_campaign_by_form(&self, frame: &Frame, form: &Form) -> Result<Answer, Problem> {
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

    pub(in crate::admin) async fn stop_campaign_by_form(&self, id: &str) -> Result<Answer, Problem> {
        self.stop_campaign(id).await?;
        Ok(Answer::see_other("/campaigns?done=stopped"))
    }

    pub(in crate::admin) fn campaigns_page(&self, frame: &Frame) -> Result<Answer, Problem> {
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
        let brands: BTreeSet<String> =
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
