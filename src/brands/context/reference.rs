use super::topic::LINE;
use crate::model::settings::{Kind, TOPICS, definitions};

/// A name that templates may use, as docs/templates.md lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The name; `[]` stands behind a list, of whose members the rest speaks.
    pub name: String,
    /// What it holds.
    pub kind: String,
    /// What it means.
    pub meaning: String,
    /// A value.
    pub example: String,
    /// What it is where there is nothing to say.
    pub absent: String,
}

/// Names that are no settings: name, kind, meaning, example, and what it is where there is nothing to say.
const VALUES: &[[&str; 5]] = &[
    ["full", "yes or no", "whether the file may hold everything, secrets too", "yes", "no"],
    [
        "told",
        "yes or no",
        "whether the file may hold what is no secret: settings and lines without passwords",
        "yes",
        "no",
    ],
    ["asked", "object", "what stood in the places of the name that was asked for: the phone's own words", "", "none"],
    ["asked.mac", "text", "what stood at `{mac}`, in twelve small digits", "805ec0123456", "none"],
    ["asked.code", "text", "what stood at `{code:N}`", "096", "none"],
    ["asked.model", "text", "what stood at `{model}`", "T54W", "none"],
    ["asked.id", "text", "what stood at `{id}`", "1213", "none"],
    ["asked.type", "text", "what stood at `{type}`", "t4xg", "none"],
    ["asked.file", "text", "what stood at `{file}`", "bell.wav", "none"],
    ["book", "object", "the phone book, in the file of one", "", "none"],
    ["book.name", "text", "its name", "Company", ""],
    ["book.number", "number", "the number that stands in file names", "1213", ""],
    ["book.search", "text", "what is looked for; the contacts are those found", "mull", "none"],
    ["book.contacts", "list", "who is in it, in the order shown", "", "empty"],
    ["book.contacts[].name", "text", "name as shown", "Müller", ""],
    ["book.contacts[].numbers", "list", "numbers to dial, the usual one first", "201", "empty"],
    [
        "time_server",
        "host name or address",
        "where to take the time from: the box, or `clock.server`",
        "10.66.0.1",
        "never",
    ],
    [
        "second_time_server",
        "host name or address",
        "where else: the box, or `clock.second_server`",
        "10.66.0.1",
        "never",
    ],
    ["ca_url", "text", "where the CA certificate is, without TLS", "http://10.66.0.1/p/ca.pem", "never"],
    ["ca_pem", "text", "the CA certificate itself, in several lines", "-----BEGIN …", "none"],
    ["ca_base64", "text", "the CA certificate in DER and Base64, in one line", "MIID…", "none"],
    ["provisioning_url", "text", "where to ask from now on; ends with a slash", "https://10.66.0.1/p/", "never"],
    ["revision", "number", "1 to 65535; another one where anything else in the file is another", "4711", "never"],
    ["plain_url", "text", "the same without TLS, for brands that cannot trust our CA", "http://10.66.0.1/p/", "never"],
    [
        "firmware_url",
        "text",
        "where the firmware is that the phone is to run, while it runs another",
        "http://10.66.0.1/f/x.rom",
        "none",
    ],
    [
        "poll_minutes",
        "number",
        "minutes between two looks: 1 until the phone was seen over HTTPS, then `provisioning.interval` with this phone's part of the spread",
        "1427",
        "never",
    ],
    ["poll_at", "object", "time of day of the look, this phone's part of the spread added", "", "none"],
    ["poll_at.hour", "number", "its hour", "3", ""],
    ["poll_at.minute", "number", "its minute", "52", ""],
    ["poll_at.time", "text", "both", "03:52", ""],
    ["login", "object", "the phone's own login for HTTP", "", "none, unless the file may hold it"],
    ["login.user", "text", "user name", "p-805ec0123456", ""],
    ["login.password", "secret text", "password", "", ""],
    ["phone", "object", "the phone", "", "none in a file for many phones"],
    ["phone.mac", "text", "its MAC in twelve small digits", "805ec0123456", ""],
    ["phone.mac_upper", "text", "the same in capitals", "805EC0123456", ""],
    ["phone.mac_colons", "text", "the same with colons", "80:5e:c0:12:34:56", ""],
    ["phone.name", "text", "what people call it", "Reception", "empty"],
    ["phone.model", "text", "its model as the brand spells it", "T54W", "none"],
    ["organisation", "object", "whose phone it is", "", "none"],
    ["organisation.name", "text", "its name", "Acme", ""],
    ["accounts", "number", "how many accounts the model has; 0 in a file for many phones", "12", "never"],
    ["model", "object", "what the model has, as brand.toml says; 0 where that is not known", "", "never"],
    ["model.keys", "number", "keys of the phone itself, pages included", "27", ""],
    ["model.modules", "number", "expansion modules", "3", ""],
    ["model.module_keys", "number", "keys of one of them", "60", ""],
    ["model.handsets", "number", "cordless handsets", "8", ""],
    ["model.ports", "number", "analogue ports", "8", ""],
    ["model.traits", "list", "words of the brand's own", "colour", "empty"],
    ["time_zone", "object", "the time zone in every form", "", "none"],
    ["time_zone.name", "text", "IANA name", "Europe/Berlin", ""],
    ["time_zone.posix", "text", "TZ value", "CET-1CEST,M3.5.0,M10.5.0/3", ""],
    ["time_zone.offset_minutes", "number", "minutes ahead of UTC outside the summer", "60", ""],
    ["time_zone.offset", "text", "the same as clocks show it", "+01:00", ""],
    ["time_zone.hours", "text", "the same in as few letters as possible", "+1", ""],
    ["time_zone.summer", "object", "when clocks show another time", "", "none"],
    ["time_zone.summer.saved_minutes", "number", "by how much they are put forward", "60", ""],
    ["time_zone.summer.start", "object", "when they are put forward, in the time shown just before", "", ""],
    ["time_zone.summer.end", "object", "when they are put back, with the same names", "", ""],
    ["time_zone.summer.start.month", "number", "1 to 12", "3", ""],
    [
        "time_zone.summer.start.week",
        "number",
        "which of those weekdays in the month, 1 to 4, or 5 for the last",
        "5",
        "",
    ],
    ["time_zone.summer.start.weekday", "number", "0 for Sunday to 6 for Saturday", "0", ""],
    ["time_zone.summer.start.iso_weekday", "number", "1 for Monday to 7 for Sunday", "7", ""],
    ["time_zone.summer.start.hour", "number", "hour", "2", ""],
    ["time_zone.summer.start.minute", "number", "minute of the hour", "0", ""],
    ["time_zone.summer.start.minutes", "number", "minutes after midnight", "120", ""],
    ["time_zone.summer.start.time", "text", "as clocks show it", "02:00", ""],
    ["lines", "list", "the phone's lines, the first first", "", "empty"],
    ["lines[].number", "number", "from 1", "1", ""],
    ["lines[].user", "text", "user part of the address of record", "201", "never"],
    ["lines[].auth_user", "text", "name for Digest; the user where none is set", "201", "never"],
    ["lines[].password", "secret text", "Digest password; not there at all unless `full`", "", "never"],
    ["lines[].display", "text", "name shown; the user where none is set", "Reception", "never"],
    ["slots", "list", "a place for each account of the model", "", "empty"],
    ["slots[].number", "number", "from 1", "2", ""],
    ["slots[].line", "object", "the line there, with all names of `lines[]`", "", "none: switch the account off"],
    ["keys", "list", "keys of the phone itself that have a task, by position", "", "empty"],
    ["keys[].position", "number", "from 1", "3", ""],
    ["keys[].module", "number", "0, or the module that it is on", "0", ""],
    ["keys[].kind", "text", "what it does, in the neutral words", "blf", ""],
    [
        "keys[].type",
        "text or number",
        "the same in the brand's words: `maps.key_type[kind]`; for `custom` what the administrator wrote",
        "16",
        "none where the brand has no such key",
    ],
    ["keys[].value", "text", "the number it is about", "202", "empty"],
    ["keys[].label", "text", "what stands beside it; the value where there is none", "Hall", "empty"],
    ["keys[].extension", "text", "what is dialled to pick up or park", "**202", "empty"],
    ["keys[].line", "number", "the line it works on", "1", "none"],
    [
        "keys[].account",
        "object",
        "that line, or the first, with all names of `lines[]`",
        "",
        "none where the phone has no line",
    ],
    [
        "key_slots",
        "list",
        "every place for a key on the phone itself, where one is set at all",
        "",
        "empty: users keep what they put there",
    ],
    ["key_slots[].number", "number", "from 1", "4", ""],
    ["key_slots[].key", "object", "the key there, with all names of `keys[]`", "", "none: clear the place"],
    ["modules", "list", "expansion modules up to the last that has a key", "", "empty"],
    ["modules[].number", "number", "from 1", "1", ""],
    ["modules[].keys", "list", "as `keys`", "", "empty"],
    ["modules[].slots", "list", "as `key_slots`", "", "empty"],
    ["books", "list", "phone books to show, the first first", "", "empty"],
    ["books[].position", "number", "from 1", "1", ""],
    ["books[].number", "number", "the number that stands in the name of its file", "1213", ""],
    ["books[].name", "text", "its name", "Company", ""],
    ["handsets", "list", "cordless handsets", "", "empty"],
    ["handsets[].number", "number", "place at the base, from 1", "1", ""],
    ["handsets[].ipei", "text", "identity of the handset", "0281234567890", "none"],
    ["handsets[].name", "text", "name on its screen", "Hall", "empty"],
    ["handsets[].lines", "list", "numbers of its lines, the usual one first", "1, 2", "empty"],
    ["handsets[].account", "object", "its usual line, with all names of `lines[]`", "", "none"],
    ["ports", "list", "analogue ports", "", "empty"],
    ["ports[].number", "number", "place on the gateway, from 1", "1", ""],
    ["ports[].line", "number", "number of its line", "1", "none"],
    ["ports[].account", "object", "that line, with all names of `lines[]`", "", "none"],
    [
        "ports[].caller_id",
        "text",
        "how the caller is shown; `analogue.caller_id` where it says nothing",
        "etsi",
        "none",
    ],
    ["ports[].fax", "text", "how faxes travel; `analogue.fax` where it says nothing", "t38", "none"],
    ["overrides", "list", "raw settings of this brand; `write_overrides()` writes them all", "", "empty"],
    ["overrides[].name", "text", "name of the setting", "phone_setting.lock", ""],
    ["overrides[].value", "text", "its value", "1", ""],
    [
        "maps",
        "object",
        "the brand's own words: `maps.<name>[word]` is what `[maps.<name>]` in brand.toml says",
        "",
        "never",
    ],
];

/// Every name that templates may use, in the order of the reference.
pub fn reference() -> Vec<Reference> {
    let own = VALUES.iter().map(|[name, kind, meaning, example, absent]| Reference {
        name: (*name).into(),
        kind: (*kind).into(),
        meaning: (*meaning).into(),
        example: (*example).into(),
        absent: (*absent).into(),
    });
    let settings = definitions().map(|definition| Reference {
        name: match definition.topic() {
            LINE => format!("lines[].{}", definition.name()),
            _ => definition.key.into(),
        },
        kind: kind(&definition.kind),
        meaning: definition.meaning.into(),
        example: if definition.kind.is_secret() { String::new() } else { definition.example.into() },
        absent: match definition.key {
            "line.server" => "empty".into(),
            "line.port" => "5060, or 5061 for TLS".into(),
            "line.transport" => "udp".into(),
            "line.expires" => "3600".into(),
            _ => "none".into(),
        },
    });
    own.chain(settings).collect()
}

/// What a setting holds as templates see it.
fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Multicast => "object: `address` and `port`".into(),
        Kind::List(Kind::Multicast, most) => format!("list of at most {most} objects: `address` and `port`"),
        kind => kind.words(),
    }
}

/// What the tables of the reference are about, and the names that stand in each.
pub fn chapters() -> Vec<(String, Vec<Reference>)> {
    let all = reference();
    let chapter = |name: &Reference| {
        let first = name.name.split(['.', '[']).next().unwrap_or_default();
        match TOPICS.iter().find(|topic| topic.name == first) {
            Some(topic) => format!("`{}`: {}", topic.name, topic.meaning),
            None if name.name.starts_with("lines[].") => "`lines`: the phone's accounts.".to_owned(),
            None => "Values".to_owned(),
        }
    };
    let mut chapters: Vec<(String, Vec<Reference>)> = Vec::new();
    for entry in all {
        let title = chapter(&entry);
        match chapters.iter_mut().find(|(known, _)| *known == title) {
            Some((_, entries)) => entries.push(entry),
            None => chapters.push((title, vec![entry])),
        }
    }
    chapters
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use minijinja::Value;
    use minijinja::value::ValueKind;

    use super::*;
    use crate::brands::context::{build, names};
    use crate::brands::rehearsal as samples;
    use crate::brands::{Content, FileKind, FileRule, Registry};

    /// The names of a value and of all that is within, as the reference writes them.
    fn walk(prefix: &str, value: &Value, names: &mut BTreeSet<String>) {
        names.insert(prefix.to_owned());
        let within = |prefix: &str| {
            let as_line = ["slots[].line", "keys[].account", "handsets[].account", "ports[].account"];
            let as_key = ["key_slots[].key", "modules[].keys", "modules[].slots"];
            let named_once = [
                "time_zone.summer.end",
                "maps",
                "handsets[].lines",
                "model.traits",
                "paging.send",
                "book.contacts[].numbers",
            ];
            as_line.into_iter().chain(as_key).chain(named_once).all(|known| known != prefix)
        };
        if !within(prefix) {
            return;
        }
        match value.kind() {
            ValueKind::Map => {
                for key in value.try_iter().unwrap() {
                    let name = format!("{prefix}.{key}");
                    walk(&name, &value.get_item(&key).unwrap(), names);
                }
            }
            ValueKind::Seq | ValueKind::Iterable => {
                let of_settings = definitions().any(|definition| {
                    let key = definition.key;
                    key == prefix || key.strip_prefix("line.").is_some_and(|key| format!("lines[].{key}") == prefix)
                });
                if !of_settings {
                    let first = value.try_iter().unwrap().next().unwrap_or_else(|| panic!("{prefix} is empty"));
                    walk_members(prefix, &first, names);
                }
            }
            _ => {}
        }
    }

    fn walk_members(list: &str, member: &Value, names: &mut BTreeSet<String>) {
        for key in member.try_iter().unwrap() {
            walk(&format!("{list}[].{key}"), &member.get_item(&key).unwrap(), names);
        }
    }

    /// The reference is what the context really holds: nothing more, nothing less.
    #[test]
    fn the_reference_is_complete_and_true() {
        let registry = Registry::builtin().unwrap();
        let brand = registry.brands().find(|brand| brand.makes_files()).unwrap();
        let rule = brand.files().iter().find(|rule| rule.kind == FileKind::Own).unwrap();
        let sample = samples::Sample::whole(&brand.id);
        let context = sample.with_sheet(Content::Full, |sheet| build(brand, rule, sheet).unwrap());
        let mut there = BTreeSet::new();
        let book = FileRule { kind: FileKind::Book, ..rule.clone() };
        let of_book = sample.with_sheet(Content::Settings, |sheet| build(brand, &book, sheet).unwrap());
        walk("book", &of_book.get_attr("book").unwrap(), &mut there);
        for key in context.try_iter().unwrap() {
            walk(key.as_str().unwrap(), &context.get_item(&key).unwrap(), &mut there);
        }
        let topics: BTreeSet<String> = TOPICS.iter().map(|topic| topic.name.to_owned()).collect();
        let listed: BTreeSet<String> = reference().into_iter().map(|entry| entry.name).collect();
        let unlisted: Vec<_> = there.difference(&listed).filter(|name| !topics.contains(*name)).collect();
        assert!(unlisted.is_empty(), "not in the reference: {unlisted:?}");
        let missing: Vec<_> = listed.difference(&there).collect();
        assert!(missing.is_empty(), "not in the context: {missing:?}");
        assert_eq!(listed.len(), reference().len(), "a name stands twice");
        // What the folder check lets through is there, and the other way round.
        let functions = ["setting", "write_overrides", "range"];
        let allowed: BTreeSet<&str> = names().filter(|name| !functions.contains(name)).collect();
        let top: BTreeSet<String> = context.try_iter().unwrap().map(|key| key.to_string()).collect();
        assert_eq!(top.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed);
    }

    /// A file that may hold less has the same names, and none of the values.
    #[test]
    fn less_content_has_the_same_names_and_no_values() {
        let registry = Registry::builtin().unwrap();
        let brand = registry.brands().find(|brand| brand.makes_files()).unwrap();
        let sample = samples::Sample::whole(&brand.id);
        for content in [Content::Pointer, Content::FirstContact] {
            for rule in brand.files().iter().filter(|rule| rule.is_made() && rule.kind != FileKind::Book) {
                let context = sample.with_sheet(content, |sheet| build(brand, rule, sheet).unwrap());
                let names_there: BTreeSet<String> = context.try_iter().unwrap().map(|key| key.to_string()).collect();
                for name in names().filter(|name| !["setting", "write_overrides", "range"].contains(name)) {
                    assert!(names_there.contains(name), "{name}");
                }
                for definition in definitions().filter(|definition| definition.topic() != LINE) {
                    let topic = context.get_attr(definition.topic()).unwrap();
                    assert!(topic.get_attr(definition.name()).unwrap().is_none(), "{}", definition.key);
                }
            }
        }
    }
}
