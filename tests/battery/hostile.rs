//! Values that try to be settings.

use std::collections::BTreeSet;

use block66::brands::{Brand, Content, Error, FileKind, FileRule, Registry, Unfit};
use block66::model::{Phone, Secret};

use crate::sheets::{LINE_PASSWORD, login, made, organisation, phone, sheet};

/// Where a text stands in a phone, and the word for it in a refusal.
type Place = (&'static str, fn(&mut Phone, &str));

const PLACES: [Place; 6] = [
    ("display name of line 1", |phone, text| phone.lines[0].display = text.into()),
    ("user of line 1", |phone, text| phone.lines[0].user = text.into()),
    ("name for authentication of line 1", |phone, text| phone.lines[0].auth_user = Some(text.into())),
    ("password of line 1", |phone, text| phone.lines[0].password = Secret::new(text)),
    ("server of line 1", |phone, text| phone.lines[0].server = text.into()),
    ("voice mail number of line 1", |phone, text| phone.lines[0].voicemail = Some(text.into())),
];

fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "\"quoted\"",
        "'",
        "\\",
        "a\nevil.setting = 1",
        "a\r\nevil.setting = 1",
        "a\revil.setting = 1",
        "a\u{85}evil.setting = 1",
        "a\u{2028}evil.setting = 1",
        "a\u{b}evil.setting = 1",
        "a\u{c}evil.setting = 1",
        "a\0b",
        "a\tb",
        "</",
        "</item><evil/>",
        "]]>",
        "<!--",
        "&amp;",
        "&#10;evil",
        "%",
        "%NULL%",
        "%null%",
        "☎️ Zoë 电话",
        "#!version:1.0.0.1",
        "# comment",
        "; comment",
        " = ",
        "a = b",
        "{{ login.password }}",
        "{% raw %}",
        "[section]",
        "include:config \"evil.cfg\"",
        "\u{feff}bom",
        "\u{202e}right to left",
        "\u{1b}[2J",
        "",
    ]
    .map(String::from)
    .to_vec();
    values.push("x".repeat(10 * 1024));
    values
}

/// The names of the settings in a file: everything but the values.
fn shape(bytes: &[u8], blanks: bool) -> Vec<String> {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    if text.starts_with('<') && !text.starts_with("<<") {
        let tags: BTreeSet<&str> = text.split('<').skip(1).filter_map(|tag| tag.split(['>', ' ']).next()).collect();
        return tags.into_iter().map(str::to_owned).collect();
    }
    // Every kind of line end that some parser may know.
    text.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}', '\0'])
        .map(|line| match line.strip_prefix("SET ") {
            Some(set) => set.split(' ').next().unwrap_or_default().to_owned(),
            None if blanks => line.split(' ').next().unwrap_or_default().to_owned(),
            None => line.split(['=', ':']).next().unwrap_or_default().trim().to_owned(),
        })
        .collect()
}

fn try_render(brand: &Brand, rule: &FileRule, phone: &Phone) -> Result<Vec<u8>, Error> {
    let (organisation, login) = (organisation(), login());
    brand.render(rule, &sheet(Content::Full, phone, &organisation, &login)).map(|rendered| rendered.bytes)
}

/// The files in which the lines stand.
fn with_lines(registry: &Registry) -> Vec<(&Brand, &FileRule)> {
    let holds = |brand: &Brand, rule: &FileRule| {
        let bytes = try_render(brand, rule, &phone(1)).expect("a plain phone");
        String::from_utf8(bytes).expect("UTF-8").contains(LINE_PASSWORD)
    };
    let own = made(registry).into_iter().filter(|(_, rule)| rule.kind == FileKind::Own && rule.secret);
    let files: Vec<_> = own.filter(|(brand, rule)| holds(brand, rule)).collect();
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        assert!(files.iter().any(|(of, _)| of.id == brand.id), "{} tells no line", brand.id);
    }
    files
}

#[test]
fn no_value_adds_a_setting() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in with_lines(&registry) {
        let mut plain = phone(2);
        plain.lines[0].voicemail = Some("*97".into());
        let bytes = try_render(brand, rule, &plain).expect("a plain phone");
        // Whether a blank is all that stands between name and value.
        let lines = String::from_utf8_lossy(&bytes).into_owned();
        let mut settings = lines.lines().filter(|line| !line.starts_with('#'));
        let blanks = settings.all(|line| !line.contains(['=', ':', '<']));
        let expected = shape(&bytes, blanks);
        let (mut written, mut refused) = (0, 0);
        for value in values() {
            for (place, put) in PLACES {
                let mut hostile = plain.clone();
                put(&mut hostile, &value);
                match try_render(brand, rule, &hostile) {
                    Ok(bytes) => {
                        // A setting may be left out, where the value says nothing.
                        let added: Vec<_> =
                            shape(&bytes, blanks).into_iter().filter(|name| !expected.contains(name)).collect();
                        assert!(added.is_empty(), "{} {value:?} as {place}: {added:?}", brand.id);
                        written += 1;
                    }
                    Err(Error::Value { field, unfit }) => {
                        assert_eq!(field, format!("the {place}"), "{value:?}: {unfit}");
                        refused += 1;
                    }
                    Err(other) => panic!("{} {value:?} as {place}: {other}", brand.id),
                }
            }
        }
        assert!(written > 50 && refused > 20, "{written} written, {refused} refused");
    }
}

#[test]
fn a_refusal_never_shows_a_secret() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in with_lines(&registry) {
        let mut hostile = phone(1);
        hostile.lines[0].password = Secret::new("hunter2\n");
        let error = try_render(brand, rule, &hostile).expect_err("a line break in a password");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(error.to_string().contains("password of line 1"), "{error}");
    }
}

#[test]
fn xml_is_well_formed() {
    let registry = Registry::builtin().expect("the built-in brands");
    for (brand, rule) in made(&registry) {
        let mut phone = phone(2);
        let plain = try_render(brand, rule, &phone).expect("a plain phone");
        if plain.starts_with(b"<") && !plain.starts_with(b"<<") {
            phone.lines[0].display = "</a> & \"b\" <c".into();
            let bytes = match try_render(brand, rule, &phone) {
                // Where texts stand between quotes of their own within an attribute there is no way to write one.
                Err(Error::Value { unfit: Unfit::Character('"'), .. }) => {
                    phone.lines[0].display = "</a> & b <c".into();
                    try_render(brand, rule, &phone)
                }
                made => made,
            };
            let bytes = bytes.expect("such a name can be written");
            crate::toy::assert_well_formed(std::str::from_utf8(&bytes).expect("UTF-8"));
        }
    }
}
