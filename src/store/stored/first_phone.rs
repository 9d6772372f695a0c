use serde::Deserialize;

use super::decode;
use crate::model::{self, FirstContact, Id, Mac, Timestamp, Transport};
use crate::store::Error;
use crate::store::key::Key;
use crate::store::record::Place;

/// A phone as it was first stored: each password sealed by itself.
#[derive(Deserialize)]
pub(super) struct Phone {
    version: u64,
    origin: Id,
    mac: Mac,
    organisation: Id,
    #[serde(default)]
    brand: Option<String>,
    #[serde(default)]
    model: Option<String>,
    name: String,
    #[serde(default)]
    lines: Vec<Line>,
    #[serde(default)]
    login: Option<Login>,
    #[serde(default)]
    pending: Option<Login>,
    contact: FirstContact,
    created: Timestamp,
}

#[derive(Deserialize)]
struct Login {
    user: String,
    password: String,
}

#[derive(Deserialize)]
struct Line {
    user: String,
    #[serde(default)]
    auth: Option<String>,
    password: String,
    #[serde(default)]
    display: String,
    server: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    transport: Option<Transport>,
    #[serde(default)]
    expires: Option<u32>,
    #[serde(default)]
    voicemail: Option<String>,
}

impl Login {
    fn open(self, document: &str, field: &str, key: &Key) -> Result<model::Login, Error> {
        Ok(model::Login { password: key.open(&self.password, document, field)?, user: self.user })
    }
}

impl Phone {
    /// The phone in a record.
    pub(super) fn open(id: Id, bytes: &[u8], key: &Key) -> Result<model::Phone, Error> {
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
