//! What somebody asks for when a phone is added: as written, and as checked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::line::LineDraft;
use super::settings::{OverrideEdit, SettingsEdit};
use super::text::{NAME, required, text};
use crate::admin::problem::FieldError;
use crate::model::settings::Key;
use crate::model::{AnaloguePort, Handset, Line, Mac, Policy, Settings};

/// A phone as somebody wrote it: the body of `POST /api/v1/phones`.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneDraft {
    /// The address on its label, with any separators.
    pub mac: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name or id of the organisation it belongs to; the box's first one when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Folder name of its brand, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Model, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its SIP accounts.
    pub lines: Vec<LineDraft>,
    /// Name or id of the group that it is put into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What is set for it alone, by name; null stands for a secret that was left out.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Json>,
    /// Its keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Raw settings of single brands; one without a value stands for a value that was left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverrideEdit>,
    /// Its cordless handsets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handsets: Vec<Handset>,
    /// Its analogue ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<AnaloguePort>,
}

/// A draft of which every field is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPhone {
    /// Its address.
    pub mac: Mac,
    /// What people call it; empty when nothing was said.
    pub name: String,
    /// Name or id of its organisation.
    pub organisation: Option<String>,
    /// Folder name of its brand.
    pub brand: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Its SIP accounts.
    pub lines: Vec<Line>,
    /// Name or id of its group.
    pub group: Option<String>,
    /// What is set for it alone, its keys included.
    pub settings: Settings,
    /// Its cordless handsets.
    pub handsets: Vec<Handset>,
    /// Its analogue ports.
    pub ports: Vec<AnaloguePort>,
}

/// An organisation as people write it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct OrganisationDraft {
    /// Its name.
    pub(in crate::admin) name: String,
    /// What counts as enough evidence for its phones; the usual where nothing is said.
    #[serde(default)]
    pub(in crate::admin) policy: Policy,
}

impl OrganisationDraft {
    /// Its name, if it can be one, and its policy.
    pub(crate) fn check(self) -> Result<(String, Policy), Vec<FieldError>> {
        let mut errors = Vec::new();
        let name = required(&mut errors, "name", self.name, NAME);
        if errors.is_empty() { Ok((name, self.policy)) } else { Err(errors) }
    }
}

/// What is to be changed of an organisation. What is not named stays.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct OrganisationEdit {
    /// What it is called from now on.
    pub(in crate::admin) name: Option<String>,
    /// How much evidence is asked for from now on.
    pub(in crate::admin) policy: Option<Policy>,
}

/// The name of a document, if it can be one.
pub(in crate::admin) fn name_of(name: Option<String>) -> Result<String, Vec<FieldError>> {
    let mut errors = Vec::new();
    let name = required(&mut errors, "name", name.unwrap_or_default(), NAME);
    if errors.is_empty() { Ok(name) } else { Err(errors) }
}

/// What is to be changed of a phone: the body of `PATCH /api/v1/phones/{mac}`. What is not named stays.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PhoneEdit {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name or id of the organisation that it is to belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// Name or id of the group that it is put into; an empty text takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Folder name of its brand; an empty text forgets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Its model; an empty text forgets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// All of its lines. A line without a password keeps the one that the phone's line of that user and server has, or
    /// its only line of that user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<LineDraft>>,
    /// All of its cordless handsets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handsets: Option<Vec<Handset>>,
    /// All of its analogue ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<AnaloguePort>>,
}

/// The texts of a phone: name, brand and model, each checked where it is there.
pub(in crate::admin) fn texts(
    errors: &mut Vec<FieldError>,
    name: Option<String>,
    brand: Option<String>,
    model: Option<String>,
) -> [Option<String>; 3] {
    let name = text(errors, "name", name, NAME);
    let brand = text(errors, "brand", brand, 32).map(|b| b.to_lowercase());
    if brand.as_ref().is_some_and(|b| !b.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')) {
        errors.push(FieldError::new("brand", "Only letters, digits, - and _."));
    }
    [name, brand, text(errors, "model", model, NAME)]
}

/// Handsets and ports within bounds, each place once.
pub(in crate::admin) fn check_extensions(errors: &mut Vec<FieldError>, handsets: &[Handset], ports: &[AnaloguePort]) {
    for (index, handset) in handsets.iter().enumerate() {
        if !handset.is_sound() {
            let detail = "Its number, identity, name or lines are out of bounds.";
            errors.push(FieldError::new(format!("handsets[{index}]"), detail));
        } else if handsets.iter().take(index).any(|other| other.number == handset.number) {
            errors.push(FieldError::new(format!("handsets[{index}]"), "There are two of this number."));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        if !port.is_sound() {
            errors.push(FieldError::new(format!("ports[{index}]"), "Its number or line is out of bounds."));
        } else if ports.iter().take(index).any(|other| other.number == port.number) {
            errors.push(FieldError::new(format!("ports[{index}]"), "There are two of this number."));
        }
    }
}

impl PhoneDraft {
    /// Checks every field, and names all that are wrong at once. Whether a line without a server inherits one, and
    /// whether the brands of raw settings are there, is for those to say who know the rest of the box.
    pub(crate) fn check(self) -> Result<CheckedPhone, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mac = match self.mac.parse::<Mac>() {
            Ok(mac) => mac,
            Err(error) => {
                errors.push(FieldError::new("mac", error.to_string()));
                Mac::new([0; 6])
            }
        };
        let organisation = text(&mut errors, "organisation", self.organisation, NAME);
        let [name, brand, model] = texts(&mut errors, self.name, self.brand, self.model);
        let name = name.unwrap_or_default();
        if self.lines.len() > Line::MOST {
            errors.push(FieldError::new(
                "lines",
                format!("{} lines, but a phone has at most {}.", self.lines.len(), Line::MOST),
            ));
        }
        let mut lines = Vec::new();
        for (index, line) in self.lines.into_iter().take(Line::MOST).enumerate() {
            let (line, wrong) = line.check_where(true);
            errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("lines[{index}].{}", e.field), e.detail)));
            lines.extend(line);
        }
        let group = text(&mut errors, "group", self.group, NAME);
        let edit = SettingsEdit {
            set: self.settings,
            keys: Some(self.keys),
            overrides: self.overrides,
            ..SettingsEdit::default()
        };
        let mut settings = Settings::NONE;
        if let Err(wrong) = edit.apply_plain(&mut settings) {
            errors.extend(wrong);
        }
        let (handsets, ports) = (self.handsets, self.ports);
        check_extensions(&mut errors, &handsets, &ports);
        if errors.is_empty() {
            Ok(CheckedPhone { mac, name, organisation, brand, model, lines, group, settings, handsets, ports })
        } else {
            Err(errors)
        }
    }

    /// As [`PhoneDraft::check`], of the phone in this row of a list, where the address may be left out: such a phone
    /// waits for its device.
    pub(crate) fn check_for_list(mut self, row: usize) -> Result<CheckedPhone, Vec<FieldError>> {
        if self.mac.trim().is_empty() {
            self.mac = Mac::placeholder(u32::try_from(row).unwrap_or(u32::MAX).to_be_bytes()).plain();
        }
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::tests::line;
    use super::*;

    #[test]
    fn fills_in_what_was_left_out() {
        let draft: PhoneDraft = serde_json::from_str(
            r#"{"mac":"80-5E-C0-12-34-56","name":" Reception ","lines":[{"user":"201","password":"s3cret","server":"PBX.example.net."}]}"#,
        )
        .unwrap();
        let phone = draft.check().unwrap();
        assert_eq!(phone.mac.to_string(), "80:5e:c0:12:34:56");
        assert_eq!(phone.name, "Reception");
        let line = &phone.lines[0];
        assert_eq!(
            (line.server.as_str(), line.port, line.transport, line.expires),
            ("pbx.example.net", None, None, None)
        );
        assert_eq!(line.password.expose(), "s3cret");
    }

    #[test]
    fn names_every_wrong_field_at_once() {
        let draft = PhoneDraft {
            mac: "nonsense".into(),
            name: Some("x".repeat(65)),
            lines: vec![line(), LineDraft { server: "pbx:5060".into(), ..line() }],
            ..PhoneDraft::default()
        };
        let fields: Vec<String> = draft.check().unwrap_err().into_iter().map(|e| e.field).collect();
        assert_eq!(fields, ["mac", "name", "lines[1].server"]);
    }

    #[test]
    fn counts_lines_and_refuses_fields_it_does_not_know() {
        let draft =
            PhoneDraft { mac: "805ec0123456".into(), lines: vec![line(); Line::MOST + 1], ..PhoneDraft::default() };
        assert_eq!(draft.check().unwrap_err()[0].field, "lines");
        assert!(serde_json::from_str::<PhoneDraft>(r#"{"mac":"805ec0123456","colour":"red"}"#).is_err());
    }
}
