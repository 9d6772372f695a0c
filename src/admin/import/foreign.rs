//! Lists as other systems write them, in words that this one knows.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::admin::editing::{LineDraft, PhoneDraft};
use crate::model::Secret;
use crate::model::settings::{Key, KeyKind};

/// Which system wrote a table, by its headings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A spreadsheet as people make it.
    Usual,
    /// Devices of FusionPBX, with a row for each line.
    Fusion,
    /// Extensions of FreePBX's bulk handler: lines that have no device yet, unless a column names it.
    Free,
}

impl Dialect {
    /// By the headings, each without spaces, case and punctuation.
    pub(super) fn of(headings: &[String]) -> Self {
        let has = |name: &str| headings.iter().any(|heading| heading == name);
        if has("deviceaddress") && (has("devicetemplate") || has("devicevendor"))
            || has("devicemacaddress")
            || has("deviceuuid")
        {
            Self::Fusion
        } else if has("extension") && (has("tech") || has("devicetype") || has("ringtimer") || has("emergencycid")) {
            Self::Free
        } else {
            Self::Usual
        }
    }

    /// What its own headings are called here; an empty text for what means something else there.
    pub(super) fn heading(self, plain: &str) -> &str {
        match (self, plain) {
            (Self::Fusion, "deviceaddress" | "devicemacaddress") => "mac",
            (Self::Fusion, "devicelabel") => "name",
            (Self::Fusion, "devicevendor") => "brand",
            (Self::Fusion, "devicetemplate") => "template",
            (Self::Fusion, "serveraddressprimary") => "server",
            // Beside the name shown there is a label for the line key, and descriptions of the device.
            (
                Self::Fusion,
                "label" | "devicedescription" | "devicelocation" | "domainname" | "description" | "username",
            ) => "",
            (Self::Free, "secret") => "password",
            // The secret is the line's password; the other is that of the user's own page. And some say what kind of
            // mailbox there is, where others have its number.
            (Self::Free, "password" | "voicemail" | "id" | "user" | "description" | "account" | "devicetype") => "",
            _ => plain,
        }
    }

    /// A transport as it writes them: FreePBX names the socket, as in `0.0.0.0-udp`.
    pub(super) fn transport(self, text: String) -> String {
        match self {
            Self::Free => text.rsplit('-').next().unwrap_or_default().to_owned(),
            _ => text,
        }
    }
}

/// The phones of a wazo-provd dump: devices, and the configurations that they name or hold.
pub(super) fn wazo(devices: &[Json], configs: &[Json]) -> Vec<PhoneDraft> {
    let by_id: BTreeMap<&str, &Json> =
        configs.iter().filter_map(|config| Some((config.get("id")?.as_str()?, config))).collect();
    devices.iter().map(|device| of_wazo(device, &by_id)).collect()
}

fn of_wazo(device: &Json, configs: &BTreeMap<&str, &Json>) -> PhoneDraft {
    let text = |of: &Json, name: &str| of.get(name).and_then(Json::as_str).map(str::to_owned);
    let config = match device.get("config") {
        Some(Json::String(id)) => configs.get(id.as_str()).copied(),
        other => other,
    };
    let none = Json::Null;
    let raw = config.map_or(&none, |config| config.get("raw_config").unwrap_or(config));
    let mut lines: Vec<(u32, LineDraft)> = members(raw.get("sip_lines"))
        .map(|(number, line)| {
            let server = ["registrar_ip", "proxy_ip"].iter().find_map(|name| text(line, name));
            let server = server.or_else(|| text(raw, "sip_registrar_ip")).or_else(|| text(raw, "sip_proxy_ip"));
            let port = line.get("registrar_port").or(line.get("proxy_port")).or(raw.get("sip_registrar_port"));
            let user = text(line, "username").or_else(|| text(line, "number")).unwrap_or_default();
            let draft = LineDraft {
                auth_user: text(line, "auth_username").filter(|auth| *auth != user),
                user,
                password: Secret::new(text(line, "password").unwrap_or_default()),
                display: text(line, "display_name"),
                server: server.unwrap_or_default(),
                port: port
                    .and_then(Json::as_u64)
                    .and_then(|port| u32::try_from(port).ok())
                    .filter(|port| *port != 5060),
                transport: text(raw, "sip_transport"),
                expires: None,
                voicemail: text(line, "voicemail").or_else(|| text(raw, "exten_voicemail")),
                settings: BTreeMap::new(),
            };
            (number, draft)
        })
        .collect();
    lines.sort_by_key(|(number, _)| *number);
    let mut settings = BTreeMap::new();
    let mut set = |key: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            settings.insert(key.to_owned(), Json::String(value));
        }
    };
    set("regional.time_zone", text(raw, "timezone"));
    // Language and country stand together there: the language is what the phone shows.
    set("regional.language", text(raw, "locale").and_then(|locale| locale.split('_').next().map(str::to_owned)));
    PhoneDraft {
        mac: text(device, "mac").unwrap_or_default(),
        name: text(device, "description")
            .filter(|name| !name.trim().is_empty())
            .or_else(|| lines.first().and_then(|(_, line)| line.display.clone())),
        brand: text(device, "vendor"),
        model: text(device, "model"),
        lines: lines.into_iter().map(|(_, line)| line).collect(),
        settings,
        keys: members(raw.get("funckeys")).filter_map(|(position, key)| wazo_key(position, key)).collect(),
        ..PhoneDraft::default()
    }
}

fn wazo_key(position: u32, key: &Json) -> Option<Key> {
    let text = |name: &str| key.get(name).and_then(Json::as_str).unwrap_or_default();
    let kind = match text("type") {
        "speeddial" => KeyKind::SpeedDial,
        "blf" => KeyKind::Blf,
        "park" => KeyKind::Park,
        _ => return None,
    };
    Some(Key {
        module: 0,
        position: u16::try_from(position).ok()?,
        kind,
        value: text("value").into(),
        label: text("label").into(),
        line: key.get("line").and_then(Json::as_u64).and_then(|line| u8::try_from(line).ok()),
        extension: "".into(),
    })
}

/// The members of an object whose names are numbers.
fn members(of: Option<&Json>) -> impl Iterator<Item = (u32, &Json)> {
    let members = of.and_then(Json::as_object).into_iter().flatten();
    members.filter_map(|(number, value)| Some((number.parse().ok()?, value)))
}
