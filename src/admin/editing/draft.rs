//! What somebody asks for when a phone is added: as written, and as checked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::settings::SettingsEdit;
use crate::admin::problem::FieldError;
use crate::model::settings::Key;
use crate::model::{AnaloguePort, Handset, Line, Mac, Policy, Secret, Settings, Transport};

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
    /// What is set for it alone, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Json>,
    /// Its keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Key>,
    /// Its cordless handsets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub handsets: Vec<Handset>,
    /// Its analogue ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<AnaloguePort>,
}

/// A line as somebody wrote it.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LineDraft {
    /// User part of the address, often the extension.
    pub user: String,
    /// Name for Digest when it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_user: Option<String>,
    /// SIP password.
    #[serde(deserialize_with = "secret", serialize_with = "expose")]
    #[schemars(with = "String")]
    pub password: Secret,
    /// Name shown to others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// Host name or address of the SIP server.
    pub server: String,
    /// Port of the SIP server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    /// `udp`, `tcp` or `tls`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Registration interval in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u32>,
    /// Number to dial for voice mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voicemail: Option<String>,
    /// What else is set for this line alone, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, Json>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

/// A draft travels to the box whole; only the box's answers leave passwords out.
fn expose<S: serde::Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
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

/// Longest name that people give, in characters.
const NAME: usize = 64;
/// Longest SIP user or password, in characters.
const CREDENTIAL: usize = 128;

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
    /// All of its lines. A line without a password keeps the one that the phone's line of that user has.
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
    /// Checks every field, and names all that are wrong at once.
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
            let (line, wrong) = line.check();
            errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("lines[{index}].{}", e.field), e.detail)));
            lines.extend(line);
        }
        let group = text(&mut errors, "group", self.group, NAME);
        let edit = SettingsEdit { set: self.settings, keys: Some(self.keys), ..SettingsEdit::default() };
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

impl LineDraft {
    /// The line, if every field is in order, and what is wrong otherwise.
    pub(crate) fn check(self) -> (Option<Line>, Vec<FieldError>) {
        let mut errors = Vec::new();
        let user = required(&mut errors, "user", self.user, CREDENTIAL);
        sip_name(&mut errors, "user", &user);
        let auth_user = text(&mut errors, "auth_user", self.auth_user, CREDENTIAL);
        if let Some(auth_user) = &auth_user {
            sip_name(&mut errors, "auth_user", auth_user);
        }
        check_password(&mut errors, &self.password);
        let display = text(&mut errors, "display", self.display, NAME).unwrap_or_default();
        let server = required(&mut errors, "server", self.server, 253);
        let server = if server.is_empty() { None } else { host(&mut errors, &server) };
        let port = match self.port.map(u16::try_from) {
            None => None,
            Some(Ok(port)) if port > 0 => Some(port),
            Some(_) => {
                errors.push(FieldError::new("port", "A port is a number from 1 to 65535."));
                None
            }
        };
        let transport = match self.transport.as_deref().map(|t| t.trim().to_ascii_lowercase()).as_deref() {
            None | Some("") => None,
            Some("udp") => Some(Transport::Udp),
            Some("tcp") => Some(Transport::Tcp),
            Some("tls") => Some(Transport::Tls),
            Some(_) => {
                errors.push(FieldError::new("transport", "Transport is udp, tcp or tls."));
                None
            }
        };
        let expires = self.expires;
        if expires.is_some_and(|expires| !(60..=86_400).contains(&expires)) {
            errors.push(FieldError::new("expires", "A registration lasts 60 to 86400 seconds."));
        }
        let voicemail = text(&mut errors, "voicemail", self.voicemail, 32);
        if voicemail.as_ref().is_some_and(|v| !v.chars().all(|c| c.is_ascii_alphanumeric() || "*#+-_.".contains(c))) {
            errors.push(FieldError::new("voicemail", "A number to dial: digits, letters, *, #, +, - and dots."));
        }
        let settings = line_settings(&mut errors, &self.settings);
        let line = match server {
            Some(server) if errors.is_empty() => Some(Line {
                user,
                auth_user,
                password: self.password,
                display,
                server,
                port,
                transport,
                expires,
                voicemail,
                settings,
            }),
            _ => None,
        };
        (line, errors)
    }
}

/// Settings of a line: those of its topic that have no field of their own.
fn line_settings(errors: &mut Vec<FieldError>, given: &BTreeMap<String, Json>) -> Settings {
    const FIELDS: [&str; 5] = ["line.server", "line.port", "line.transport", "line.expires", "line.voicemail"];
    let mut settings = Settings::NONE;
    for (key, value) in given {
        if !key.starts_with("line.") || FIELDS.contains(&key.as_str()) {
            errors.push(FieldError::new(key, "It is not set for a line in this way."));
        } else if let Err(misfit) = settings.set_json(key, value) {
            errors.push(FieldError::new(key, format!("It {misfit}.")));
        }
    }
    settings
}

/// An optional text: trimmed, nothing when empty.
fn text(errors: &mut Vec<FieldError>, field: &str, value: Option<String>, most: usize) -> Option<String> {
    let value = value?;
    let value = value.trim();
    if value.chars().count() > most {
        errors.push(FieldError::new(field, format!("Longer than {most} characters.")));
    } else if value.chars().any(unprintable) {
        errors.push(FieldError::new(field, "Holds a line break or another control character."));
    }
    (!value.is_empty()).then(|| value.to_owned())
}

fn required(errors: &mut Vec<FieldError>, field: &str, value: String, most: usize) -> String {
    text(errors, field, Some(value), most).unwrap_or_else(|| {
        errors.push(FieldError::new(field, "Missing."));
        String::new()
    })
}

/// What would break out of a line of text or of a SIP header, visibly or not.
fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The user part of a SIP address without the characters that delimit one (RFC 3261 section 25.1).
fn sip_name(errors: &mut Vec<FieldError>, field: &str, value: &str) {
    if let Some(bad) = value.chars().find(|c| c.is_whitespace() || "@:;,?<>\"\\/[]".contains(*c)) {
        errors.push(FieldError::new(
            field,
            format!("\"{bad}\" cannot stand in a SIP user name; give the part before the @."),
        ));
    }
}

fn check_password(errors: &mut Vec<FieldError>, password: &Secret) {
    let text = password.expose();
    if text.is_empty() {
        errors.push(FieldError::new("password", "Missing."));
    } else if text.chars().count() > CREDENTIAL {
        errors.push(FieldError::new("password", format!("Longer than {CREDENTIAL} characters.")));
    } else if text.chars().any(unprintable) {
        errors.push(FieldError::new("password", "Holds a line break or another control character."));
    }
}

/// A DNS name (RFC 1123 section 2.1, with `_` as some networks use it), an IPv4 address, or an IPv6 address with or without brackets.
fn host(errors: &mut Vec<FieldError>, value: &str) -> Option<String> {
    let bare = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')).unwrap_or(value);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    let name = value.strip_suffix('.').unwrap_or(value);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // A last label of digits only is an address that was mistyped, never a name.
    let numeric = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.len() <= 253 && !numeric && name.split('.').all(label) {
        return Some(name.to_ascii_lowercase());
    }
    let hint = if value.contains(':') { " Give the port in its own field." } else { "" };
    errors.push(FieldError::new("server", format!("\"{value}\" is neither a host name nor an IP address.{hint}")));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> LineDraft {
        LineDraft {
            user: "201".into(),
            password: Secret::new("s3cret"),
            server: "pbx.example.net".into(),
            ..LineDraft::default()
        }
    }

    fn wrong(change: impl FnOnce(&mut LineDraft)) -> Vec<String> {
        let mut draft = line();
        change(&mut draft);
        draft.check().1.into_iter().map(|e| e.field).collect()
    }

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
    fn refuses_what_would_break_a_file_or_a_header() {
        assert_eq!(wrong(|_| ()), Vec::<String>::new());
        assert_eq!(wrong(|l| l.user = "201\r\nlinekey.1.value=9".into()), ["user", "user"]);
        assert_eq!(wrong(|l| l.user = "201@pbx".into()), ["user"]);
        assert_eq!(wrong(|l| l.password = Secret::new("a\nb")), ["password"]);
        assert_eq!(wrong(|l| l.password = Secret::new("")), ["password"]);
        assert_eq!(wrong(|l| l.display = Some("Ann\u{2028}Lee".into())), ["display"]);
        assert_eq!(wrong(|l| l.port = Some(0)), ["port"]);
        assert_eq!(wrong(|l| l.port = Some(70_000)), ["port"]);
        assert_eq!(wrong(|l| l.transport = Some("sctp".into())), ["transport"]);
        assert_eq!(wrong(|l| l.expires = Some(5)), ["expires"]);
        assert_eq!(wrong(|l| l.voicemail = Some("<*97>".into())), ["voicemail"]);
    }

    #[test]
    fn hosts() {
        for good in
            ["pbx", "pbx.example.net", "10.0.0.1", "[2001:db8::1]", "2001:db8::1", "xn--bcher-kva.example", "sip_1.lan"]
        {
            assert_eq!(wrong(|l| l.server = good.into()), Vec::<String>::new(), "{good}");
        }
        for bad in [
            "",
            "-pbx",
            "pbx..net",
            "10.0.0.256",
            "pbx:5060",
            "http://pbx",
            "pbx/",
            "a b",
            &"a".repeat(64),
            "büro.example",
        ] {
            assert_eq!(wrong(|l| l.server = bad.into()), ["server"], "{bad}");
        }
    }

    #[test]
    fn counts_lines_and_refuses_fields_it_does_not_know() {
        let draft =
            PhoneDraft { mac: "805ec0123456".into(), lines: vec![line(); Line::MOST + 1], ..PhoneDraft::default() };
        assert_eq!(draft.check().unwrap_err()[0].field, "lines");
        assert!(serde_json::from_str::<PhoneDraft>(r#"{"mac":"805ec0123456","colour":"red"}"#).is_err());
    }

    #[test]
    fn never_prints_a_password() {
        assert!(!format!("{:?}", line()).contains("s3cret"));
    }
}
