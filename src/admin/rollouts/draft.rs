use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::show::DAYS;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::firmware::catalogue;
use crate::firmware::rollout::window;
use crate::model::settings::{Value, Zone};
use crate::model::{Group, Id, Mac, Organisation, Rollout, RolloutPlan, RolloutScope, UpdateWindow};

/// A roll-out as somebody wrote it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct RolloutDraft {
    /// What people call it.
    pub(in crate::admin) name: Option<String>,
    /// Id of the image.
    pub(in crate::admin) image: String,
    /// Name or id of an organisation.
    pub(in crate::admin) organisation: Option<String>,
    /// Name or id of a group.
    pub(in crate::admin) group: Option<String>,
    pub(in crate::admin) model: Option<String>,
    pub(in crate::admin) phones: Vec<Mac>,
    pub(in crate::admin) plan: types::RolloutPlan,
}

impl Default for types::RolloutPlan {
    fn default() -> Self {
        let RolloutPlan { canary, wave, at_once, patience, may_fail, window: _ } = RolloutPlan::default();
        Self { canary, wave, at_once, patience, may_fail, hours: None, days: Vec::new(), zone: None }
    }
}

impl Admin {
    /// Plans a roll-out.
    pub(in crate::admin) async fn plan_rollout(&self, draft: RolloutDraft) -> Result<types::Rollout, Problem> {
        let mut errors = Vec::new();
        let image = draft.image.parse::<Id>().ok().and_then(|id| self.0.store.firmware(id));
        if image.is_none() {
            errors.push(FieldError::new("image", format!("There is no image \"{}\".", draft.image)));
        }
        let (scope, organisation) = self.scope(&draft, &mut errors);
        let plan = self.checked(&draft.plan, organisation.as_deref(), &mut errors);
        let Some(image) = image.filter(|_| errors.is_empty()) else { return Err(Problem::fields(errors)) };
        let usual = || match &scope.model {
            Some(model) => format!("{model} to {}", image.release),
            None => format!("{} {}", image.brand, image.release),
        };
        let named =
            draft.name.map(|name| name.trim().chars().take(64).collect()).filter(|name: &String| !name.is_empty());
        let name = named.unwrap_or_else(usual);
        let rollout = self.new_rollout(name, image.id, scope, plan);
        let covered = self
            .0
            .store
            .phones()
            .into_iter()
            .filter(|phone| catalogue::covers(&rollout.scope, phone, |id| self.0.store.group(id)));
        if covered.count() > Rollout::MOST_PHONES {
            let detail = format!("A roll-out has at most {} phones.", Rollout::MOST_PHONES);
            return Err(Problem::fields(vec![FieldError::new("scope", detail)]));
        }
        self.put_rollout(rollout, 0).await
    }

    /// Which phones a draft means.
    fn scope(&self, draft: &RolloutDraft, errors: &mut Vec<FieldError>) -> (RolloutScope, Option<Arc<Organisation>>) {
        let named =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut scope =
            RolloutScope { model: named(&draft.model), phones: draft.phones.clone(), ..RolloutScope::default() };
        scope.phones.sort_unstable();
        scope.phones.dedup();
        let mut organisation = None;
        if let Some(name) = named(&draft.organisation) {
            organisation = self.organisation(Some(&name));
            scope.organisation = organisation.as_ref().map(|organisation| organisation.id);
            if organisation.is_none() {
                errors.push(FieldError::new("organisation", format!("There is no organisation \"{name}\".")));
            }
        }
        if let Some(name) = named(&draft.group) {
            let fits = |group: &Group| group.name.eq_ignore_ascii_case(&name) || group.id.to_string() == name;
            let organisations = self.0.store.organisations();
            let wanted = organisations.iter().filter(|one| scope.organisation.is_none_or(|id| id == one.id));
            let mut groups = wanted.flat_map(|one| self.0.store.groups(one.id)).filter(fits);
            match (groups.next(), groups.next()) {
                (Some(group), None) => scope.group = Some(group.id),
                (Some(_), Some(_)) => errors.push(FieldError::new(
                    "group",
                    format!("Several organisations have a group \"{name}\": name the organisation, too."),
                )),
                (None, _) => errors.push(FieldError::new("group", format!("There is no group \"{name}\"."))),
            }
        }
        if let Some(mac) = draft.phones.iter().find(|mac| self.0.store.phone_by_mac(**mac).is_none()) {
            errors.push(FieldError::new("phones", format!("The phone {mac} is not on the list.")));
        }
        (scope, organisation)
    }

    /// A plan that can be kept to.
    fn checked(
        &self,
        plan: &types::RolloutPlan,
        organisation: Option<&Organisation>,
        errors: &mut Vec<FieldError>,
    ) -> RolloutPlan {
        let numbers = [("plan.canary", plan.canary), ("plan.wave", plan.wave), ("plan.at_once", plan.at_once)];
        for (field, _) in numbers.into_iter().filter(|(_, number)| !(1..=1000).contains(number)) {
            errors.push(FieldError::new(field, "From 1 to 1000."));
        }
        if !(1..=86_400).contains(&plan.patience) {
            errors.push(FieldError::new("plan.patience", "From a second to a day."));
        }
        RolloutPlan {
            canary: plan.canary,
            wave: plan.wave,
            at_once: plan.at_once,
            window: self.window(plan, organisation, errors),
            patience: plan.patience,
            may_fail: plan.may_fail,
        }
    }

    fn window(
        &self,
        plan: &types::RolloutPlan,
        organisation: Option<&Organisation>,
        errors: &mut Vec<FieldError>,
    ) -> Option<UpdateWindow> {
        let said = plan.hours.as_deref().map(str::trim).filter(|hours| !hours.is_empty());
        let hours = match said {
            None if plan.days.is_empty() => return None,
            None => Some((0, 0)),
            Some(text) => window::read_hours(text),
        };
        let Some((from, until)) = hours else {
            errors.push(FieldError::new("plan.hours", "Write hours as in 22:00-06:00."));
            return None;
        };
        let mut days = [false; 7];
        for day in &plan.days {
            match DAYS.iter().position(|known| day.to_ascii_lowercase().starts_with(known)) {
                Some(at) => days.iter_mut().skip(at).take(1).for_each(|chosen| *chosen = true),
                None => errors.push(FieldError::new("plan.days", format!("\"{day}\" is no day, as mon or tue."))),
            }
        }
        let zone = match plan.zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty()) {
            Some(name) => Zone::named(name),
            None => self.zone_of(organisation),
        };
        let Some(zone) = zone else {
            errors.push(FieldError::new("plan.zone", "Name the time zone of the branch, as Europe/Berlin."));
            return None;
        };
        Some(UpdateWindow { from, until, days, zone: zone.name().to_owned() })
    }

    /// The time zone that an organisation's phones show, where it is set; the box's only one when none is named.
    fn zone_of(&self, organisation: Option<&Organisation>) -> Option<Zone> {
        let of = |organisation: &Organisation| match organisation.settings.get("regional.time_zone") {
            Some(value) => Value::as_text(value).and_then(Zone::named),
            None => None,
        };
        match organisation {
            Some(organisation) => of(organisation),
            None => {
                let zones: Vec<Zone> = self.0.store.organisations().iter().filter_map(|one| of(one)).collect();
                zones.first().copied().filter(|first| zones.iter().all(|zone| zone == first))
            }
        }
    }
}
