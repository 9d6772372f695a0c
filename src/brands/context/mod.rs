//! What a template sees: everything resolved, each text with a name for the case that it is refused.
//!
//! A value that the content does not allow is not there at all, so that no template can leak it.

mod book;
mod field;
mod key;
mod line;
mod maps;
mod overrides;
mod reference;
mod topic;
mod zone;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use minijinja::Value;

pub(super) use self::field::{Field, Written};
use self::field::{field, name};
use self::key::Board;
pub(super) use self::maps::Maps;
pub(super) use self::overrides::Overrides;
pub use self::reference::{Reference, chapters, reference};
use self::topic::Topic;
use super::brand::Brand;
use super::error::Error;
use super::file_rule::{FileKind, FileRule};
use super::sheet::{Content, Sheet};
use crate::model::settings::{self, Resolved, TOPICS, Zone};
use crate::model::{AnaloguePort, Handset, Login, Mac, Phone};

/// The names that a template may use, besides those of the topics.
const NAMES: [&str; 34] = [
    "accounts",
    "asked",
    "book",
    "books",
    "ca_base64",
    "ca_pem",
    "ca_url",
    "firmware_url",
    "full",
    "handsets",
    "key_slots",
    "keys",
    "lines",
    "login",
    "maps",
    "model",
    "modules",
    "organisation",
    "overrides",
    "phone",
    "plain_url",
    "poll_at",
    "poll_minutes",
    "ports",
    "provisioning_url",
    "revision",
    "second_time_server",
    "slots",
    "time_server",
    "time_zone",
    "told",
    // Not values but what works on them.
    "setting",
    "write_overrides",
    "range",
];

/// Stands for the revision of a file until all the rest of it is written; no value can hold it.
pub(super) const REVISION: &str = "\u{1}revision\u{1}";

/// What the loops of a template call their things: a part that stands inside a loop may use these.
const LOOP_NAMES: [&str; 12] =
    ["account", "contact", "handset", "key", "line", "module", "number", "place", "prefix", "port", "slot", "loop"];

/// Whether a template may use this name; `part` for one that stands inside others.
pub(super) fn is_name(name: &str, part: bool) -> bool {
    names().any(|known| known == name) || part && LOOP_NAMES.contains(&name)
}

/// Whether what stands behind the dot could be there: settings of a topic are known, other things are found out when
/// a template runs.
pub(super) fn has(topic: &str, rest: &str) -> bool {
    let name = rest.split('.').next().unwrap_or_default();
    let known = TOPICS.iter().find(|known| known.name == topic && known.name != topic::LINE);
    known.is_none_or(|known| known.settings.iter().any(|definition| definition.name() == name))
}

/// The names that a template may use.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().chain(TOPICS.iter().map(|topic| topic.name).filter(|name| *name != topic::LINE))
}

/// Minutes between two looks for a new configuration, until the phone was seen over HTTPS.
const POLL_AT_FIRST: u32 = 1;

/// Minutes between two looks from then on, where nothing is set: a day, give or take an hour, so that phones which a
/// power cut started together do not stay together.
const POLL_DAILY: u32 = 1440;

/// Minutes that looks are apart by, where nothing is set: twice what one phone differs from the usual.
const SPREAD: u32 = 120;

/// What a template sees.
pub(super) fn build(brand: &Brand, rule: &FileRule, sheet: &Sheet<'_>) -> Result<Value, Error> {
    let content = match rule.kind {
        FileKind::Withheld | FileKind::Resource | FileKind::Firmware | FileKind::Redirect => {
            return Err(Error::Withheld);
        }
        FileKind::Common => Content::Pointer,
        FileKind::Own | FileKind::Upload if rule.secret => sheet.content,
        FileKind::Own | FileKind::Upload | FileKind::Book => sheet.content.min(Content::Settings),
    };
    let phone = match (rule.kind, sheet.phone) {
        (FileKind::Common, _) => None,
        (FileKind::Own | FileKind::Upload, None) => return Err(Error::Missing("the phone")),
        (_, phone) => phone,
    };
    if rule.kind == FileKind::Book && sheet.book.is_none() {
        return Err(Error::Missing("the phone book"));
    }
    let login = match (content.is_secret(), sheet.login) {
        (true, None) => return Err(Error::Missing("the phone's own login")),
        (true, login) => login,
        (false, _) => None,
    };
    let full = phone.filter(|_| content == Content::Full);
    let told = phone.filter(|_| matches!(content, Content::Settings | Content::Full));
    let secrets = full.is_some();
    let model = brand.model(phone.and_then(|phone| phone.model.as_deref()));
    let mut values: BTreeMap<&'static str, Value> = Topic::all(told.map(|_| sheet.settings), secrets).collect();
    values.extend(everybodys(sheet));
    values.extend([
        ("accounts", Value::from(if phone.is_some() { model.accounts } else { 0 })),
        ("full", Value::from(full.is_some())),
        ("told", Value::from(told.is_some())),
        ("asked", sheet.asked.map_or_else(none, book::asked)),
        ("book", sheet.book.filter(|_| rule.kind == FileKind::Book).map_or_else(none, |page| book::book(&page))),
        ("login", login.map_or_else(none, login_value)),
        ("maps", Value::from_object(brand.maps.clone())),
        (
            "model",
            map([
                ("keys", Value::from(model.keys)),
                ("modules", Value::from(model.modules)),
                ("module_keys", Value::from(model.module_keys)),
                ("handsets", Value::from(model.handsets)),
                ("ports", Value::from(model.ports)),
                ("traits", model.traits.iter().map(|word| Value::from(word.as_str())).collect()),
            ]),
        ),
        ("phone", phone.map_or_else(none, phone_value)),
        (
            "organisation",
            sheet
                .organisation
                .filter(|_| told.is_some())
                .map_or_else(none, |organisation| map([("name", name("the organisation's name", &organisation.name))])),
        ),
    ]);
    values.extend(match told {
        Some(phone) => whole(brand, sheet, phone, secrets),
        None => nothing(sheet),
    });
    Ok(Value::from(values))
}

/// What any phone may know.
fn everybodys(sheet: &Sheet<'_>) -> [(&'static str, Value); 7] {
    let base64 = BASE64.encode(sheet.ca_der);
    let given = |text: String| if sheet.ca_der.is_empty() { none() } else { Written::value(text) };
    let pem = || {
        let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", lines.join("\n"))
    };
    [
        ("ca_pem", given(pem())),
        ("ca_base64", given(base64.clone())),
        ("ca_url", field("the URL of the CA", sheet.ca_url)),
        ("plain_url", field("the provisioning URL without TLS", sheet.plain_url)),
        ("provisioning_url", field("the provisioning URL", sheet.provisioning_url)),
        ("revision", Written::value(REVISION)),
        ("firmware_url", sheet.firmware_url.map_or_else(none, |url| field("the URL of the firmware", url))),
    ]
}

/// What only a file with settings holds.
fn whole(brand: &Brand, sheet: &Sheet<'_>, phone: &Phone, secrets: bool) -> Vec<(&'static str, Value)> {
    let settings = sheet.settings;
    let model = brand.model(phone.model.as_deref());
    let lines = line::lines(phone, settings, secrets);
    let boards = Board::all(settings, &lines, brand.maps.get("key_type"));
    let (keys, key_slots) = boards.first().map_or_else(empty_pair, |board| (board.keys(), board.slots(model.keys)));
    let books = sheet.books.iter().enumerate().map(|(at, book)| {
        map([
            ("position", Value::from(at + 1)),
            ("number", Value::from(book.number)),
            ("name", name(format!("the name of phone book {}", at + 1), book.name)),
        ])
    });
    let host = |key| settings.get(key).and_then(settings::Value::as_text).map(Value::from);
    let zone = settings.get("regional.time_zone").and_then(settings::Value::as_text).and_then(Zone::named);
    vec![
        ("books", books.collect()),
        ("handsets", phone.handsets.iter().map(|handset| handset_value(handset, &lines)).collect()),
        ("keys", keys),
        ("key_slots", key_slots),
        ("modules", boards.iter().skip(1).map(|board| board.module(model.module_keys)).collect()),
        ("overrides", Overrides::value(settings.overrides(&brand.id).map(|(entry, _)| entry).filter(|_| secrets))),
        ("poll_minutes", Value::from(if secrets { poll_minutes(phone.mac, settings) } else { POLL_AT_FIRST })),
        ("poll_at", poll_at(phone.mac, settings)),
        ("ports", phone.ports.iter().map(|port| port_value(port, settings, &lines)).collect()),
        ("slots", line::slots(&lines, model.accounts)),
        ("time_server", host("clock.server").unwrap_or_else(|| Value::from(sheet.time_server.to_string()))),
        (
            "second_time_server",
            host("clock.second_server").unwrap_or_else(|| Value::from(sheet.time_server.to_string())),
        ),
        ("time_zone", zone.map_or_else(none, zone::zone)),
        ("lines", Value::from(lines)),
    ]
}

/// The same names where the file does not hold everything.
fn nothing(sheet: &Sheet<'_>) -> Vec<(&'static str, Value)> {
    let time_server = || Value::from(sheet.time_server.to_string());
    let lists = ["books", "handsets", "keys", "key_slots", "lines", "modules", "ports", "slots"];
    let mut values = vec![
        ("overrides", Overrides::value([])),
        ("poll_minutes", Value::from(POLL_AT_FIRST)),
        ("poll_at", none()),
        ("time_server", time_server()),
        ("second_time_server", time_server()),
        ("time_zone", none()),
    ];
    values.extend(lists.map(|name| (name, empty())));
    values
}

/// A number that is always the same for the same MAC (FNV-1a over its octets).
fn own_number(mac: Mac) -> u32 {
    mac.octets().iter().fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}

/// Minutes between two looks for a new configuration: what is set, or a day, and the phone's own part of the spread.
fn poll_minutes(mac: Mac, settings: &Resolved<'_>) -> u32 {
    let number = |key| settings.get(key).and_then(settings::Value::as_number);
    let usual = number("provisioning.interval").unwrap_or(POLL_DAILY);
    let spread = number("provisioning.spread").unwrap_or(SPREAD).min(usual);
    (usual - spread / 2 + own_number(mac) % spread.max(1)).max(1)
}

/// The time of day of the look, the phone's own part of the spread added.
fn poll_at(mac: Mac, settings: &Resolved<'_>) -> Value {
    let at = settings.get("provisioning.at").and_then(settings::Value::as_text);
    let Some((hour, minute)) = at.and_then(|at| at.split_once(':')) else { return none() };
    let (Ok(hour), Ok(minute)) = (hour.parse::<u32>(), minute.parse::<u32>()) else { return none() };
    let spread = settings.get("provisioning.spread").and_then(settings::Value::as_number).unwrap_or(SPREAD);
    let minutes = (hour * 60 + minute + own_number(mac) % spread.max(1)) % 1440;
    map([
        ("hour", Value::from(minutes / 60)),
        ("minute", Value::from(minutes % 60)),
        ("time", Value::from(format!("{:02}:{:02}", minutes / 60, minutes % 60))),
    ])
}

fn phone_value(phone: &Phone) -> Value {
    let plain = phone.mac.plain();
    map([
        ("mac", Value::from(plain.as_str())),
        ("mac_upper", Value::from(plain.to_ascii_uppercase())),
        ("mac_colons", Value::from(phone.mac.to_string())),
        ("name", name("the phone's name", &phone.name)),
        ("model", phone.model.as_deref().map_or_else(none, |model| field("the phone's model", model))),
    ])
}

fn login_value(login: &Login) -> Value {
    map([
        ("user", field("the user name of the phone's own login", &login.user)),
        ("password", field("the password of the phone's own login", login.password.expose())),
    ])
}

fn handset_value(handset: &Handset, lines: &[Value]) -> Value {
    let of = |what: &str| format!("the {what} of handset {}", handset.number);
    let account = handset.lines.first().and_then(|line| lines.get(usize::from(*line).checked_sub(1)?));
    map([
        ("number", Value::from(handset.number)),
        ("ipei", handset.ipei.as_deref().map_or_else(none, Value::from)),
        ("name", name(of("name"), &handset.name)),
        ("lines", handset.lines.iter().map(|line| Value::from(*line)).collect()),
        ("account", account.cloned().unwrap_or_else(none)),
    ])
}

fn port_value(port: &AnaloguePort, settings: &Resolved<'_>, lines: &[Value]) -> Value {
    let usual = |key| settings.get(key).and_then(settings::Value::as_text).map_or_else(none, Value::from);
    let account = port.line.and_then(|line| lines.get(usize::from(line).checked_sub(1)?));
    map([
        ("number", Value::from(port.number)),
        ("line", port.line.map_or_else(none, Value::from)),
        ("account", account.cloned().unwrap_or_else(none)),
        ("caller_id", port.caller_id.map_or_else(|| usual("analogue.caller_id"), |id| Value::from(id.word()))),
        ("fax", port.fax.map_or_else(|| usual("analogue.fax"), |fax| Value::from(fax.word()))),
    ])
}

fn map<const N: usize>(entries: [(&'static str, Value); N]) -> Value {
    Value::from(BTreeMap::from(entries))
}

fn none() -> Value {
    Value::from(())
}

fn empty() -> Value {
    Value::from(Vec::<Value>::new())
}

fn empty_pair() -> (Value, Value) {
    (empty(), empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Settings;
    use crate::model::settings::Level;

    #[test]
    fn the_daily_look_is_a_day_give_or_take_an_hour_and_spread() {
        let mut seen = std::collections::BTreeSet::new();
        for last in 0..=255 {
            let minutes = poll_minutes(Mac::new([0x80, 0x5e, 0xc0, 1, 2, last]), Resolved::nothing());
            assert!((1380..1500).contains(&minutes), "{minutes}");
            seen.insert(minutes);
        }
        assert!(seen.len() > 60, "256 phones share only {} minutes", seen.len());
    }

    #[test]
    fn a_set_interval_is_kept_with_its_spread() {
        let settings = Settings::NONE.with("provisioning.interval", "30").unwrap();
        let all = settings.clone().with("provisioning.spread", "0").unwrap();
        let mac = |last| Mac::new([1, 2, 3, 4, 5, last]);
        for last in 0..=255 {
            let levels = |settings| Resolved::of([(Level::Organisation, settings)]);
            assert_eq!(poll_minutes(mac(last), &levels(&all)), 30);
            assert!((15..45).contains(&poll_minutes(mac(last), &levels(&settings))));
        }
    }
}
