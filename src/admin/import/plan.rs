use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sheet;
use crate::admin::editing::draft::CheckedPhone;
use crate::admin::problem::FieldError;
use crate::model::settings::{Key, Value};
use crate::model::{Id, Mac, Organisation, Phone, Settings};

/// What an import does to one phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Put it on the list.
    Add,
    /// Change what the list says of it; its login and its first contact stay as they are.
    Change,
    /// Nothing: the list says the same already.
    Keep,
}

/// One phone of the import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) row: usize,
    pub(crate) action: Action,
    pub(crate) organisation: Id,
    /// The group that it is put into.
    pub(crate) group: Option<Id>,
    pub(crate) draft: CheckedPhone,
    /// The phone as it is on the list.
    pub(crate) before: Option<Arc<Phone>>,
}

/// All that an import would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) phones: Vec<Planned>,
    pub(crate) warnings: Vec<String>,
}

impl Plan {
    /// How many phones are treated so.
    pub(crate) fn count(&self, action: Action) -> usize {
        self.phones.iter().filter(|p| p.action == action).count()
    }
}

/// Compares a sheet with the list. `organisation` finds one by name or id, or the first one for `None`; `group` one of
/// an organisation that phones can be put into.
pub(crate) fn plan(
    sheet: Sheet,
    listed: &[Arc<Phone>],
    organisation: impl Fn(Option<&str>) -> Option<Arc<Organisation>>,
    group: impl Fn(Id, &str) -> Option<Id>,
) -> Result<Plan, Vec<FieldError>> {
    let by_mac: HashMap<Mac, &Arc<Phone>> = listed.iter().map(|phone| (phone.mac, phone)).collect();
    let lines = listed.iter().flat_map(|phone| phone.lines.iter().map(move |line| (line, phone)));
    let by_line: HashMap<(&str, &str), &Arc<Phone>> =
        lines.map(|(line, phone)| ((line.user.as_str(), line.server.as_str()), phone)).collect();
    let waits = listed.iter().filter(|phone| phone.mac.is_placeholder());
    let waiting: HashMap<&str, &Arc<Phone>> = waits.map(|phone| (phone.name.as_str(), phone)).collect();
    let mut errors = Vec::new();
    let mut phones = Vec::with_capacity(sheet.phones.len());
    for (row, draft) in sheet.phones {
        let before = match draft.mac.is_placeholder() {
            false => by_mac.get(&draft.mac).map(|phone| Arc::clone(phone)),
            // Whatever device has this line, or has that name and waits, is the one that is meant.
            true => draft
                .lines
                .first()
                .and_then(|line| by_line.get(&(line.user.as_str(), line.server.as_str())))
                .or_else(|| waiting.get(draft.name.as_str()).filter(|_| draft.lines.is_empty()))
                .map(|phone| Arc::clone(phone)),
        };
        // A phone stays with its organisation when the file does not name one.
        let whose = match (&draft.organisation, &before) {
            (None, Some(before)) => Some(before.organisation),
            (name, _) => organisation(name.as_deref()).map(|found| found.id),
        };
        let Some(whose) = whose else {
            let name = draft.organisation.as_deref().unwrap_or_default();
            errors.push(FieldError::new(
                format!("row {row}, organisation"),
                format!("There is no organisation \"{name}\"."),
            ));
            continue;
        };
        let group = match draft.group.as_deref().map(|name| group(whose, name)) {
            None => None,
            Some(Some(id)) => Some(id),
            Some(None) => {
                let name = draft.group.as_deref().unwrap_or_default();
                let detail = format!("Its organisation has no group \"{name}\" that phones are put into.");
                errors.push(FieldError::new(format!("row {row}, group"), detail));
                continue;
            }
        };
        let action = match &before {
            None => Action::Add,
            Some(before) if same(before, &draft, whose, group) => Action::Keep,
            Some(_) => Action::Change,
        };
        phones.push(Planned { row, action, organisation: whose, group, draft, before });
    }
    if errors.is_empty() { Ok(Plan { phones, warnings: sheet.warnings }) } else { Err(errors) }
}

/// Whether the draft says nothing new. What it leaves out stays as it is.
fn same(before: &Phone, draft: &CheckedPhone, organisation: Id, group: Option<Id>) -> bool {
    let unsaid = |said: &Option<String>, before: &Option<String>| said.is_none() || said == before;
    before.organisation == organisation
        && (draft.name.is_empty() || draft.name == before.name)
        && unsaid(&draft.brand, &before.brand)
        && unsaid(&draft.model, &before.model)
        && (draft.lines.is_empty() || draft.lines == before.lines)
        && (group.is_none() || group == before.group)
        && (draft.handsets.is_empty() || draft.handsets == before.handsets)
        && (draft.ports.is_empty() || draft.ports == before.ports)
        && laid_over(&before.settings, &draft.settings) == before.settings
}

/// Settings with those of a list over them: what the list does not say stays.
fn laid_over(before: &Settings, said: &Settings) -> Settings {
    let mut settings = before.clone();
    for (key, value) in said.iter() {
        // It was taken as a setting when the list was read.
        let _ = match value {
            Value::Secret(secret) => settings.set_secret(key, secret.clone()),
            other => settings.set_json(key, &other.to_json().unwrap_or_default()),
        };
    }
    for key in &said.keys {
        settings.keys.retain(|known| known.place() != key.place());
        settings.keys.push(key.clone());
    }
    settings.keys.sort_by_key(Key::place);
    settings
}

impl Planned {
    /// The phone as it is after a [`Action::Change`].
    pub(crate) fn changed(&self, before: &Phone) -> Phone {
        let mut phone = before.clone();
        phone.organisation = self.organisation;
        if !self.draft.name.is_empty() {
            phone.name.clone_from(&self.draft.name);
        }
        if self.draft.brand.is_some() {
            phone.brand.clone_from(&self.draft.brand);
        }
        if self.draft.model.is_some() {
            phone.model.clone_from(&self.draft.model);
        }
        if !self.draft.lines.is_empty() {
            phone.lines.clone_from(&self.draft.lines);
        }
        if self.draft.organisation.is_some() && phone.organisation != before.organisation {
            phone.group = None;
        }
        phone.group = self.group.or(phone.group);
        if !self.draft.handsets.is_empty() {
            phone.handsets.clone_from(&self.draft.handsets);
        }
        if !self.draft.ports.is_empty() {
            phone.ports.clone_from(&self.draft.ports);
        }
        phone.settings = laid_over(&phone.settings, &self.draft.settings);
        phone
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Defaults, read};
    use super::*;
    use crate::admin::test_data;

    fn planned(rows: &str) -> Result<Plan, Vec<FieldError>> {
        let text = format!("mac,name,user,password,server,organisation\n{rows}");
        let sheet = read(text.as_bytes(), &Defaults::default()).unwrap();
        let listed = [Arc::new(test_data::phone(1)), Arc::new(test_data::phone(2))];
        let branch = Arc::new(test_data::organisation());
        let organisation = |name: Option<&str>| name.is_none_or(|n| n == "Branch").then(|| Arc::clone(&branch));
        plan(sheet, &listed, organisation, |_, _| None)
    }

    #[test]
    fn adds_changes_and_keeps() {
        let plan = planned(&format!(
            "805ec0123401,Desk 1,201,{p},pbx.example.net,\n\
             805ec0123402,Hall,202,{p},pbx.example.net,Branch\n\
             805ec0123403,New,203,p,pbx.example.net,\n",
            p = test_data::PASSWORD
        ))
        .unwrap();
        let actions: Vec<Action> = plan.phones.iter().map(|p| p.action).collect();
        assert_eq!(actions, [Action::Keep, Action::Change, Action::Add]);
        let hall = &plan.phones[1];
        let after = hall.changed(hall.before.as_ref().unwrap());
        assert_eq!(after.name, "Hall");
        assert_eq!(after.pending_login, test_data::phone(2).pending_login, "its login stays");
    }

    #[test]
    fn an_unknown_organisation_is_named_with_its_row() {
        let errors = planned("805ec0123403,New,203,p,pbx,Elsewhere\n").unwrap_err();
        assert_eq!(errors[0].field, "row 2, organisation");
    }
}
