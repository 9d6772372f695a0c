//! A brand's folder: `brand.toml`, and behind lines of `=== templates/NAME` its templates.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use block66::brands::{Claims, Content, DhcpQuery, FileMatch, Folder, Places, Registry, Sheet};
use block66::model::settings::Resolved;
use block66::model::{
    BoxAddress, FirstContact, Id, Line, Login, Mac, Phone, Scheme, Secret, Settings, Timestamp, Transport,
};

/// What no file may say. It hangs on the folder, so that no template can name it by itself.
struct Passwords {
    line: String,
    login: String,
}

impl Passwords {
    fn of(text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let number = hasher.finish();
        Self { line: format!("Qs7-{number:016x}"), login: format!("Zt4-{number:016x}") }
    }
}

/// Checks one folder.
pub fn hold(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let mut files = BTreeMap::new();
    let mut parts = text.split("\n=== ");
    files.insert("brand.toml".to_owned(), parts.next().unwrap_or_default().to_owned().into());
    for part in parts {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        files.insert(name.to_owned(), content.to_owned().into());
    }
    let registry = match Registry::load(&[Folder { id: "fuzzed".into(), files }]) {
        Ok(registry) => registry,
        Err(error) => {
            assert!(!error.to_string().is_empty() && error.code().starts_with("brands."));
            return false;
        }
    };
    let mac = Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]);
    recognise(&registry, text, mac);
    tell(&registry, mac);
    make(&registry, mac, &Passwords::of(text));
    true
}

fn recognise(registry: &Registry, text: &str, mac: Mac) {
    let agents = text.lines().take(8).chain(["Phone T46S 66.86.0.15 80:5e:c0:00:00:01", ""]);
    for agent in agents {
        for requested in [&[][..], &[66, 43, 160]] {
            let class = Some(agent.as_bytes());
            let claims = Claims { user_agent: Some(agent), vendor_class: class, mac: Some(mac), requested };
            if let Some(found) = registry.recognise(&claims) {
                assert_eq!(found.brand.id, "fuzzed");
            }
        }
    }
    let boots = Claims { vendor_class: Some(b"PXEClient:Arch:00000"), mac: Some(mac), ..Claims::default() };
    assert!(registry.recognise(&boots).is_none_or(|found| !found.phone), "a boot ROM is no phone");
}

fn tell(registry: &Registry, mac: Mac) {
    let at = BoxAddress { host: [10, 66, 0, 1].into(), http: 80, https: 8443 };
    for brand in registry.brands() {
        let classes = brand.vendor_classes().iter().map(|class| Some(class.to_string()));
        for (number, class) in classes.chain([None]).enumerate() {
            let query = DhcpQuery {
                scheme: if number % 2 == 0 { Scheme::Http } else { Scheme::Https },
                at: &at,
                also: &[69],
                mac: Some(mac),
                vendor_class: class.as_ref().map(String::as_bytes),
                user_class: class.as_ref().map(String::as_bytes),
                requested: None,
                voice_vlan: Some(42),
            };
            let answer = brand.dhcp_options(&query);
            assert_eq!(answer, brand.dhcp_options(&query), "the same question, another answer");
            for (at, option) in answer.options.iter().enumerate() {
                assert!((1..=255).contains(&option.value.len()), "option {} is {:?}", option.number, option.value);
                assert!(!matches!(option.number, 0 | 50..=55 | 57 | 58 | 59 | 61 | 82 | 255), "{}", option.number);
                assert!(answer.options[..at].iter().all(|before| before.number != option.number), "said twice");
            }
        }
    }
}

fn make(registry: &Registry, mac: Mac, passwords: &Passwords) {
    let phone = phone(mac, &passwords.line);
    let login = Login { user: "p805ec0000001".into(), password: Secret::new(&passwords.login) };
    for brand in registry.brands() {
        for rule in brand.files() {
            let places = Places { mac: Some(mac), ..Places::default() };
            let name = rule.name_for(&places).unwrap_or_else(|| rule.name().to_owned());
            match registry.file(&name) {
                FileMatch::Served { places, .. } => assert!(places.mac.is_none_or(|named| named == mac), "{name}"),
                FileMatch::Withheld | FileMatch::Unknown => {}
            }
            for content in [Content::Pointer, Content::Settings, Content::FirstContact, Content::Full] {
                let sheet = Sheet {
                    content,
                    phone: Some(&phone),
                    organisation: None,
                    login: Some(&login),
                    settings: Resolved::nothing(),
                    books: &[],
                    firmware_url: None,
                    ca_der: b"certificate",
                    time_server: [10, 66, 0, 1].into(),
                    ca_url: "http://10.66.0.1/p/ca.pem",
                    plain_url: "http://10.66.0.1/p/",
                    provisioning_url: "https://10.66.0.1/p/",
                    asked: None,
                    book: None,
                };
                let made = brand.render(rule, &sheet);
                assert_eq!(made, brand.render(rule, &sheet), "equal sheets, other bytes");
                let text = match made {
                    Ok(made) => String::from_utf8(made.bytes).expect("text"),
                    Err(error) => error.to_string(),
                };
                let secret = |password: &String| text.contains(password);
                let content = if rule.secret { content } else { Content::Settings };
                assert!(content == Content::Full || !secret(&passwords.line), "{name}: a line's password leaks");
                assert!(content.is_secret() || !secret(&passwords.login), "{name}: the login leaks");
            }
        }
    }
}

fn phone(mac: Mac, password: &str) -> Phone {
    let at = Timestamp::from_secs(1_800_000_000);
    let line = |user: &str| Line {
        user: user.into(),
        auth_user: None,
        password: Secret::new(password),
        display: "Desk <1> & \"2\"".into(),
        server: "sip.example.net".into(),
        port: Some(5061),
        transport: Some(Transport::Tls),
        expires: None,
        voicemail: Some("*97".into()),
        settings: Settings::NONE,
    };
    Phone {
        id: Id::new(at, 1),
        version: 1,
        origin: Id::new(at, 9),
        mac,
        organisation: Id::new(at, 2),
        brand: Some("fuzzed".into()),
        model: Some("T46S".into()),
        name: "Reception".into(),
        lines: vec![line("201"), line("202")],
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
