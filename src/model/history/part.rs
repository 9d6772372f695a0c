use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Altered, Irreversible};
use crate::model::settings::{Key, Override, Value};
use crate::model::{Id, Line, Phone, Secret, Settings, Transport};

/// A part of a phone's entry that changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The device: its address on the network.
    Device,
    /// What people call it.
    Name,
    /// The organisation it belongs to.
    Organisation,
    /// The group that it was put into.
    Group,
    /// Folder name of its brand.
    Brand,
    /// Its model.
    Model,
    /// A line, by its place from 1.
    Line(usize),
    /// A cordless handset, by its place in the list from 1.
    Handset(usize),
    /// An analogue port, by its place in the list from 1.
    Port(usize),
    /// A setting of this name.
    Setting(Box<str>),
    /// A key, by module and position.
    Key(u8, u16),
    /// A raw setting: brand and name.
    Raw(Box<str>, Box<str>),
}

impl Part {
    /// What a part takes besides its values, in bytes: more than that is, mostly.
    pub(super) const ROOM: usize = 48;
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device => f.write_str("device"),
            Self::Name => f.write_str("name"),
            Self::Organisation => f.write_str("organisation"),
            Self::Group => f.write_str("group"),
            Self::Brand => f.write_str("brand"),
            Self::Model => f.write_str("model"),
            Self::Line(place) => write!(f, "line {place}"),
            Self::Handset(place) => write!(f, "handset {place}"),
            Self::Port(place) => write!(f, "port {place}"),
            Self::Setting(name) => f.write_str(name),
            Self::Key(0, position) => write!(f, "key {position}"),
            Self::Key(module, position) => write!(f, "key {position} of module {module}"),
            Self::Raw(brand, name) => write!(f, "raw setting {name} ({brand})"),
        }
    }
}

/// A line as JSON has it, its password with it.
#[derive(Serialize, Deserialize)]
struct Row {
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_user: Option<String>,
    password: String,
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
    settings: BTreeMap<String, Json>,
}

impl Row {
    fn of(line: &Line) -> Self {
        Self {
            user: line.user.clone(),
            auth_user: line.auth_user.clone(),
            password: line.password.expose().to_owned(),
            display: line.display.clone(),
            server: line.server.clone(),
            port: line.port,
            transport: line.transport,
            expires: line.expires,
            voicemail: line.voicemail.clone(),
            settings: line.settings.to_json(),
        }
    }

    fn line(self) -> Option<Line> {
        let mut settings = Settings::NONE;
        for (key, value) in &self.settings {
            settings.set_json(key, value).ok()?;
        }
        Some(Line {
            user: self.user,
            auth_user: self.auth_user,
            password: Secret::new(self.password),
            display: self.display,
            server: self.server,
            port: self.port,
            transport: self.transport,
            expires: self.expires,
            voicemail: self.voicemail,
            settings,
        })
    }
}

/// A value as JSON. What an entry holds has such a form: names of fields are text.
fn json(value: &impl Serialize) -> Secret {
    Secret::new(serde_json::to_string(value).unwrap_or_default())
}

fn read<T: DeserializeOwned>(value: &Secret) -> Option<T> {
    serde_json::from_str(value.expose()).ok()
}

/// All parts of a phone's entry, as JSON.
pub(super) fn parts(phone: &Phone) -> BTreeMap<Part, Secret> {
    let mut parts = BTreeMap::from([
        (Part::Device, json(&phone.mac)),
        (Part::Name, json(&phone.name)),
        (Part::Organisation, json(&phone.organisation)),
    ]);
    parts.extend(phone.group.iter().map(|group| (Part::Group, json(group))));
    parts.extend(phone.brand.iter().map(|brand| (Part::Brand, json(brand))));
    parts.extend(phone.model.iter().map(|model| (Part::Model, json(model))));
    parts.extend((1..).zip(&phone.lines).map(|(at, line)| (Part::Line(at), json(&Row::of(line)))));
    parts.extend((1..).zip(&phone.handsets).map(|(at, handset)| (Part::Handset(at), json(handset))));
    parts.extend((1..).zip(&phone.ports).map(|(at, port)| (Part::Port(at), json(port))));
    parts.extend(phone.settings.iter().map(|(name, value)| {
        let value = match value {
            Value::Secret(secret) => json(&secret.expose()),
            other => json(&other.to_json()),
        };
        (Part::Setting(name.into()), value)
    }));
    parts.extend(phone.settings.keys.iter().map(|key| (Part::Key(key.module, key.position), json(key))));
    let raw = phone.settings.overrides.iter();
    parts.extend(raw.map(|raw| (Part::Raw(raw.brand.clone(), raw.name.clone()), json(&raw.value))));
    parts
}

/// The phone with all that is altered as it was before, or why that cannot be. Lists of handsets and of ports close up
/// where a place of theirs is left empty.
pub(super) fn put(phone: &Phone, altered: &[Altered]) -> Result<Phone, Irreversible> {
    let mut phone = phone.clone();
    let mut lines: BTreeMap<usize, Line> = (1..).zip(std::mem::take(&mut phone.lines)).collect();
    let mut handsets: BTreeMap<usize, _> = (1..).zip(std::mem::take(&mut phone.handsets)).collect();
    let mut ports: BTreeMap<usize, _> = (1..).zip(std::mem::take(&mut phone.ports)).collect();
    for Altered { part, before, .. } in altered {
        let before = before.as_ref();
        let done = match part {
            Part::Device => None,
            Part::Name => before.and_then(read).map(|name: String| phone.name = name),
            Part::Organisation => before.and_then(read).map(|id: Id| phone.organisation = id),
            Part::Group => maybe(before).map(|group| phone.group = group),
            Part::Brand => maybe(before).map(|brand| phone.brand = brand),
            Part::Model => maybe(before).map(|model| phone.model = model),
            Part::Line(at) => {
                let line = maybe::<Row>(before).and_then(|row| row.map_or(Some(None), |row| row.line().map(Some)));
                line.map(|line| set(&mut lines, *at, line))
            }
            Part::Handset(at) => maybe(before).map(|handset| set(&mut handsets, *at, handset)),
            Part::Port(at) => maybe(before).map(|port| set(&mut ports, *at, port)),
            Part::Setting(name) => setting(&mut phone.settings, name, before),
            Part::Key(module, position) => maybe::<Key>(before).map(|key| {
                phone.settings.keys.retain(|known| known.place() != (*module, *position));
                phone.settings.keys.extend(key);
            }),
            Part::Raw(brand, name) => maybe(before).map(|value| {
                let raw = value.map(|value| Override { brand: brand.clone(), name: name.clone(), value });
                let known = phone.settings.overrides.iter_mut().find(|raw| (&raw.brand, &raw.name) == (brand, name));
                match (known, raw) {
                    (Some(known), Some(raw)) => *known = raw,
                    (None, raw) => phone.settings.overrides.extend(raw),
                    (Some(_), None) => {
                        phone.settings.overrides.retain(|raw| (&raw.brand, &raw.name) != (brand, name));
                    }
                }
            }),
        };
        done.ok_or_else(|| Irreversible::Unreadable(part.clone()))?;
    }
    if !lines.keys().copied().eq(1..=lines.len()) {
        // Keys, handsets and ports name lines by their places: none may move up.
        let last = lines.keys().next_back().copied().unwrap_or_default();
        let beyond = (1..=last).skip_while(|at| lines.contains_key(at)).map(Part::Line);
        let others = beyond.filter(|part| altered.iter().all(|altered| altered.part != *part));
        return Err(Irreversible::ChangedSince(others.collect()));
    }
    phone.lines = lines.into_values().collect();
    phone.handsets = handsets.into_values().collect();
    phone.ports = ports.into_values().collect();
    phone.settings.keys.sort_by_key(Key::place);
    Ok(phone)
}

/// What is there, read; nothing at all where it cannot be.
fn maybe<T: DeserializeOwned>(value: Option<&Secret>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn set<T>(list: &mut BTreeMap<usize, T>, at: usize, value: Option<T>) {
    match value {
        Some(value) => drop(list.insert(at, value)),
        None => drop(list.remove(&at)),
    }
}

fn setting(settings: &mut Settings, name: &str, value: Option<&Secret>) -> Option<()> {
    let Some(value) = value else {
        settings.unset(name);
        return Some(());
    };
    if crate::model::settings::definition(name)?.kind.is_secret() {
        return settings.set_secret(name, Secret::new(read::<String>(value)?)).ok();
    }
    settings.set_json(name, &read(value)?).ok()
}
