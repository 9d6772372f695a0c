use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Sheet;
use super::listed::{Ambiguous, Listed};
use crate::admin::editing::draft::CheckedPhone;
use crate::admin::problem::FieldError;
use crate::model::settings::{Key, Value};
use crate::model::{Id, Line, Organisation, Phone, Settings};

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
pub struct Planned {
    /// The first row that names it.
    pub row: usize,
    /// What is done to it.
    pub action: Action,
    /// The organisation that it belongs to from then on.
    pub organisation: Id,
    /// The group that it is put into.
    pub group: Option<Id>,
    /// What the file says of it.
    pub draft: CheckedPhone,
    /// The phone as it is on the list.
    pub before: Option<Arc<Phone>>,
}

/// All that an import would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The phones, in the order of the file.
    pub phones: Vec<Planned>,
    /// What an administrator may want to look at, though it stops nothing.
    pub warnings: Vec<String>,
}

impl Plan {
    /// How many phones are treated so.
    pub fn count(&self, action: Action) -> usize {
        self.phones.iter().filter(|p| p.action == action).count()
    }
}

/// Compares a sheet with the list. `organisation` finds one by name or id, or the first one for `None`; `group` one of
/// an organisation that phones can be put into.
///
/// # Errors
/// Anything that keeps one row from being taken keeps all of them from it; each error names its row.
pub fn plan(
    sheet: Sheet,
    listed: &[Arc<Phone>],
    organisation: impl Fn(Option<&str>) -> Option<Arc<Organisation>>,
    group: impl Fn(Id, &str) -> Option<Id>,
) -> Result<Plan, Vec<FieldError>> {
    let mut listed = Listed::new(listed);
    let mut errors = Vec::new();
    let mut phones: Vec<Planned> = Vec::with_capacity(sheet.phones.len());
    // Where the phones of the list stand among those of the file.
    let mut places: HashMap<Id, usize> = HashMap::new();
    for (row, draft) in sheet.phones {
        let before = if draft.mac.is_placeholder() {
            let of = draft.organisation.as_deref().and_then(|name| organisation(Some(name))).map(|found| found.id);
            let line = draft.lines.first().map(|line| (line.user.clone(), line.server.clone()));
            match listed.without_device(&draft.name, of, line) {
                Ok(before) => before,
                Err(Ambiguous) => {
                    let detail = "Several phones have this line: name the one that is meant.";
                    errors.push(FieldError::new(format!("row {row}, mac"), detail));
                    continue;
                }
            }
        } else {
            listed.by_mac(draft.mac)
        };
        let before = before.map(Arc::clone);
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
        let id = before.as_ref().map(|before| before.id);
        let planned = Planned { row, action: Action::Add, organisation: whose, group, draft, before };
        let first = id.and_then(|id| places.get(&id).copied());
        if let Some(first) = first.and_then(|first| phones.get_mut(first)) {
            errors.extend(first.fold(planned).err());
        } else {
            places.extend(id.map(|id| (id, phones.len())));
            phones.push(planned);
        }
    }
    for planned in &mut phones {
        planned.settle(sheet.whole);
        if planned.draft.lines.len() > Line::MOST {
            let detail = format!("A phone has at most {} lines.", Line::MOST);
            errors.push(FieldError::new(format!("row {}, user", planned.row), detail));
        }
    }
    if errors.is_empty() { Ok(Plan { phones, warnings: sheet.warnings }) } else { Err(errors) }
}

/// Whether both are the line of one user at one server.
fn is_same(one: &Line, other: &Line) -> bool {
    one.user == other.user && one.server == other.server
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
    for entry in &said.overrides {
        match settings.overrides.iter_mut().find(|known| (&known.brand, &known.name) == (&entry.brand, &entry.name)) {
            Some(known) => known.clone_from(entry),
            None => settings.overrides.push(entry.clone()),
        }
    }
    for key in &said.keys {
        settings.keys.retain(|known| known.place() != key.place());
        settings.keys.push(key.clone());
    }
    settings.keys.sort_by_key(Key::place);
    settings
}

impl Planned {
    /// Takes in what a later row says of the same phone: rows without a device are of one line each, so that their names
    /// are none of the phone's.
    fn fold(&mut self, other: Self) -> Result<(), FieldError> {
        let wrong = |field: &str, detail: String| Err(FieldError::new(format!("row {}, {field}", other.row), detail));
        let (first, draft, more) = (self.row, &mut self.draft, other.draft);
        if !draft.mac.is_placeholder() || !more.mac.is_placeholder() {
            return wrong("mac", format!("Row {first} is the same phone: give both its MAC."));
        }
        let twice = more.lines.iter().find(|line| draft.lines.iter().any(|known| is_same(known, line)));
        if let Some(line) = twice {
            return wrong("user", format!("{} is on this phone already (row {first}).", line.user));
        }
        let differ = |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        for (field, differs) in [
            ("organisation", self.organisation != other.organisation),
            ("group", self.group.is_some() && other.group.is_some() && self.group != other.group),
            ("brand", differ(&draft.brand, &more.brand)),
            ("model", differ(&draft.model, &more.model)),
        ] {
            if differs {
                return wrong(field, format!("Differs from row {first}, which is the same phone."));
            }
        }
        draft.name.clear();
        draft.organisation = draft.organisation.take().or(more.organisation);
        draft.brand = draft.brand.take().or(more.brand);
        draft.model = draft.model.take().or(more.model);
        draft.lines.extend(more.lines);
        draft.settings = laid_over(&draft.settings, &more.settings);
        if !more.handsets.is_empty() {
            draft.handsets = more.handsets;
        }
        if !more.ports.is_empty() {
            draft.ports = more.ports;
        }
        self.group = self.group.or(other.group);
        Ok(())
    }

    /// Says what is done, once all rows of the phone are known. An entry that is `whole` and waits for its device goes
    /// without one, and says all the same what its lines are.
    fn settle(&mut self, whole: bool) {
        let Some(before) = self.before.clone() else { return };
        let is_whole = whole && before.mac.is_placeholder();
        if self.draft.mac.is_placeholder() && !self.draft.lines.is_empty() && !is_whole {
            self.keep_other_lines(&before);
        }
        let kept = same(&before, &self.draft, self.organisation, self.group);
        self.action = if kept { Action::Keep } else { Action::Change };
    }

    /// Rows without a device say something of their lines: the phone keeps its other ones, and, where it has such, all
    /// that is said of the phone itself.
    fn keep_other_lines(&mut self, before: &Phone) {
        let mut lines = before.lines.clone();
        for line in &self.draft.lines {
            match lines.iter_mut().find(|known| is_same(known, line)) {
                Some(known) => known.clone_from(line),
                None => lines.push(line.clone()),
            }
        }
        let is_said = |known: &Line| self.draft.lines.iter().any(|line| is_same(known, line));
        if before.lines.iter().all(is_said) {
            self.draft.lines = lines;
            return;
        }
        self.draft = CheckedPhone {
            mac: self.draft.mac,
            name: String::new(),
            organisation: None,
            brand: None,
            model: None,
            lines,
            group: None,
            settings: Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
        };
        (self.organisation, self.group) = (before.organisation, None);
    }

    /// The phone as it is after a [`Action::Change`].
    pub fn changed(&self, before: &Phone) -> Phone {
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
    use super::super::{Defaults, read, read_any};
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

    fn with(listed: &[Arc<Phone>], rows: &str) -> Result<Plan, Vec<FieldError>> {
        let text = format!("mac,name,user,password,server,model\n{rows}");
        let sheet = read(text.as_bytes(), &Defaults::default()).unwrap();
        let branch = Arc::new(test_data::organisation());
        plan(sheet, listed, |_| Some(Arc::clone(&branch)), |_, _| None)
    }

    /// A phone with the lines of 201, 202 and, where it inherits its server, 203.
    fn reception() -> Phone {
        let mut phone = test_data::phone(1);
        let line = phone.lines[0].clone();
        phone.lines.push(Line { user: "202".into(), ..line.clone() });
        phone.lines.push(Line { user: "203".into(), server: String::new(), ..line });
        phone
    }

    fn users_and_passwords(phone: &Phone) -> Vec<(&str, &str)> {
        phone.lines.iter().map(|line| (line.user.as_str(), line.password.expose())).collect()
    }

    #[test]
    fn a_row_without_a_device_changes_its_line_alone() {
        let listed = [Arc::new(reception())];
        let plan = with(&listed, ",Anna,202,new,pbx.example.net,T54W\n").unwrap();
        let [anna] = plan.phones.as_slice() else { panic!("{plan:?}") };
        let after = anna.changed(&listed[0]);
        assert_eq!(anna.action, Action::Change);
        let old = test_data::PASSWORD;
        assert_eq!(users_and_passwords(&after), [("201", old), ("202", "new"), ("203", old)]);
        assert_eq!(after.lines[1].display, "Anna");
        assert_eq!((after.name.as_str(), after.model.as_deref()), ("Desk 1", None), "the phone is more than that line");
    }

    #[test]
    fn rows_without_devices_that_mean_one_phone_are_one_change() {
        let mut phone = reception();
        phone.lines.truncate(2);
        let listed = [Arc::new(phone)];
        let rows = ",Anna,201,a,pbx.example.net,T54W\n,Bo,202,b,pbx.example.net,\n";
        let plan = with(&listed, rows).unwrap();
        let [both] = plan.phones.as_slice() else { panic!("{plan:?}") };
        let after = both.changed(&listed[0]);
        assert_eq!(users_and_passwords(&after), [("201", "a"), ("202", "b")]);
        assert_eq!((after.name.as_str(), after.model.as_deref()), ("Desk 1", Some("T54W")));
        let again = with(&[Arc::new(after)], rows).unwrap();
        assert_eq!((again.phones.len(), again.count(Action::Keep)), (1, 1));

        let wrong = |rows: &str| with(&listed, rows).unwrap_err().remove(0);
        let model = wrong(&rows.replace(",\n", ",T46U\n"));
        assert_eq!((model.field.as_str(), model.detail.contains("row 2")), ("row 3, model", true), "{model:?}");
        let twice = wrong(",A,201,a,pbx.example.net,\n,B,201,b,pbx.example.net,\n");
        assert_eq!((twice.field.as_str(), twice.detail.contains("row 2")), ("row 3, user", true), "{twice:?}");
        let mixed = wrong("805ec0123401,A,201,a,pbx.example.net,\n,B,202,b,pbx.example.net,\n");
        assert_eq!((mixed.field.as_str(), mixed.detail.contains("Row 2")), ("row 3, mac", true), "{mixed:?}");
    }

    #[test]
    fn an_entry_that_waits_is_what_its_document_says() {
        let waits = Phone { mac: crate::model::Mac::placeholder([0, 0, 0, 1]), ..reception() };
        let listed = [Arc::new(waits)];
        let line = r#"{"user":"201","password":"new","server":"pbx.example.net"}"#;
        let text = format!(r#"[{{"name":"Hall","model":"T54W","lines":[{line}]}}]"#);
        let sheet = read_any(text.as_bytes(), &Defaults::default(), |_| None).unwrap();
        let branch = Arc::new(test_data::organisation());
        let plan = plan(sheet, &listed, |_| Some(Arc::clone(&branch)), |_, _| None).unwrap();
        let after = plan.phones[0].changed(&listed[0]);
        assert_eq!((plan.phones[0].action, users_and_passwords(&after)), (Action::Change, vec![("201", "new")]));
        assert_eq!((after.name.as_str(), after.model.as_deref()), ("Hall", Some("T54W")));
    }

    #[test]
    fn a_line_of_several_phones_is_asked_for_and_never_guessed() {
        let other = Phone { lines: reception().lines, ..test_data::phone(2) };
        let listed = [Arc::new(reception()), Arc::new(other)];
        let wrong = with(&listed, ",Anna,202,new,pbx.example.net,\n").unwrap_err();
        assert_eq!(wrong.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["row 2, mac"]);
        let named = with(&listed, "805ec0123402,,202,new,pbx.example.net,\n").unwrap();
        assert_eq!(named.phones[0].before.as_ref(), Some(&listed[1]));
    }

    #[test]
    fn an_unknown_organisation_is_named_with_its_row() {
        let errors = planned("805ec0123403,New,203,p,pbx,Elsewhere\n").unwrap_err();
        assert_eq!(errors[0].field, "row 2, organisation");
    }
}
