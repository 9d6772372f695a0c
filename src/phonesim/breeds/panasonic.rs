//! Panasonic KX phones \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, never, numbers, value,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::url::Url;
use crate::phonesim::{Account, Fault, Identity};

/// \[facts, recorded\]
static MAKES: [Make; 1] =
    [Make { model: "KX-UT113", firmware: "01.133", code: "KX-UT113", prefix: [0x00, 0x80, 0xf0] }];

/// Panasonic.
pub(super) static BREED: Breed = Breed {
    brand: "panasonic",
    makes: &MAKES,
    trust: Trust::Authority,
    // [facts]
    most_authorities: 3,
    dhcp: Habits {
        // [facts]
        class: |_| b"Panasonic".to_vec(),
        user_class: None,
        // [facts]
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 67, 159, 160],
        place: |options: &Options, _: &[u8]| -> Option<Place> { options.first_text(&[160, 159, 66]) },
    },
    user_agent: |phone, _| format!("Panasonic_{}/{} ({})", phone.make.model, phone.make.firmware, phone.mac.plain()),
    expand,
    look,
    authorities: |file| file.values(|key| key == AUTHORITY).map(|url| Anchor::At(url.into())).collect(),
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: STANDARD, authority: AUTHORITY },
};

const AUTHORITY: &str = "CFG_ROOT_CERTIFICATE_PATH";
const STANDARD: &str = "CFG_STANDARD_FILE_PATH";

/// \[facts\]
fn expand(phone: &Identity, url: &str) -> String {
    url.replace("{MAC}", &phone.mac.plain().to_uppercase()).replace("{MODEL}", phone.make.model)
}

/// A URL that ends with `/` has `{MODEL}.cfg` added \[facts\]; then what that names as the standard file
/// \[facts\]. A URL of a file is that of the standard file.
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let phone = look.identity();
    if !look.base.path.ends_with('/') {
        let url = look.base.to_string();
        look.take(&url, Whose::Own, read)?;
        return Ok(());
    }
    look.take(&format!("{}.cfg", phone.make.model), Whose::Shared, read)?;
    let named = look.accepted().flat_map(|file| file.values(|key| key == STANDARD)).last().map(str::to_owned);
    let Some(named) = named.or_else(|| value(look.settings(), STANDARD).map(str::to_owned)) else { return Ok(()) };
    let url = expand(&phone, &named);
    Url::parse(&url)?;
    match look.take(&url, Whose::Own, read) {
        // The root certificate that the first file names comes only after this [assumed].
        Err(Halt::Fault(fault)) => look.miss(fault),
        result => {
            result?;
        }
    }
    Ok(())
}

/// Lines of `KEY="VALUE"`; the first line is a comment of this form \[facts; the first line from the
/// guides, unchecked\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: &str| Fault::Unreadable { file: name.into(), why: why.into() };
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let mut lines = text.lines();
    if lines.next().is_none_or(|first| first.trim_end() != "# Panasonic SIP Phone Standard Format File #") {
        return Err(unreadable("its first line is not that of a standard format file"));
    }
    let mut file = File::default();
    for (number, line) in lines.enumerate().map(|(number, line)| (number + 2, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let setting = line.split_once("=\"").and_then(|(key, rest)| Some((key, rest.strip_suffix('"')?)));
        match setting.filter(|(key, value)| !key.contains(char::is_whitespace) && !value.contains('"')) {
            Some((key, value)) => file.settings.push((key.into(), Some(value.into()))),
            None => file.skipped.push(number),
        }
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: get(STANDARD),
        own_server: false,
        // [facts]
        login: get("HTTP_AUTH_ID").zip(get("HTTP_AUTH_PASSWORD")),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("NTP_ADDR"),
        trust_fault: match value(settings, "HTTP_SSL_VERIFY") {
            Some("1" | "2") => None,
            _ => Some("HTTP_SSL_VERIFY is neither 1 nor 2: servers are not checked"),
        },
        accounts: accounts(settings),
    }
}

/// In minutes \[the maker's own configuration files\].
fn polling(settings: &Settings) -> Option<Duration> {
    (value(settings, "CFG_CYCLIC") == Some("Y")).then_some(())?;
    let minutes: u64 = value(settings, "CFG_CYCLIC_INTVL")?.parse().ok()?;
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("{key}_{number}"));
        Some(Account {
            number,
            user: get("PHONE_NUMBER")?.into(),
            auth_user: get("SIP_AUTHID")?.into(),
            password: Secret::new(get("SIP_PASS").unwrap_or_default()),
            display: get("DISPLAY_NAME").unwrap_or_default().into(),
            server: get("SIP_RGSTR_ADDR")?.into(),
        })
    };
    numbers(settings, "PHONE_NUMBER_", "").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_and_its_file_as_the_real_one_does() {
        let phone = Identity { breed: &BREED, make: &MAKES[0], mac: Mac::new([0x00, 0x80, 0xf0, 0xc8, 0xc3, 0x81]) };
        assert_eq!((BREED.user_agent)(&phone, 0), "Panasonic_KX-UT113/01.133 (0080f0c8c381)");
        assert_eq!(expand(&phone, "http://a/Config{MAC}.cfg"), "http://a/Config0080F0C8C381.cfg");
    }

    #[test]
    fn reads_lines_and_insists_on_the_first() {
        let file = read("a", b"# Panasonic SIP Phone Standard Format File #\nA=\"1\"\nB=2\n# c\nC=\"x\"y\"\n").unwrap();
        assert_eq!(file.settings, [("A".into(), Some("1".into()))]);
        assert_eq!(file.skipped, [3, 5]);
        assert!(read("a", b"A=\"1\"\n").is_err() && read("a", b"<html>").is_err());
    }

    #[test]
    fn acts_on_what_stands_there() {
        let settings: Settings = [
            ("CFG_CYCLIC", "Y"),
            ("CFG_CYCLIC_INTVL", "1"),
            ("PHONE_NUMBER_1", "200"),
            ("SIP_AUTHID_1", "200"),
            ("SIP_RGSTR_ADDR_1", "pbx"),
            ("PHONE_NUMBER_2", ""),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        let meaning = meaning(&settings);
        assert_eq!((meaning.polling, meaning.accounts.len()), (Some(Duration::from_secs(60)), 1));
        assert!(meaning.trust_fault.is_some());
    }
}
