//! Snom desk phones \[facts\].

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, never, numbers, value, verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// \[facts\]; the code is what stands behind the firmware in a recorded User-Agent.
static MAKES: [Make; 2] = [
    Make { model: "snomD785", firmware: "10.1.33.33", code: "2010.12-00001", prefix: [0x00, 0x04, 0x13] },
    Make { model: "snom710", firmware: "8.7.5.35", code: "1.1.5-IFX-05.01.12", prefix: [0x00, 0x04, 0x13] },
];

/// Snom.
pub(super) static BREED: Breed = Breed {
    brand: "snom",
    makes: &MAKES,
    trust: Trust::Authority,
    // [assumed]
    most_authorities: 10,
    dhcp: Habits {
        // [facts, as snomD785]
        class: |phone| phone.make.model.as_bytes().to_vec(),
        user_class: None,
        // [facts; 132 and 133 are VLAN and priority]
        wanted: &[1, 2, 3, 6, 15, 42, 43, 51, 54, 58, 59, 66, 67, 132, 133],
        place,
    },
    user_agent,
    expand: verbatim,
    look,
    authorities,
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: "setting_server", authority: "a certificate" },
};

/// What is tunnelled in 43 beats the plain options \[facts\].
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    options.text_within(43, 66).map(|url| (43, url)).or_else(|| options.first_text(&[66]))
}

/// \[facts, as `Mozilla/4.0 (compatible; snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 000413741767)`\]
fn user_agent(phone: &Identity, _: usize) -> String {
    let Make { model, firmware, code, .. } = phone.make;
    format!("Mozilla/4.0 (compatible; {model}-SIP {firmware} {code} {})", phone.mac.plain().to_uppercase())
}

/// A URL without a file: the model's file, then its twin with the MAC; then what those list; then where the firmware
/// is \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (model, mac) = (look.identity().make.model, look.identity().mac.plain().to_uppercase());
    look.take(&format!("{model}.htm"), Whose::Shared, read)?;
    look.take(&format!("{model}-{mac}.htm"), Whose::Own, read)?;
    let listed: Vec<String> =
        look.accepted().flat_map(|file| file.values(|key| key == LISTED)).map(Into::into).collect();
    for url in listed {
        look.take(&url, Whose::Shared, read)?;
    }
    look.take(&format!("{model}-firmware.htm"), Whose::Shared, read)?;
    Ok(())
}

const LISTED: &str = "setting-files/file";
const BASE64: &str = "certificates/base64";
const AT: &str = "certificates/url";

/// Elements of `phone-settings` are settings, numbered by `idx`. Certificates and further files stand beside them
/// \[facts\].
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    let outermost = elements.first().map_or("", xml::Element::name);
    if !matches!(outermost, "settings" | "firmware-settings" | "tbook") {
        return Err(unreadable(format!("<{outermost}> is not <settings>")));
    }
    let mut file = File::default();
    let mut add = |key: String, value: &str| file.settings.push((key, Some(value.to_owned())));
    for element in &elements {
        if element.is_in("phone-settings") {
            add(format!("{}{}", element.name(), element.attribute("idx").unwrap_or_default()), &element.text);
        } else if element.is_in("setting-files") {
            add(LISTED.into(), element.attribute("url").unwrap_or_default());
        } else if element.is_in("certificates") {
            match (element.attribute("url"), element.attribute("type")) {
                (Some(url), _) => add(AT.into(), url),
                (None, Some("base64")) => add(BASE64.into(), &element.text),
                (None, _) => return Err(unreadable("a certificate is of no known type".into())),
            }
        }
    }
    Ok(file)
}

pub(super) fn authorities(file: &File) -> Vec<Anchor> {
    let inline = |text: &str| Anchor::Inline(STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()));
    let held = file.values(|key| key == BASE64).map(inline);
    held.chain(file.values(|key| key == AT).map(|url| Anchor::At(url.into()))).collect()
}

/// Pictures and sounds by URL \[facts, templates in production\].
fn resources(file: &File) -> Vec<String> {
    file.values(|key| key == "custom_bg_image_url" || key.starts_with("user_custom")).map(str::to_owned).collect()
}

pub(super) fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: get("setting_server"),
        own_server: false,
        login: get("http_client_user").zip(get("http_client_pass")),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("ntp_server"),
        // A server with another CA is refused, and there is no switch [facts].
        trust_fault: None,
        accounts: accounts(settings),
    }
}

/// By the newer settings, else by the older one \[vendor's pages, unchecked\].
fn polling(settings: &Settings) -> Option<Duration> {
    let seconds = |key: &str| value(settings, key)?.parse::<u64>().ok().filter(|seconds| *seconds > 0);
    let newer = match (value(settings, "prov_polling_enabled"), value(settings, "prov_polling_mode")) {
        (Some("on"), Some("abs")) => Some(86_400),
        (Some("on"), _) => seconds("prov_polling_period"),
        _ => None,
    };
    newer.or_else(|| seconds("settings_refresh_timer")).map(Duration::from_secs)
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("{key}{number}"));
        (get("user_active") == Some("on")).then_some(())?;
        let user = get("user_name")?.to_owned();
        Some(Account {
            number,
            auth_user: get("user_pname").unwrap_or(&user).into(),
            password: Secret::new(get("user_pass").unwrap_or_default()),
            display: get("user_realname").unwrap_or_default().into(),
            server: get("user_host")?.into(),
            user,
        })
    };
    numbers(settings, "user_name", "").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x00, 0x04, 0x13, 0x74, 0x17, 0x67]);
        let phone = Identity { breed: &BREED, make: &MAKES[1], mac };
        let recorded = "Mozilla/4.0 (compatible; snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 000413741767)";
        assert_eq!(user_agent(&phone, 0), recorded);
    }

    #[test]
    fn reads_settings_certificates_and_lists() {
        let text =
            b"<settings><phone-settings><user_name idx=\"1\" perm=\"\">200</user_name><ntp_server>t</ntp_server>\
                     </phone-settings><certificates><certificate type=\"base64\">AQI=</certificate></certificates>\
                     <setting-files><file url=\"http://a/b.xml\"/></setting-files></settings>";
        let file = read("a.htm", text).unwrap();
        assert_eq!(file.values(|key| key == "user_name1").collect::<Vec<_>>(), ["200"]);
        assert_eq!(file.values(|key| key == LISTED).collect::<Vec<_>>(), ["http://a/b.xml"]);
        assert_eq!(authorities(&file), [Anchor::Inline(vec![1, 2])]);
        for wrong in [&b"<html></html>"[..], b"user_name1: 200\n", b"<settings>"] {
            assert!(read("a.htm", wrong).is_err());
        }
    }

    #[test]
    fn acts_on_what_stands_there() {
        let mut settings: Settings = [
            ("user_active1", "on"),
            ("user_name1", "200"),
            ("user_host1", "pbx"),
            ("user_active2", "off"),
            ("user_name2", "201"),
            ("settings_refresh_timer", "60"),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        assert_eq!(meaning(&settings).accounts.len(), 1);
        assert_eq!(meaning(&settings).polling, Some(Duration::from_secs(60)));
        settings.insert("prov_polling_enabled".into(), "on".into());
        settings.insert("prov_polling_period".into(), "120".into());
        assert_eq!(meaning(&settings).polling, Some(Duration::from_secs(120)));
        let tunnelled = Options::of([(43, b"\x42\x07http:1\0".to_vec()), (66, b"http:2".to_vec())].into());
        assert_eq!(place(&tunnelled, &[]), Some((43, "http:1".into())));
    }
}
