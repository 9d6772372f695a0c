//! Each `samples/<name>.toml` gives exactly the bytes of the expected file beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use block66::brands::{BookPage, BookTitle, Brand, Content, FileMatch, Registry, Sheet};
use block66::model::settings::{Key, Level, Override, Resolved};
use block66::model::{AnaloguePort, Contact, Handset, Line, Login, Mac, Phone, Secret, Settings, Transport};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sample {
    file: String,
    content: String,
    time_server: IpAddr,
    ca_url: String,
    provisioning_url: String,
    book: Option<SampleBook>,
    phone: Option<SamplePhone>,
    login: Option<SampleLogin>,
    #[serde(default)]
    line: Vec<SampleLine>,
    /// What is set for the phone: key of the setting and its text.
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default)]
    key: Vec<Key>,
    #[serde(default)]
    handset: Vec<Handset>,
    #[serde(default)]
    port: Vec<AnaloguePort>,
    /// Raw settings of this brand.
    #[serde(default)]
    overrides: BTreeMap<String, String>,
    /// Phone books that it shows: numbers and names.
    #[serde(default)]
    books: Vec<(u32, String)>,
    firmware_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SamplePhone {
    mac: Mac,
    name: String,
    model: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SampleBook {
    name: String,
    number: u32,
    search: Option<String>,
    /// Each as name and numbers.
    contacts: Vec<(String, Vec<String>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SampleLogin {
    user: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct SampleLine {
    user: String,
    auth_user: Option<String>,
    password: String,
    display: String,
    server: String,
    port: Option<u16>,
    transport: Option<Transport>,
    expires: Option<u32>,
    voicemail: Option<String>,
    /// Settings of the topic `line`, without their topic.
    #[serde(default)]
    settings: BTreeMap<String, String>,
}

fn settings(texts: &BTreeMap<String, String>, topic: &str) -> Settings {
    let mut settings = Settings::NONE;
    for (key, text) in texts {
        let key = if topic.is_empty() { key.clone() } else { format!("{topic}.{key}") };
        settings.set_text(&key, text).unwrap_or_else(|why| panic!("{key} {why}"));
    }
    settings
}

impl From<&SampleLine> for Line {
    fn from(line: &SampleLine) -> Self {
        Self {
            user: line.user.clone(),
            auth_user: line.auth_user.clone(),
            password: Secret::new(line.password.clone()),
            display: line.display.clone(),
            server: line.server.clone(),
            port: line.port,
            transport: line.transport,
            expires: line.expires,
            voicemail: line.voicemail.clone(),
            settings: settings(&line.settings, "line"),
        }
    }
}

fn contact((name, numbers): &(String, Vec<String>)) -> Contact {
    Contact { name: name.clone(), numbers: numbers.clone() }
}

impl Sample {
    fn phone(&self, brand: &str) -> Option<Phone> {
        let phone = self.phone.as_ref()?;
        let raw = |(name, value): (&String, &String)| Override {
            brand: brand.into(),
            name: name.as_str().into(),
            value: value.as_str().into(),
        };
        let mut settings = settings(&self.settings, "");
        settings.keys.clone_from(&self.key);
        settings.overrides = self.overrides.iter().map(raw).collect();
        assert!(self.key.iter().all(Key::is_sound) && settings.overrides.iter().all(Override::is_sound));
        assert!(self.handset.iter().all(Handset::is_sound) && self.port.iter().all(AnaloguePort::is_sound));
        Some(Phone {
            mac: phone.mac,
            name: phone.name.clone(),
            model: phone.model.clone(),
            lines: self.line.iter().map(Line::from).collect(),
            settings,
            handsets: self.handset.clone(),
            ports: self.port.clone(),
            ..crate::sheets::phone(0)
        })
    }

    fn render(&self, registry: &Registry, brand: &Brand) -> Result<Vec<u8>, String> {
        let FileMatch::Served { brand: found, rule, places } = registry.file_of(&self.file, Some(&brand.id)) else {
            return Err(format!("{} is not served", self.file));
        };
        assert_eq!(found.id, brand.id);
        assert!(places.mac.is_none() || places.mac == self.phone.as_ref().map(|phone| phone.mac));
        let phone = self.phone(&brand.id);
        let login = self
            .login
            .as_ref()
            .map(|login| Login { user: login.user.clone(), password: Secret::new(login.password.clone()) });
        let contacts: Vec<Contact> = self.book.iter().flat_map(|book| &book.contacts).map(contact).collect();
        let contacts: Vec<&Contact> = contacts.iter().collect();
        let books: Vec<_> = self.books.iter().map(|(number, name)| BookTitle { number: *number, name }).collect();
        let sheet = Sheet {
            content: match self.content.as_str() {
                "pointer" => Content::Pointer,
                "settings" => Content::Settings,
                "first-contact" => Content::FirstContact,
                "full" => Content::Full,
                other => return Err(format!("content {other}")),
            },
            phone: phone.as_ref(),
            organisation: None,
            login: login.as_ref(),
            settings: &Resolved::of(phone.iter().map(|phone| (Level::Phone, &phone.settings))),
            books: &books,
            firmware_url: self.firmware_url.as_deref(),
            ca_der: b"certificate",
            time_server: self.time_server,
            ca_url: &self.ca_url,
            plain_url: "http://10.66.0.1/p/",
            provisioning_url: &self.provisioning_url,
            asked: Some(&places),
            book: self.book.as_ref().map(|book| BookPage {
                name: &book.name,
                number: book.number,
                contacts: &contacts,
                search: book.search.as_deref(),
            }),
        };
        Ok(brand.render(rule, &sheet).map_err(|error| error.to_string())?.bytes)
    }
}

/// What came instead of an expected file is left in `samples/<brand>/` of the tests' folder, to be looked at and, where
/// it is right, taken over.
#[test]
fn samples_match_exactly() {
    let registry = Registry::builtin().expect("the built-in brands");
    let mut wrong = Vec::new();
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        let mut compared = 0;
        for entry in fs::read_dir(crate::folder(&brand.id).join("samples")).expect("samples") {
            let path = entry.expect("an entry").path();
            let is_input = path.extension().is_some_and(|extension| extension == "toml");
            if !is_input || path.file_stem().is_some_and(|stem| stem == "claims" || stem == "dhcp" || stem == "doors") {
                continue;
            }
            let name = path.display();
            let sample: Sample = toml::from_str(&fs::read_to_string(&path).expect("a sample"))
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            let bytes = sample.render(&registry, brand).unwrap_or_else(|error| panic!("{name}: {error}"));
            let text = String::from_utf8(bytes).expect("UTF-8");
            if expected(&path).as_ref() != Some(&text) {
                let instead = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("samples").join(&brand.id);
                fs::create_dir_all(&instead).expect("a folder");
                fs::write(instead.join(path.file_stem().expect("a name")), &text).expect("a file");
                wrong.push(format!("{name}: see {}\n{text}", instead.display()));
            }
            assert_settings_have_a_source(&brand.id, &text);
            compared += 1;
        }
        assert!(compared >= 3, "{} has {compared} samples", brand.id);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The file beside the input that has its name and another extension.
fn expected(input: &Path) -> Option<String> {
    let beside = fs::read_dir(input.parent()?).ok()?.filter_map(Result::ok);
    let mut paths = beside.map(|entry| entry.path()).filter(|path| {
        path.file_stem() == input.file_stem() && path.extension().is_some_and(|extension| extension != "toml")
    });
    fs::read_to_string(paths.next()?).ok()
}

/// Every setting that a sample shows stands in the table of NOTES.md, which says where it is known from. Numbered
/// settings stand there once, with an N in place of one number or more: `account.N.enable`.
fn assert_settings_have_a_source(brand: &str, text: &str) {
    let notes = fs::read_to_string(crate::folder(brand).join("NOTES.md")).expect("NOTES.md");
    for name in setting_names(text) {
        let of_any_firmware = name.strip_prefix("static.").unwrap_or(&name);
        let known = [name.as_str(), of_any_firmware]
            .into_iter()
            .flat_map(generalised)
            .any(|general| notes.contains(&format!("`{general}`")));
        assert!(known, "{brand}: NOTES.md has no source for {name}");
    }
}

/// The names of the settings in a file: of XML its elements that hold text, its attributes, and what `name`, `id` and
/// `ID` say; of lines what stands before the first sign that parts name and value.
fn setting_names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if !text.starts_with('<') || text.starts_with("<<") {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '<', ';', '['])) {
            let line = line.strip_prefix("SET ").unwrap_or(line);
            // Where a file begins with two such signs, names hold blanks and parts stand between hyphens.
            let end = if text.starts_with("<<") { line.find(':') } else { line.find([' ', '=', ':']) };
            let name = end.and_then(|end| line.get(..end)).filter(|name| !name.is_empty() && !name.starts_with("--"));
            names.extend(name.map(|name| name.trim().to_owned()));
        }
        return names;
    }
    for tag in text.split('<').skip(1).filter(|tag| !tag.starts_with(['/', '?', '!'])) {
        let (head, inner) = tag.split_once('>').unwrap_or((tag, ""));
        let (element, attributes) = head.split_once(char::is_whitespace).unwrap_or((head, ""));
        let mut said = attributes
            .split('"')
            .collect::<Vec<_>>()
            .chunks(2)
            .filter_map(|pair| match pair {
                [attribute, value] => Some((attribute.trim().trim_end_matches('=').to_owned(), (*value).to_owned())),
                _ => None,
            })
            .collect::<Vec<_>>();
        let named = said.iter().position(|(attribute, _)| matches!(attribute.as_str(), "name" | "id" | "ID"));
        match named {
            Some(at) => {
                names.insert(said.swap_remove(at).1);
            }
            None if !inner.trim().is_empty() => {
                names.insert(element.to_owned());
            }
            None => names.extend(said.into_iter().map(|(attribute, _)| attribute)),
        }
    }
    names
}

/// A name with N in place of none, some or all of its numbers.
fn generalised(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for c in name.chars() {
        let same_kind = |last: &String| last.ends_with(|l: char| l.is_ascii_digit()) == c.is_ascii_digit();
        match parts.last_mut().filter(|last| same_kind(last)) {
            Some(last) => last.push(c),
            None => parts.push(c.to_string()),
        }
    }
    parts.into_iter().fold(vec![String::new()], |names, part| {
        let numbered = part.bytes().all(|b| b.is_ascii_digit());
        let with = |name: &String, part: &str| format!("{name}{part}");
        let general = names.iter().filter(|_| numbered).map(|name| with(name, "N"));
        general.chain(names.iter().map(|name| with(name, &part))).collect()
    })
}

#[test]
fn names_of_settings_are_found_in_every_format() {
    for (text, expected) in [
        ("#!version\na.1.b = c\nd = e\n", &["a.1.b", "d"][..]),
        ("SET NAME \"v\"\n## x\n", &["NAME"]),
        ("<<VOIP CONFIG FILE>>Version:2\n--Part--  :\nHost Name :x\n", &["Host Name"]),
        ("sip line1 name: x\n", &["sip"]),
        ("<a><P271>1</P271><p name=\"x\" value=\"1\"/></a>", &["P271", "x"]),
        ("<?xml?><a><reg reg.1.user=\"x\" reg.1.auth=\"y\"/></a>", &["reg.1.auth", "reg.1.user"]),
        ("a/b/1=2\n[ Table ]\n", &["a/b/1"]),
    ] {
        assert_eq!(setting_names(text).iter().map(String::as_str).collect::<Vec<_>>(), expected, "{text}");
    }
    assert_eq!(generalised("a.1.b2"), ["a.N.bN", "a.1.bN", "a.N.b2", "a.1.b2"]);
}
