use hyper::StatusCode;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::LineDraft;
use crate::admin::editing::draft::{PhoneEdit, check_extensions, texts};
use crate::admin::editing::line::keep_passwords;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::{Line, Mac, Phone};

impl Admin {
    /// Changes what is said of a phone.
    pub(super) async fn api_edit(&self, call: &Call, mac: &str) -> Result<Answer, Problem> {
        let mac = mac_in(mac)?;
        let phone = self.change(mac, call.expected()?, &call.json()?, call.from).await?;
        Ok(Answer::json(StatusCode::OK, &phone).versioned(phone.version))
    }
}

impl Admin {
    /// Changes what is said of a phone.
    pub(in crate::admin) async fn change(
        &self,
        mac: Mac,
        expected: Option<u64>,
        edit: &PhoneEdit,
        from: Origin,
    ) -> Result<types::Phone, Problem> {
        self.edit_phone(mac, expected, from, |phone| self.apply(edit, phone).map_err(Problem::fields)).await?;
        self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))
    }

    fn apply(&self, edit: &PhoneEdit, phone: &mut Phone) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        let [name, brand, model] = texts(&mut errors, edit.name.clone(), edit.brand.clone(), edit.model.clone());
        if edit.name.is_some() {
            phone.name = name.unwrap_or_default();
        }
        if edit.brand.is_some() {
            if let Some(brand) = brand.as_ref().filter(|brand| self.0.facts.registry.brand(brand).is_none()) {
                errors.push(FieldError::new("brand", format!("There is no brand \"{brand}\".")));
            }
            phone.brand = brand;
        }
        if edit.model.is_some() {
            phone.model = model;
        }
        if let Some(name) = &edit.organisation {
            match self.organisation(Some(name)) {
                Some(organisation) if organisation.id == phone.organisation => {}
                Some(organisation) => {
                    phone.organisation = organisation.id;
                    // A group is one organisation's.
                    phone.group = None;
                }
                None => errors.push(FieldError::new("organisation", format!("There is no organisation \"{name}\"."))),
            }
        }
        match edit.group.as_deref().map(str::trim) {
            None => {}
            Some("") => phone.group = None,
            Some(name) => match self.member_group(phone, name) {
                Ok(id) => phone.group = Some(id),
                Err(detail) => errors.push(FieldError::new("group", detail)),
            },
        }
        if let Some(lines) = &edit.lines {
            phone.lines = self.lines(lines, phone, &mut errors);
        }
        let (handsets, ports) = (edit.handsets.as_deref(), edit.ports.as_deref());
        check_extensions(&mut errors, handsets.unwrap_or_default(), ports.unwrap_or_default());
        if let Some(handsets) = handsets {
            phone.handsets = handsets.to_vec();
        }
        if let Some(ports) = ports {
            phone.ports = ports.to_vec();
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// The group of that name that phones of this one's organisation can be put into.
    pub(in crate::admin) fn member_group(&self, phone: &Phone, name: &str) -> Result<crate::model::Id, String> {
        match self.group_of(phone.organisation, name) {
            Some(group) if group.scope == crate::model::Scope::Members => Ok(group.id),
            Some(_) => Err(format!("\"{name}\" is for all phones of a brand or model; none is put into it.")),
            None => Err(format!("Its organisation has no group \"{name}\".")),
        }
    }

    /// Whether a line of this phone without a server of its own has the one that is set for the phone.
    pub(super) fn gives_server(&self, phone: &Phone) -> bool {
        self.0.store.levels(phone).resolve().get("line.server").is_some()
    }

    /// Lines as they are to be. A line without a password keeps the one that is known of it; one without a server has
    /// the one that is set for the phone.
    fn lines(&self, drafts: &[LineDraft], phone: &Phone, errors: &mut Vec<FieldError>) -> Vec<Line> {
        if drafts.len() > Line::MOST {
            errors.push(FieldError::new("lines", format!("A phone has at most {} lines.", Line::MOST)));
        }
        let inherits = self.gives_server(phone);
        let mut drafts: Vec<LineDraft> = drafts.iter().take(Line::MOST).cloned().collect();
        keep_passwords(&mut drafts, &phone.lines);
        let mut lines = Vec::new();
        for (index, draft) in drafts.into_iter().enumerate() {
            let (line, wrong) = draft.check_where(inherits);
            errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("lines[{index}].{}", e.field), e.detail)));
            lines.extend(line);
        }
        lines
    }
}
