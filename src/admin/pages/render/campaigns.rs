use std::collections::BTreeMap;

use minijinja::{Value, context};

use super::views::value;
use super::{Frame, Pages};
use crate::admin::problem::{FieldError, Problem};
use crate::sip::CampaignView;

/// What stands on the page of campaigns.
#[derive(Debug, Default)]
pub(crate) struct CampaignsPage {
    pub(crate) campaigns: Vec<CampaignView>,
    pub(crate) organisations: Vec<String>,
    /// Identity, organisation, name.
    pub(crate) groups: Vec<(String, String, String)>,
    /// Folder name, and what people call it.
    pub(crate) brands: Vec<(String, String)>,
    /// What was typed into the form.
    pub(crate) values: BTreeMap<&'static str, String>,
    pub(crate) problem: Option<Problem>,
}

impl CampaignsPage {
    /// The fields of the form.
    pub(crate) const FIELDS: [&'static str; 10] =
        ["told", "organisation", "group", "brand", "model", "at-most", "per-second", "stop-above", "between", "offset"];
}

impl Pages {
    pub(crate) fn campaigns(&self, frame: &Frame, page: &CampaignsPage) -> Result<String, Problem> {
        let mut values = page.values.clone();
        for field in CampaignsPage::FIELDS {
            values.entry(field).or_default();
        }
        let pair = |name: &String| [name.clone(), name.clone()];
        let errors: Vec<FieldError> = page.problem.iter().flat_map(|problem| problem.errors.clone()).collect();
        let content = context! {
            campaigns => page.campaigns.iter().map(row).collect::<Vec<_>>(),
            organisations => page.organisations.iter().map(pair).collect::<Vec<_>>(),
            groups => page.groups.iter().map(|(id, organisation, name)| [id.clone(), format!("{organisation} · {name}")])
                .collect::<Vec<_>>(),
            brands => value(&page.brands),
            values => value(&values),
            errors => value(&errors),
            problem => value(&page.problem),
        };
        self.render("campaigns.html", frame, "campaigns", true, content)
    }
}

fn row(campaign: &CampaignView) -> Value {
    let outcomes: Vec<Value> =
        campaign.outcomes.iter().map(|(code, count)| context! { code => code.as_str(), count }).collect();
    context! {
        id => campaign.id.to_string(),
        told => value(&campaign.told),
        begun => campaign.begun.to_string(),
        state => value(&campaign.state),
        phones => value(&campaign.phones),
        outcomes,
    }
}
