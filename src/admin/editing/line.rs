//! What somebody asks for as a line of a phone: as written, and as checked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use super::text::{NAME, required, text, unprintable};
use crate::admin::problem::FieldError;
use crate::model::{Line, Secret, Settings, Transport};

/// Longest SIP user or password, in characters.
const CREDENTIAL: usize = 128;

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

impl LineDraft {
    /// The line, if every field is in order, and what is wrong otherwise.
    pub(crate) fn check(self) -> (Option<Line>, Vec<FieldError>) {
        self.check_where(false)
    }

    /// As [`LineDraft::check`], where a line without a server may inherit one.
    pub(in crate::admin) fn check_where(self, inherits: bool) -> (Option<Line>, Vec<FieldError>) {
        let mut errors = Vec::new();
        let user = required(&mut errors, "user", self.user, CREDENTIAL);
        sip_name(&mut errors, "user", &user);
        let auth_user = text(&mut errors, "auth_user", self.auth_user, CREDENTIAL);
        if let Some(auth_user) = &auth_user {
            sip_name(&mut errors, "auth_user", auth_user);
        }
        check_password(&mut errors, &self.password);
        let display = text(&mut errors, "display", self.display, NAME).unwrap_or_default();
        let server = if inherits && self.server.trim().is_empty() {
            Some(String::new())
        } else {
            let server = required(&mut errors, "server", self.server, 253);
            if server.is_empty() { None } else { host(&mut errors, &server) }
        };
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

    /// User and server, as the line has them once it is checked.
    pub(in crate::admin) fn account(&self) -> (String, String) {
        (self.user.trim().to_owned(), host(&mut Vec::new(), self.server.trim()).unwrap_or_default())
    }
}

/// Gives lines that come without a password the one that is known: that of the same user and server, or of the same
/// user where only one line is theirs, both before and now.
pub(in crate::admin) fn keep_passwords(drafts: &mut [LineDraft], known: &[Line]) {
    let users: Vec<String> = drafts.iter().map(|draft| draft.account().0).collect();
    for draft in drafts.iter_mut().filter(|draft| draft.password.is_empty()) {
        let (user, server) = draft.account();
        let theirs: Vec<&Line> = known.iter().filter(|line| line.user == user).collect();
        let kept = match theirs.as_slice() {
            [only] if users.iter().filter(|other| **other == user).count() == 1 => Some(only),
            several => several.iter().find(|line| line.server == server),
        };
        if let Some(kept) = kept {
            draft.password = kept.password.clone();
        }
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

/// A DNS name (RFC 1123 section 2.1, with `_` as some networks use it), an IPv4 address, or an IPv6 address with or
/// without brackets.
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
pub(super) mod tests {
    use super::*;

    pub(in crate::admin::editing) fn line() -> LineDraft {
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
    fn a_password_is_kept_by_user_and_server() {
        let known = |server: &str, password: &str| {
            let draft = LineDraft { server: server.into(), password: Secret::new(password), ..line() };
            draft.check().0.unwrap()
        };
        let kept = |servers: &[&str], known: &[Line]| {
            let draft = |server: &&str| LineDraft { server: (*server).into(), password: Secret::default(), ..line() };
            let mut drafts: Vec<LineDraft> = servers.iter().map(draft).collect();
            keep_passwords(&mut drafts, known);
            drafts.iter().map(|draft| draft.password.expose().to_owned()).collect::<Vec<_>>()
        };
        let both = [known("pbx1", "one"), known("pbx2", "two")];
        assert_eq!(kept(&["PBX2.", "pbx1"], &both), ["two", "one"]);
        assert_eq!(kept(&["pbx3"], &both), [""], "nobody knows which");
        assert_eq!(kept(&["pbx3"], &both[..1]), ["one"], "the line moves to another server");
        assert_eq!(kept(&["pbx1", "pbx3"], &both[..1]), ["one", ""], "that is the password of another server");
    }

    #[test]
    fn never_prints_a_password() {
        assert!(!format!("{:?}", line()).contains("s3cret"));
    }
}
