use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::first_phone;
use super::sparse::{self, Sparse};
use super::vault::Vault;
use super::{decode, encode};
use crate::model::{self, AnaloguePort, FirstContact, Handset, Id, Mac, Settings, Timestamp, Transport};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// The form number of a phone; 1 sealed each password by itself.
const FORM: u8 = 2;

/// A phone with its lines. All of its secrets are sealed together.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Phone {
    v: u8,
    version: u64,
    origin: Id,
    mac: Mac,
    organisation: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Row>,
    #[serde(default, skip_serializing_if = "Sparse::is_empty")]
    set: Sparse,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    handsets: Vec<Handset>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ports: Vec<AnaloguePort>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<User>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<User>,
    contact: FirstContact,
    created: Timestamp,
    /// Passwords of lines, login, pending login; then what the settings hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secrets: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct User {
    user: String,
}

/// A line: most say no more than user, display name and server.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Row {
    Usual(String, String, String),
    Whole(Box<Line>),
}

#[derive(Serialize, Deserialize)]
struct Line {
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    display: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voicemail: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    set: BTreeMap<String, Json>,
}

/// What stands for the server of the line before: lines of one phone mostly share theirs. It is the name of no host.
const SAME: &str = "=";

#[derive(Deserialize)]
struct Form {
    v: u8,
}

impl Phone {
    /// The record of `phone` at `version`.
    pub(in crate::store) fn seal(phone: &model::Phone, version: u64, key: &Key) -> Result<Bytes, Error> {
        let place = Place::Phone(phone.id);
        let document = place.name();
        let mut vault = Vault::default();
        let mut before = None;
        let mut lines = Vec::with_capacity(phone.lines.len());
        for line in &phone.lines {
            vault.put(&line.password);
            lines.push(Row::of(line, before.replace(line.server.as_str())));
        }
        for login in phone.login.iter().chain(&phone.pending_login) {
            vault.put(&login.password);
        }
        let user = |login: &Option<model::Login>| login.as_ref().map(|login| User { user: login.user.clone() });
        let record = Self {
            v: FORM,
            version,
            origin: phone.origin,
            mac: phone.mac,
            organisation: phone.organisation,
            group: phone.group,
            brand: phone.brand.clone(),
            model: phone.model.clone(),
            name: phone.name.clone(),
            lines,
            set: Sparse::pack(&phone.settings, &mut vault),
            handsets: phone.handsets.clone(),
            ports: phone.ports.clone(),
            login: user(&phone.login),
            pending: user(&phone.pending_login),
            contact: phone.first_contact,
            created: phone.created,
            secrets: vault.seal(&document, key)?,
        };
        encode(&place, &record)
    }

    /// The phone in a record.
    pub(in crate::store) fn open(id: Id, bytes: &[u8], key: &Key) -> Result<model::Phone, Error> {
        let place = Place::Phone(id);
        if decode::<Form>(&place, bytes)?.v < FORM {
            return first_phone::Phone::open(id, bytes, key);
        }
        let document = place.name();
        let record: Self = decode(&place, bytes)?;
        let mut vault = Vault::open(record.secrets.as_deref(), &document, key)?;
        let mut lines: Vec<model::Line> = Vec::with_capacity(record.lines.len());
        for row in record.lines {
            let mut line = row.open(&document);
            line.password = vault.take(&document)?;
            if line.server == SAME {
                line.server = lines.last().map(|before| before.server.clone()).unwrap_or_default();
            }
            lines.push(line);
        }
        let mut login = |user: Option<User>| {
            user.map(|User { user }| Ok(model::Login { user, password: vault.take(&document)? })).transpose()
        };
        let (login, pending_login) = (login(record.login)?, login(record.pending)?);
        Ok(model::Phone {
            id,
            version: record.version,
            origin: record.origin,
            mac: record.mac,
            organisation: record.organisation,
            brand: record.brand,
            model: record.model,
            name: record.name,
            lines,
            group: record.group,
            settings: record.set.unpack(&mut vault, &document)?,
            handsets: record.handsets,
            ports: record.ports,
            login,
            pending_login,
            first_contact: record.contact,
            created: record.created,
        })
    }
}

impl Row {
    fn of(line: &model::Line, before: Option<&str>) -> Self {
        let same = before == Some(line.server.as_str()) && !line.server.is_empty();
        let server = if same { SAME.to_owned() } else { line.server.clone() };
        let more = line.auth_user.is_some() || line.port.is_some() || line.transport.is_some();
        if more || line.expires.is_some() || line.voicemail.is_some() || !line.settings.is_empty() {
            return Self::Whole(Box::new(Line {
                user: line.user.clone(),
                auth: line.auth_user.clone(),
                display: line.display.clone(),
                server,
                port: line.port,
                transport: line.transport,
                expires: line.expires,
                voicemail: line.voicemail.clone(),
                set: line.settings.to_json(),
            }));
        }
        Self::Usual(line.user.clone(), line.display.clone(), server)
    }

    /// The line, its password still missing.
    fn open(self, document: &str) -> model::Line {
        let usual = |user, display, server| model::Line {
            user,
            auth_user: None,
            password: model::Secret::default(),
            display,
            server,
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Settings::NONE,
        };
        match self {
            Self::Usual(user, display, server) => usual(user, display, server),
            Self::Whole(line) => model::Line {
                auth_user: line.auth,
                port: line.port,
                transport: line.transport,
                expires: line.expires,
                voicemail: line.voicemail,
                settings: sparse::of_line(line.set, document),
                ..usual(line.user, line.display, line.server)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::model::settings::{Key as PhoneKey, KeyKind, Override};
    use crate::store::samples;

    #[test]
    fn comes_back_whole_with_nothing_in_the_clear() {
        let key = Key::new(&[7; 32]);
        let mut phone = samples::phone(1, 12);
        phone.lines[3].port = Some(5062);
        phone.lines[4].transport = Some(Transport::Tls);
        phone.lines[5].expires = Some(60);
        phone.lines[6].auth_user = Some("auth".into());
        phone.lines[7].password = Secret::default();
        phone.lines[8].server = "other.example.com".into();
        phone.lines[9].server = String::new();
        phone.lines[10].server = String::new();
        phone.lines[11].settings = Settings::NONE.with("line.srtp", "required").unwrap();
        phone.pending_login = Some(model::Login { user: "next".into(), password: Secret::new("pending-pass") });
        phone.group = Some(samples::group(1).id);
        phone.settings = Settings::NONE.with("access.admin_password", "admin-secret").unwrap();
        phone.settings.set_text("ldap.password", "ldap-secret").unwrap();
        phone.settings.set_text("regional.language", "de").unwrap();
        let button = |module, position, line| PhoneKey {
            module,
            position,
            kind: KeyKind::Blf,
            value: "201".into(),
            label: "Hall".into(),
            line,
            extension: "".into(),
        };
        phone.settings.keys = vec![button(0, 1, None), button(1, 2, Some(2))];
        phone.settings.overrides =
            vec![Override { brand: "toy".into(), name: "a.b".into(), value: "raw-secret".into() }];
        phone.handsets = vec![Handset { number: 1, ipei: None, name: "Hall".into(), lines: vec![1] }];
        phone.ports = vec![AnaloguePort { number: 1, line: Some(1), caller_id: None, fax: None }];
        let bytes = Phone::seal(&phone, 9, &key).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        for secret in samples::secrets(&phone).into_iter().chain(["admin-secret", "ldap-secret", "raw-secret"]) {
            assert!(secret.is_empty() || !text.contains(secret), "{secret} stands in {text}");
        }
        phone.version = 9;
        assert_eq!(Phone::open(phone.id, &bytes, &key).unwrap(), phone);
        assert!(Phone::open(samples::phone(2, 0).id, &bytes, &key).is_err(), "another phone's record");
    }

    #[test]
    fn reads_the_first_form_as_it_was_written() {
        let record = br#"{"v":1,"version":3,"origin":"00000000000000000000000000000001","mac":"80:5e:c0:12:34:56",
            "organisation":"00000000000000000000000000000002","name":"Reception","contact":{"state":"waiting"},
            "created":1700000000000}"#;
        let id = Id::from_bytes([9; 16]);
        let phone = Phone::open(id, record, &Key::new(&[7; 32])).unwrap();
        assert_eq!((phone.id, phone.version, phone.name.as_str()), (id, 3, "Reception"));
        assert_eq!(phone.first_contact, FirstContact::Waiting);
        assert!(phone.lines.is_empty() && phone.login.is_none() && phone.settings.is_empty());
    }

    /// Passwords of the first form were sealed one by one.
    #[test]
    fn opens_the_secrets_of_the_first_form() {
        let key = Key::new(&[7; 32]);
        let id = Id::from_bytes([9; 16]);
        let document = Place::Phone(id).name();
        let sealed = |text: &str, field: &str| key.seal(&Secret::new(text), &document, field).unwrap();
        let record = format!(
            r#"{{"v":1,"version":3,"origin":"{id}","mac":"80:5e:c0:12:34:56","organisation":"{id}","name":"R",
            "lines":[{{"user":"201","password":"{}","server":"pbx.example.com","transport":"tls"}},
            {{"user":"202","password":"{}","display":"Two","server":"pbx.example.com","expires":60}}],
            "login":{{"user":"p1","password":"{}"}},"contact":{{"state":"waiting"}},"created":1700000000000}}"#,
            sealed("first", "line 0"),
            sealed("second", "line 1"),
            sealed("login-pass", "login"),
        );
        let phone = Phone::open(id, record.as_bytes(), &key).unwrap();
        let passwords: Vec<&str> = phone.lines.iter().map(|line| line.password.expose()).collect();
        assert_eq!(passwords, ["first", "second"]);
        assert_eq!((phone.lines[0].transport, phone.lines[1].expires), (Some(Transport::Tls), Some(60)));
        assert_eq!(phone.login.as_ref().unwrap().password.expose(), "login-pass");
        // And stands in the newest form after the next change.
        let bytes = Phone::seal(&phone, 4, &key).unwrap();
        assert_eq!(Phone::open(id, &bytes, &key).unwrap(), model::Phone { version: 4, ..phone });
    }

    #[test]
    fn a_phone_of_twelve_lines_and_keys_is_small() {
        let mut phone = samples::phone(1, 12);
        for line in &mut phone.lines {
            line.transport = None;
        }
        phone.settings.keys = (1..=12)
            .map(|position| PhoneKey {
                module: 0,
                position,
                kind: KeyKind::Blf,
                value: format!("{}", 200 + position).into(),
                label: format!("Colleague {position}").into(),
                line: None,
                extension: "".into(),
            })
            .collect();
        let bytes = Phone::seal(&phone, 1, &Key::new(&[7; 32])).unwrap();
        assert!(bytes.len() < 2000, "{} bytes", bytes.len());
    }

    #[test]
    fn what_this_program_does_not_know_is_left_out() {
        let record = br#"{"v":2,"version":3,"origin":"00000000000000000000000000000001","mac":"80:5e:c0:12:34:56",
            "organisation":"00000000000000000000000000000002","name":"R","contact":{"state":"waiting"},
            "lines":[],"set":{"values":{"regional.tongue":"de","regional.language":"de"}},"created":1}"#;
        let phone = Phone::open(Id::from_bytes([9; 16]), record, &Key::new(&[7; 32])).unwrap();
        assert_eq!(phone.settings, Settings::NONE.with("regional.language", "de").unwrap());
    }
}
