//! Phones for which everything is set that can be: what each brand writes of it, and what never leaves.

use std::fs;
use std::path::Path;

use block66::brands::{BookTitle, Brand, Content, Error, FileKind, FileRule, Registry, Sheet};
use block66::model::settings::{Definition, Key, KeyKind, Kind, Level, Override, Resolved, definitions};
use block66::model::{AnaloguePort, CallerId, Fax, Handset, Line, Phone, Settings};
use serde::Deserialize;

use crate::sheets::{login, made, organisation, phone, sheet};
use crate::toy::assert_well_formed;

/// Secrets of settings and values of overrides begin so.
const SECRET: &str = "setting-secret-";

/// Each setting with its example; secrets with a text that is found again.
fn everything(brand: &Brand) -> Settings {
    let mut settings = Settings::NONE;
    for (at, definition) in definitions().enumerate() {
        let text = if definition.kind.is_secret() { format!("{SECRET}{at}") } else { definition.example.to_owned() };
        settings.set_text(definition.key, &text).unwrap_or_else(|why| panic!("{} {why}", definition.key));
    }
    settings.overrides =
        vec![Override { brand: brand.id.as_str().into(), name: "A1".into(), value: format!("{SECRET}raw").into() }];
    settings
}

/// As many keys as any phone could have, of every kind in turn.
fn most_keys() -> Vec<Key> {
    let key = |module, position: u16| Key {
        module,
        position,
        kind: KeyKind::ALL[usize::from(position) % KeyKind::ALL.len()],
        value: format!("{}", 200 + position).into(),
        label: format!("Key {position}").into(),
        line: (position.is_multiple_of(3)).then_some(1),
        extension: if position.is_multiple_of(2) { "**2".into() } else { "".into() },
    };
    (0..=3).flat_map(|module| (1..=60).map(move |position| key(module, position))).collect()
}

fn equipped(lines: usize, model: Option<&str>) -> Phone {
    let handset = |number| Handset { number, ipei: None, name: "Hall".into(), lines: vec![1] };
    let port = |number: u16| AnaloguePort {
        number,
        line: Some(u8::try_from(number).expect("few ports")),
        caller_id: (number.is_multiple_of(2)).then_some(CallerId::Etsi),
        fax: (number.is_multiple_of(2)).then_some(Fax::T38),
    };
    Phone {
        handsets: (1..=20).map(handset).collect(),
        ports: (1..=24).map(port).collect(),
        model: model.map(str::to_owned),
        ..phone(lines)
    }
}

fn render(
    brand: &Brand,
    rule: &FileRule,
    content: Content,
    (phone, settings): (&Phone, &Settings),
) -> Result<String, Error> {
    let (organisation, login) = (organisation(), login());
    let resolved = Resolved::of([(Level::Organisation, settings)]);
    let books = [BookTitle { number: 1213, name: "Company" }, BookTitle { number: 1214, name: "Suppliers" }];
    let sheet = Sheet {
        settings: &resolved,
        books: &books,
        firmware_url: Some("https://10.66.0.1/p/x.rom"),
        ..sheet(content, phone, &organisation, &login)
    };
    Ok(String::from_utf8(brand.render(rule, &sheet)?.bytes).expect("UTF-8"))
}

#[test]
fn every_file_can_be_made_of_everything() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in made(&registry) {
        let mut settings = everything(brand);
        settings.keys = most_keys();
        let models: Vec<Option<&str>> =
            std::iter::once(None).chain(brand.models().map(|(name, _)| Some(name))).collect();
        for model in models {
            for lines in [0, 1, Line::MOST] {
                let phone = equipped(lines, model);
                for content in crate::sheets::CONTENTS {
                    let file = format!("{} {} {model:?} {lines} {content:?}", brand.id, rule.name());
                    let text = render(brand, rule, content, (&phone, &settings))
                        .unwrap_or_else(|error| panic!("{file}: {error}"));
                    assert!(text.len() < 512 * 1024, "{file} has {} bytes", text.len());
                    let secrets = rule.secret && content == Content::Full;
                    assert!(secrets || !text.contains(SECRET), "{file} holds a secret of the settings");
                    if rule.kind == FileKind::Common {
                        assert!(!text.contains("Key 1"), "{file} holds a key");
                    }
                }
            }
        }
    }
}

/// What an administrator typed in as it comes is written in one file or another of each brand.
#[test]
fn overrides_reach_the_phone() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        let settings = everything(brand);
        let told: String = brand
            .files()
            .iter()
            .filter(|rule| rule.kind == FileKind::Own && rule.secret && rule.is_made())
            .map(|rule| render(brand, rule, Content::Full, (&phone(1), &settings)).expect("made"))
            .collect();
        assert!(told.contains("A1") && told.contains(&format!("{SECRET}raw")), "{} writes no overrides", brand.id);
    }
}

/// Values that could be taken for something else: each is refused, or adds nothing to the file.
#[test]
fn no_setting_can_add_another() {
    const HARMLESS: &str = "harmless";
    const HOSTILE: [&str; 14] = [
        "a\" x=\"b",
        "a' b",
        "</a><b>",
        "<!--",
        "]]>",
        "a;b",
        "a, b",
        "%NULL%",
        "{{ 7 }}",
        "$MA \\",
        "#!x",
        "☎️ <<END OF FILE>>",
        "a=b",
        "[ \\Table ]",
    ];
    let registry = Registry::builtin().expect("the built-in brands");
    let phone = phone(1);
    for (brand, rule) in made(&registry).into_iter().filter(|(_, rule)| rule.kind == FileKind::Own) {
        for definition in definitions() {
            let typed = matches!(definition.kind, Kind::Text(_) | Kind::Secret);
            if !typed {
                continue;
            }
            let with = |text: &str| {
                // What stands beside it, so that a topic which is only written as a whole is written.
                let mut settings = everything(brand);
                settings.overrides.clear();
                settings.set_text(definition.key, text).expect("a text");
                render(brand, rule, Content::Full, (&phone, &settings))
            };
            let shape = |text: &str| {
                let xml = text.starts_with('<') && !text.starts_with("<<");
                if xml {
                    assert_well_formed(text);
                    return (text.matches('<').count(), text.lines().count());
                }
                (0, text.lines().count())
            };
            let harmless = with(HARMLESS).unwrap_or_else(|error| panic!("{} {}: {error}", brand.id, definition.key));
            for hostile in HOSTILE {
                match with(hostile) {
                    Ok(text) => assert_eq!(shape(&text), shape(&harmless), "{} {} {hostile}", brand.id, definition.key),
                    Err(Error::Value { .. } | Error::Template { .. }) => {}
                    Err(error) => panic!("{} {}: {error}", brand.id, definition.key),
                }
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Doors {
    #[serde(default)]
    holds: Vec<String>,
    #[serde(default)]
    never: Vec<String>,
    none: Option<String>,
}

/// The files keep the way open for our NOTIFY and stop the maker's own redirection, whatever else is set.
#[test]
fn the_door_for_notify_stays_open() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        let path = crate::folder(&brand.id).join("samples/doors.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let doors: Doors = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        match &doors.none {
            Some(why) => assert!(why.len() > 20 && doors.holds.is_empty(), "{}: why is there none?", brand.id),
            None => assert!(!doors.holds.is_empty(), "{}: what keeps its door open?", brand.id),
        }
        for settings in [Settings::NONE, everything(brand)] {
            let own = brand.files().iter().filter(|rule| rule.kind == FileKind::Own && rule.is_made());
            let told: String =
                own.map(|rule| render(brand, rule, Content::Full, (&phone(1), &settings)).expect("made")).collect();
            for text in &doors.holds {
                assert!(told.contains(text), "{} lacks {text:?}", brand.id);
            }
            for text in &doors.never {
                assert!(!told.contains(text), "{} holds {text:?}", brand.id);
            }
        }
    }
}

/// A setting that page, API and command line take does something: a template reads it, or the program itself.
#[test]
fn every_setting_is_read() {
    let mut texts = Vec::new();
    read_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let is_read = |definition: &Definition| {
        let by_name = format!("\"{}\"", definition.name());
        let by_index = format!("{}[", definition.topic());
        texts.iter().any(|text| holds_word(text, definition.key) || text.contains(&by_index) && text.contains(&by_name))
    };
    let unread: Vec<&str> =
        definitions().filter(|definition| !is_read(definition)).map(|definition| definition.key).collect();
    assert_eq!(unread, Vec::<&str>::new(), "taken, kept, and read by nothing");
}

/// Code and templates that could read a setting: neither the catalogue, nor what only shows it or tries it.
fn read_below(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of the source") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
        if path.is_dir() {
            if !["admin", "catalogue", "phonesim", "samples", "tests"].contains(&name) {
                read_below(&path, texts);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = fs::read_to_string(&path).expect("source");
            texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
        } else if folder.ends_with("templates") {
            texts.extend(fs::read_to_string(&path).ok());
        }
    }
}

fn holds_word(text: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(goes_on) && !text[at + word.len()..].starts_with(goes_on))
}
