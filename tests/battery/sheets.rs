//! Phones to render files for, and what holds for every file of every brand.

use block66::brands::{BookPage, Brand, Content, FileKind, FileMatch, FileRule, Places, Registry, Rendered, Sheet};
use block66::model::settings::Resolved;
use block66::model::{
    FirstContact, Id, Line, Login, Mac, Organisation, Phone, Policy, Secret, Settings, Timestamp, Transport,
};

pub(crate) const CONTENTS: [Content; 4] = [Content::Pointer, Content::Settings, Content::FirstContact, Content::Full];
pub(crate) const LOGIN_PASSWORD: &str = "login-password-4711";
pub(crate) const LINE_PASSWORD: &str = "line-password-0815";
pub(crate) const ORGANISATION_PASSWORD: &str = "organisation-password-42";

pub(crate) fn line(number: usize) -> Line {
    Line {
        user: format!("{}", 200 + number),
        auth_user: number.is_multiple_of(2).then(|| format!("auth-{number}")),
        password: Secret::new(format!("{LINE_PASSWORD}-{number}")),
        display: format!("Desk {number}"),
        server: "sip.example.net".into(),
        port: number.is_multiple_of(3).then_some(5070),
        transport: Some([Transport::Udp, Transport::Tcp, Transport::Tls][number % 3]),
        expires: None,
        voicemail: number.is_multiple_of(2).then(|| "*97".into()),
        settings: Settings::NONE,
    }
}

pub(crate) fn phone(lines: usize) -> Phone {
    let at = Timestamp::from_secs(1_800_000_000);
    Phone {
        id: Id::new(at, 1),
        version: 1,
        origin: Id::new(at, 9),
        mac: Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]),
        organisation: Id::new(at, 2),
        brand: None,
        model: None,
        name: "Reception".into(),
        lines: (1..=lines).map(line).collect(),
        group: None,
        settings: Settings::NONE,
        handsets: Vec::new(),
        ports: Vec::new(),
        login: None,
        pending_login: None,
        first_contact: FirstContact::Waiting,
        created: at,
    }
}

pub(crate) fn login() -> Login {
    Login { user: "p-805ec0123456".into(), password: Secret::new(LOGIN_PASSWORD) }
}

pub(crate) fn organisation() -> Organisation {
    let at = Timestamp::from_secs(1_800_000_000);
    Organisation {
        id: Id::new(at, 2),
        version: 1,
        origin: Id::new(at, 9),
        name: "Acme".into(),
        login: Login { user: "acme".into(), password: Secret::new(ORGANISATION_PASSWORD) },
        policy: Policy::default(),
        settings: Settings::NONE,
        created: at,
    }
}

pub(crate) fn sheet<'a>(
    content: Content,
    phone: &'a Phone,
    organisation: &'a Organisation,
    login: &'a Login,
) -> Sheet<'a> {
    Sheet {
        content,
        phone: Some(phone),
        organisation: Some(organisation),
        login: Some(login),
        settings: Resolved::nothing(),
        books: &[],
        firmware_url: None,
        ca_der: b"certificate",
        time_server: [10, 66, 0, 1].into(),
        ca_url: "http://10.66.0.1/p/ca.pem",
        plain_url: "http://10.66.0.1/p/",
        provisioning_url: "https://10.66.0.1/p/",
        asked: None,
        book: Some(BookPage { name: "Branch <1>", number: 1213, contacts: &[], search: None }),
    }
}

/// Every file that any brand makes.
pub(crate) fn made(registry: &Registry) -> Vec<(&Brand, &FileRule)> {
    let files: Vec<_> = registry
        .brands()
        .flat_map(|brand| brand.files().iter().map(move |rule| (brand, rule)))
        .filter(|(_, rule)| rule.is_made())
        .collect();
    assert!(!files.is_empty());
    assert!(files.iter().all(|(brand, _)| brand.makes_files()));
    files
}

pub(crate) fn render(brand: &Brand, rule: &FileRule, content: Content, phone: &Phone) -> Rendered {
    let (organisation, login) = (organisation(), login());
    brand
        .render(rule, &sheet(content, phone, &organisation, &login))
        .unwrap_or_else(|error| panic!("{} {}: {error}", brand.id, rule.name()))
}

fn text(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.bytes).expect("UTF-8")
}

#[test]
fn every_file_renders_for_none_one_and_the_most_lines() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in made(&registry) {
        let models = brand.models().map(|(_, model)| model.accounts);
        let held = models.chain([brand.model(None).accounts]).max().unwrap_or_default();
        for content in CONTENTS {
            for lines in [0, 1, 2, Line::MOST] {
                let rendered = render(brand, rule, content, &phone(lines));
                assert!(!rendered.bytes.is_empty() && !rendered.content_type.is_empty());
                assert!(rendered.bytes.len() < 64 * 1024, "{} {} is large", brand.id, rule.name());
                let passwords = text(&rendered).matches(LINE_PASSWORD).count();
                // What no model of the brand holds may be left out.
                let expected = if rule.secret && content == Content::Full { lines.min(held) } else { 0 };
                // One phone may have several files, and its lines stand in one of them.
                assert!(passwords == 0 || passwords >= expected && expected > 0);
            }
        }
    }
}

#[test]
fn a_file_tells_no_more_than_its_content() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in made(&registry) {
        for content in CONTENTS {
            let rendered = render(brand, rule, content, &phone(3));
            let text = text(&rendered);
            let secret = rule.secret && content.is_secret();
            let full = rule.secret && content == Content::Full;
            let file = format!("{} {} {content:?}", brand.id, rule.name());
            assert!(secret || !text.contains(LOGIN_PASSWORD), "{file}: the phone's login");
            assert!(secret || !text.contains("p-805ec0123456"), "{file}: the login's user name");
            assert!(full || !text.contains(LINE_PASSWORD), "{file}: the lines' passwords");
            assert!(!text.contains(ORGANISATION_PASSWORD), "{file}: the organisation's password");
        }
    }
}

/// What a phone needs to get on stands in one or another of its own files.
#[test]
fn the_own_files_together_tell_all_of_their_content() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        for content in [Content::Pointer, Content::FirstContact, Content::Full] {
            let own = brand.files().iter().filter(|rule| rule.kind == FileKind::Own && rule.secret);
            let told: String = own.map(|rule| text(&render(brand, rule, content, &phone(3))).to_owned()).collect();
            let said = |what: &str| format!("{} {content:?}: {what}", brand.id);
            let logs_in = brand.logs_in && content.is_secret();
            assert_eq!(told.contains(LOGIN_PASSWORD), logs_in, "{}", said("the phone's login"));
            assert_eq!(told.contains("p-805ec0123456"), logs_in, "{}", said("the login's user name"));
            assert_eq!(told.contains(LINE_PASSWORD), content == Content::Full, "{}", said("the lines' passwords"));
            assert!(told.contains("10.66.0.1"), "{}", said("the box's address"));
            // "certificate", as the sheet has it, where the CA itself stands in the file.
            let authority = told.contains("/p/ca.") || told.contains("Y2VydGlmaWNhdGU=");
            assert!(!brand.tls.takes_our_ca || authority, "{}", said("the CA or its address"));
        }
    }
}

#[test]
fn a_file_with_secrets_is_not_made_without_them() {
    let registry = Registry::builtin().expect("the built-in brands");
    let (phone, organisation, login) = (phone(1), organisation(), login());
    for (brand, rule) in made(&registry).into_iter().filter(|(_, rule)| rule.kind == FileKind::Own && rule.secret) {
        let whole = sheet(Content::FirstContact, &phone, &organisation, &login);
        assert!(!rule.secret || brand.render(rule, &Sheet { login: None, ..whole }).is_err());
        assert!(brand.render(rule, &Sheet { phone: None, ..whole }).is_err());
    }
}

#[test]
fn withheld_files_are_never_made() {
    let registry = Registry::builtin().expect("the built-in brands");
    let (phone, organisation, login) = (phone(1), organisation(), login());
    for brand in registry.brands() {
        for rule in brand.files().iter().filter(|rule| !rule.is_made()) {
            assert!(brand.render(rule, &sheet(Content::Pointer, &phone, &organisation, &login)).is_err());
        }
    }
}

#[test]
fn the_same_sheet_gives_the_same_bytes() {
    let (one, two) = (Registry::builtin().expect("brands"), Registry::builtin().expect("brands"));
    for ((brand, rule), (again, rule_again)) in made(&one).into_iter().zip(made(&two)) {
        for content in CONTENTS {
            let first = render(brand, rule, content, &phone(12));
            assert_eq!(first, render(brand, rule, content, &phone(12)));
            assert_eq!(first, render(again, rule_again, content, &phone(12)));
        }
    }
}

#[test]
fn each_made_name_is_found_again_in_any_case() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in made(&registry) {
        let digits = (1..=12).find(|digits| rule.name().contains(&format!("{{code:{digits}}}"))).unwrap_or(1);
        let places = Places {
            mac: Some(phone(0).mac),
            code: Some("7".repeat(digits)),
            model: Some("x1".into()),
            id: Some("1213".into()),
            kind: Some("t4xg".into()),
            file: Some("bell.wav".into()),
        };
        let name = rule.name_for(&places).expect("all places are filled");
        for name in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
            match registry.file_of(&name, Some(&brand.id)) {
                FileMatch::Served { brand: found, rule: found_rule, .. } => {
                    assert_eq!((found.id.as_str(), found_rule.name()), (brand.id.as_str(), rule.name()));
                }
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn every_fact_has_a_source() {
    for brand in Registry::builtin().expect("the built-in brands").brands() {
        assert!(!brand.facts().is_empty());
        for fact in brand.facts() {
            assert!(fact.source.len() > 5, "{}: {}", brand.id, fact.what);
        }
        let notes = std::fs::read_to_string(crate::folder(&brand.id).join("NOTES.md")).expect("NOTES.md");
        assert!(notes.contains("uncertain"), "{}: NOTES.md does not say what is uncertain", brand.id);
        // A source in brackets is explained there.
        for fact in brand.facts() {
            for key in fact.source.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
                assert!(notes.contains(&format!("[{key}]")), "{}: NOTES.md does not explain [{key}]", brand.id);
            }
        }
    }
}
