use serde::{Deserialize, Serialize};

use super::{decode, encode, form};
use crate::model::{self, FirstContact, Id, Mac, Timestamp, Transport};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::{Bytes, Place};

/// A phone with its lines; passwords are sealed.
#[derive(Serialize, Deserialize)]
pub(in crate::store) struct Phone {
    v: u8,
    version: u64,
    origin: Id,
    mac: Mac,
    organisation: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login: Option<Login>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Login>,
    contact: FirstContact,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Login {
    user: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    password: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    display: String,
    server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voicemail: Option<String>,
}

impl Login {
    pub(super) fn seal(login: &model::Login, document: &str, field: &str, key: &Key) -> Result<Self, Error> {
        Ok(Self { user: login.user.clone(), password: key.seal(&login.password, document, field)? })
    }

    pub(super) fn open(self, document: &str, field: &str, key: &Key) -> Result<model::Login, Error> {
        Ok(model::Login { password: key.open(&self.password, document, field)?, user: self.user })
    }
}

impl Phone {
    /// The record of `phone` at `version`.
    pub(in crate::store) fn seal(phone: &model::Phone, version: u64, key: &Key) -> Result<Bytes, Error> {
        let place = Place::Phone(phone.id);
        let document = place.name();
        let login = |login: &Option<model::Login>, field| {
            login.as_ref().map(|login| Login::seal(login, &document, field, key)).transpose()
        };
        let line = |(index, line): (usize, &model::Line)| {
            Ok(Line {
                user: line.user.clone(),
                auth: line.auth_user.clone(),
                password: key.seal(&line.password, &document, &format!("line {index}"))?,
                display: line.display.clone(),
                server: line.server.clone(),
                port: line.port,
                transport: line.transport,
                expires: line.expires,
                voicemail: line.voicemail.clone(),
            })
        };
        let record = Self {
            v: form(),
            version,
            origin: phone.origin,
            mac: phone.mac,
            organisation: phone.organisation,
            brand: phone.brand.clone(),
            model: phone.model.clone(),
            name: phone.name.clone(),
            lines: phone.lines.iter().enumerate().map(line).collect::<Result<_, Error>>()?,
            login: login(&phone.login, "login")?,
            pending: login(&phone.pending_login, "pending login")?,
            contact: phone.first_contact,
            created: phone.created,
        };
        encode(&place, &record)
    }

    /// The phone in a record.
    pub(in crate::store) fn open(id: Id, bytes: &[u8], key: &Key) -> Result<model::Phone, Error> {
        let place = Place::Phone(id);
        let document = place.name();
        let record: Self = decode(&place, bytes)?;
        let line = |(index, line): (usize, Line)| {
            Ok(model::Line {
                password: key.open(&line.password, &document, &format!("line {index}"))?,
                user: line.user,
                auth_user: line.auth,
                display: line.display,
                server: line.server,
                port: line.port,
                transport: line.transport,
                expires: line.expires,
                voicemail: line.voicemail,
                settings: model::Settings::NONE,
            })
        };
        Ok(model::Phone {
            id,
            version: record.version,
            origin: record.origin,
            mac: record.mac,
            organisation: record.organisation,
            brand: record.brand,
            model: record.model,
            name: record.name,
            lines: record.lines.into_iter().enumerate().map(line).collect::<Result<_, Error>>()?,
            group: None,
            settings: model::Settings::NONE,
            handsets: Vec::new(),
            ports: Vec::new(),
            login: record.login.map(|login| login.open(&document, "login", key)).transpose()?,
            pending_login: record.pending.map(|login| login.open(&document, "pending login", key)).transpose()?,
            first_contact: record.contact,
            created: record.created,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
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
        phone.pending_login = Some(model::Login { user: "next".into(), password: Secret::new("pending-pass") });
        let bytes = Phone::seal(&phone, 9, &key).unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        for secret in samples::secrets(&phone) {
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
        assert!(phone.lines.is_empty() && phone.login.is_none());
    }
}
