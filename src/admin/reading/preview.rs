//! A phone's files as it would get them, with its secrets masked, and what of its settings the phone cannot have.
//!
//! The files are made from documents whose secrets were exchanged before: what a template makes of a secret, it makes
//! of the mask.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::StatusCode;

use super::gather;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::brands::{
    BookPage, BookTitle, Brand, Content, Error, Farewell, FileKind, FileMatch, FileRule, Places, Registry, Rendered,
    Sheet,
};
use crate::model::settings::{Level, Override, Resolved, Value};
use crate::model::{BoxAddress, Contact, Login, Phone, Scheme, Secret, Settings, provisioning_url};

/// What stands where a secret would.
const MASK: &str = "********";
/// A login for a phone that has none yet.
const NO_LOGIN: &str = "none-yet";

/// The words for how much a file tells.
const CONTENTS: [(&str, Content); 4] = [
    ("pointer", Content::Pointer),
    ("first-contact", Content::FirstContact),
    ("settings", Content::Settings),
    ("full", Content::Full),
];

/// How much a file is to tell, by its word.
pub(in crate::admin) fn content_in(word: Option<&str>) -> Result<Content, Problem> {
    let Some(word) = word else { return Ok(Content::Full) };
    let found = CONTENTS.into_iter().find(|(name, _)| *name == word).map(|(_, content)| content);
    found.ok_or_else(|| {
        Problem::malformed(format!("There is no content \"{word}\": pointer, first-contact, settings or full."))
    })
}

/// Where a phone finds the box.
struct Here {
    address: IpAddr,
    ca_url: String,
    plain_url: String,
    url: String,
    ca_der: Vec<u8>,
}

/// A file that is asked for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    brand: &'a Brand,
    rule: &'a FileRule,
    places: &'a Places,
    content: Content,
}

impl Admin {
    /// The files that a phone asks for, in its order.
    pub(in crate::admin) fn files(&self, phone: &Phone) -> Result<types::Files, Problem> {
        let brand = self.brand_of(&self.0.facts.registry, phone)?;
        let places = places(phone);
        let mut rules: Vec<&FileRule> = brand.files().iter().collect();
        rules.sort_by_key(|rule| rule.order);
        let files = rules.into_iter().map(|rule| {
            let name = rule.name_for(&places);
            types::File {
                // A name with a place that nobody knows cannot be asked for.
                made: name.is_some() && rule.is_made() && rule.kind != FileKind::Book,
                name: name.unwrap_or_else(|| rule.name().to_owned()),
                kind: kind(rule.kind).to_owned(),
                secret: rule.secret,
                fault: self.fault(phone, brand, rule, &places),
            }
        });
        Ok(types::Files { brand: brand.id.clone(), files: files.collect(), uploads: Vec::new() })
    }

    /// One file with its secrets masked, made with the brands of `registry`.
    pub(in crate::admin) fn preview(
        &self,
        registry: &Registry,
        phone: &Phone,
        file: &str,
        content: Content,
    ) -> Result<types::Preview, Problem> {
        let brand = self.brand_of(registry, phone)?;
        let found = registry.file_of(file, Some(&brand.id));
        let FileMatch::Served { brand, rule, places } = found else {
            return Err(no_file(file));
        };
        if !rule.is_made() {
            return Err(no_file(file));
        }
        let wanted = Wanted { brand, rule, places: &places, content };
        let made = self.masked(phone, wanted).map_err(|error| unmade(file, &error))?;
        let word = CONTENTS.into_iter().find(|(_, known)| *known == content).map_or("", |(word, _)| word);
        Ok(types::Preview {
            name: file.to_owned(),
            content_type: made.content_type,
            content: word.to_owned(),
            text: String::from_utf8_lossy(&made.bytes).into_owned(),
            fault: self.made(phone, wanted).err().map(|error| error.to_string()),
        })
    }

    /// What of a phone's settings it cannot have: what its model has no room for, and values that its files cannot
    /// hold.
    pub(in crate::admin) fn unfit(&self, phone: &Phone) -> Vec<String> {
        let registry = &self.0.facts.registry;
        let Some(brand) = phone.brand.as_deref().and_then(|id| registry.brand(id)) else { return Vec::new() };
        let levels = self.0.store.levels(phone);
        let mut unfit = crate::admin::editing::fit::misfits(brand, phone, &levels.resolve());
        let places = places(phone);
        for rule in brand.files() {
            if let Some(fault) = self.fault(phone, brand, rule, &places).filter(|fault| !unfit.contains(fault)) {
                unfit.push(fault);
            }
        }
        unfit
    }

    /// Refuses raw settings that the phone's own files cannot hold.
    pub(in crate::admin) fn check_overrides(&self, phone: &Phone) -> Result<(), Problem> {
        let registry = &self.0.facts.registry;
        let Some(brand) = phone.brand.as_deref().and_then(|id| registry.brand(id)) else { return Ok(()) };
        let places = places(phone);
        match brand.files().iter().find_map(|rule| self.fault(phone, brand, rule, &places)) {
            Some(fault) => Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unfit",
                format!("With this, the files of the phone cannot be made: {fault}."),
                "Correct what is named.",
            )),
            None => Ok(()),
        }
    }

    /// Why a phone's own file cannot be made.
    fn fault(&self, phone: &Phone, brand: &Brand, rule: &FileRule, places: &Places) -> Option<String> {
        if !rule.is_made() || !matches!(rule.kind, FileKind::Own | FileKind::Upload) {
            return None;
        }
        let wanted = Wanted { brand, rule, places, content: Content::Full };
        self.made(phone, wanted).err().map(|error| error.to_string())
    }

    fn brand_of<'r>(&self, registry: &'r Registry, phone: &Phone) -> Result<&'r Brand, Problem> {
        phone.brand.as_deref().and_then(|id| registry.brand(id)).ok_or_else(|| {
            Problem::new(
                StatusCode::CONFLICT,
                "brand-unknown",
                format!("It is not known yet of which brand the phone {} is, so it has no files.", phone.mac),
                "Plug it in, or say its brand.",
            )
        })
    }

    /// The file as the phone gets it.
    fn made(&self, phone: &Phone, wanted: Wanted<'_>) -> Result<Rendered, Error> {
        let levels = self.0.store.levels(phone);
        self.render(phone, &levels.resolve(), wanted)
    }

    /// The file as the phone gets it, made of documents without their secrets.
    fn masked(&self, phone: &Phone, wanted: Wanted<'_>) -> Result<Rendered, Error> {
        let levels = self.0.store.levels(phone);
        let by_level = mask_settings(&levels.resolve());
        let settings = Resolved::of(by_level.iter().map(|(level, settings)| (*level, settings)));
        self.render(&mask_phone(phone), &settings, wanted)
    }

    fn render(&self, phone: &Phone, settings: &Resolved<'_>, wanted: Wanted<'_>) -> Result<Rendered, Error> {
        let Wanted { brand, rule, places, content } = wanted;
        let here = self.here(phone);
        if phone.is_let_go() {
            return brand.render(rule, &Farewell::to(phone).sheet(content, here.address, places));
        }
        let organisation = self.0.store.organisation(phone.organisation);
        let titles = self.0.store.titles(phone, settings);
        let books: Vec<BookTitle<'_>> =
            titles.iter().map(|(number, name)| BookTitle { number: *number, name }).collect();
        let none = Login { user: NO_LOGIN.into(), password: Secret::new(NO_LOGIN) };
        let login = phone.pending_login.as_ref().or(phone.login.as_ref()).unwrap_or(&none);
        let book = (rule.kind == FileKind::Book).then(|| self.book_for(places, &titles)).flatten();
        let contacts: Vec<&Contact> = book.iter().flat_map(|book| &book.contacts).collect();
        let page = book.as_ref().map(|book| BookPage {
            name: &book.name,
            number: book.number,
            contacts: &contacts,
            search: None,
        });
        let sheet = Sheet {
            content: if rule.kind == FileKind::Book { Content::Settings } else { content },
            phone: Some(phone),
            organisation: organisation.as_deref(),
            login: content.is_secret().then_some(login),
            settings,
            books: &books,
            firmware_url: None,
            ca_der: &here.ca_der,
            time_server: here.address,
            ca_url: &here.ca_url,
            plain_url: &here.plain_url,
            provisioning_url: &here.url,
            asked: Some(places),
            book: page,
        };
        brand.render(rule, &sheet)
    }

    fn book_for(&self, places: &Places, titles: &[(u32, String)]) -> Option<crate::model::PhoneBook> {
        let number = match &places.id {
            Some(id) => id.parse().ok()?,
            None => titles.first()?.0,
        };
        let shown = titles.iter().any(|(known, _)| *known == number);
        shown.then(|| self.0.store.phone_book_by_number(number)).flatten()
    }

    /// Where this phone finds the box: at the address that the box has in the phone's network.
    fn here(&self, phone: &Phone) -> Here {
        let facts = &self.0.facts;
        let addresses = (facts.addresses)();
        let now = self.0.clock.now().wall;
        let network = facts.networks.iter().find(|network| {
            let leases = self.0.store.leases(&network.name);
            gather::addresses(&leases, now).contains_key(&phone.mac)
        });
        let network = network.or_else(|| facts.networks.first());
        let within = |address: &&IpAddr| match (address, network) {
            (IpAddr::V4(address), Some(network)) => network.subnet.contains(address),
            _ => false,
        };
        let address = addresses.iter().find(within).or_else(|| addresses.first()).copied();
        let address = address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));
        let at = BoxAddress { host: address, http: facts.ports.http, https: facts.ports.https };
        let base64: String = facts.authority.pem.lines().filter(|line| !line.starts_with('-')).collect();
        Here {
            address,
            ca_url: provisioning_url(Scheme::Http, &at, "ca.pem"),
            plain_url: provisioning_url(Scheme::Http, &at, ""),
            url: provisioning_url(Scheme::Https, &at, ""),
            ca_der: BASE64.decode(base64).unwrap_or_default(),
        }
    }
}

fn places(phone: &Phone) -> Places {
    Places { mac: Some(phone.mac), model: phone.model.clone(), ..Places::default() }
}

fn mask_phone(phone: &Phone) -> Phone {
    let mut masked = phone.clone();
    for line in &mut masked.lines {
        line.password = Secret::new(MASK);
    }
    for login in masked.login.iter_mut().chain(&mut masked.pending_login) {
        login.password = Secret::new(MASK);
    }
    masked
}

/// The same settings level by level, each secret exchanged for the mask.
fn mask_settings(resolved: &Resolved<'_>) -> BTreeMap<Level, Settings> {
    let mut levels: BTreeMap<Level, Settings> = BTreeMap::new();
    for (key, value, level) in resolved.values() {
        let settings = levels.entry(level).or_default();
        // What was taken as a setting before is taken again; a value that is not would only be missing from the
        // preview.
        let _ = match value {
            Value::Secret(_) => settings.set_secret(key, Secret::new(MASK)),
            other => settings.set_json(key, &other.to_json().unwrap_or_default()),
        };
    }
    for (key, level) in resolved.keys() {
        levels.entry(level).or_default().keys.push(key.clone());
    }
    for (entry, level) in resolved.all_overrides() {
        let masked = Override { value: MASK.into(), ..entry.clone() };
        levels.entry(level).or_default().overrides.push(masked);
    }
    levels
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Own => "own",
        FileKind::Common => "common",
        FileKind::Book => "book",
        FileKind::Resource => "resource",
        FileKind::Upload => "upload",
        FileKind::Firmware => "firmware",
        FileKind::Redirect => "redirect",
        FileKind::Withheld => "withheld",
    }
}

fn no_file(name: &str) -> Problem {
    let name: String = name.chars().take(100).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "file-unknown",
        format!("No file \"{name}\" is made for this phone."),
        "Look up the names with `block66 phones files`.",
    )
}

fn unmade(name: &str, error: &Error) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        error.code(),
        format!("The file {name} cannot be made: {error}."),
        "Correct what is named; until then the phone keeps what it has.",
    )
}
