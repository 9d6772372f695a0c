//! Each `samples/<name>.toml` gives exactly the bytes of the expected file beside it.

use std::fs;
use std::net::IpAddr;

use block66::brands::{Content, FileMatch, Registry, Sheet};
use block66::model::{Line, Login, Mac, Secret, Transport};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sample {
    file: String,
    content: String,
    time_server: IpAddr,
    ca_url: String,
    provisioning_url: String,
    phone: Option<SamplePhone>,
    login: Option<SampleLogin>,
    #[serde(default)]
    line: Vec<SampleLine>,
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
    transport: Transport,
    expires: u32,
    voicemail: Option<String>,
}

impl From<SampleLine> for Line {
    fn from(line: SampleLine) -> Self {
        Self {
            user: line.user,
            auth_user: line.auth_user,
            password: Secret::new(line.password),
            display: line.display,
            server: line.server,
            port: line.port,
            transport: line.transport,
            expires: line.expires,
            voicemail: line.voicemail,
        }
    }
}

#[test]
fn samples_match_exactly() {
    let registry = Registry::builtin().expect("the built-in brands");
    for brand in registry.brands().filter(|brand| brand.makes_files()) {
        let mut compared = 0;
        for entry in fs::read_dir(crate::folder(&brand.id).join("samples")).expect("samples") {
            let path = entry.expect("an entry").path();
            let is_input = path.extension().is_some_and(|extension| extension == "toml");
            if !is_input || path.file_stem().is_some_and(|stem| stem == "claims" || stem == "dhcp") {
                continue;
            }
            let sample: Sample = toml::from_str(&fs::read_to_string(&path).expect("a sample"))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let FileMatch::Served { brand: found, rule, mac, .. } = registry.file_of(&sample.file, Some(&brand.id))
            else {
                panic!("{}: {} is not served", path.display(), sample.file)
            };
            assert_eq!(found.id, brand.id);
            assert!(mac.is_none() || mac == sample.phone.as_ref().map(|phone| phone.mac));
            let lines = sample.line.into_iter().map(Line::from).collect();
            let phone = sample.phone.map(|phone| block66::model::Phone {
                mac: phone.mac,
                name: phone.name,
                model: phone.model,
                lines,
                ..crate::sheets::phone(0)
            });
            let login = sample.login.map(|login| Login { user: login.user, password: Secret::new(login.password) });
            let rendered = brand
                .render(
                    rule,
                    &Sheet {
                        content: match sample.content.as_str() {
                            "pointer" => Content::Pointer,
                            "first-contact" => Content::FirstContact,
                            "full" => Content::Full,
                            other => panic!("{}: content {other}", path.display()),
                        },
                        phone: phone.as_ref(),
                        organisation: None,
                        login: login.as_ref(),
                        time_server: sample.time_server,
                        ca_url: &sample.ca_url,
                        provisioning_url: &sample.provisioning_url,
                    },
                )
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let expected = expected(&path);
            let text = String::from_utf8(rendered.bytes).expect("UTF-8");
            assert!(text == expected, "{}: this came instead:\n{text}", path.display());
            assert_settings_have_a_source(&brand.id, &text);
            compared += 1;
        }
        assert!(compared >= 3, "{} has {compared} samples", brand.id);
    }
}

/// The file beside the input that has its name and another extension.
fn expected(input: &std::path::Path) -> String {
    let beside = fs::read_dir(input.parent().expect("a folder")).expect("samples").filter_map(Result::ok);
    let mut paths = beside.map(|entry| entry.path()).filter(|path| {
        path.file_stem() == input.file_stem() && path.extension().is_some_and(|extension| extension != "toml")
    });
    let path = paths.next().unwrap_or_else(|| panic!("nothing is expected of {}", input.display()));
    fs::read_to_string(path).expect("the expected file")
}

/// Every setting that a sample shows stands in the table of NOTES.md, which says where it is known from.
fn assert_settings_have_a_source(brand: &str, text: &str) {
    let notes = fs::read_to_string(crate::folder(brand).join("NOTES.md")).expect("NOTES.md");
    for line in text.lines().filter(|line| !line.starts_with(['#', '<'])) {
        let Some((key, _)) = line.split_once(" = ") else { continue };
        // Numbered settings stand there once: account.N.enable.
        let parts = key.split('.').enumerate();
        let general: Vec<&str> =
            parts.map(|(at, part)| if at > 0 && at < 3 && part.parse::<u8>().is_ok() { "N" } else { part }).collect();
        let general = general.join(".");
        let of_any_firmware = general.strip_prefix("static.").unwrap_or(&general);
        assert!(
            notes.contains(&format!("`{general}`")) || notes.contains(&format!("`{of_any_firmware}`")),
            "{brand}: NOTES.md has no source for {general}"
        );
    }
}
