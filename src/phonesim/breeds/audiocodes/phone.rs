//! Phones of the 4xx series \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, never, numbers, value,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity};

/// \[facts, as `AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)`\]
static MAKES: [Make; 2] = [
    Make { model: "440HDG-Rev0", firmware: "2.2.8.61", code: "440HD", prefix: [0x00, 0x90, 0x8f] },
    Make { model: "420HD", firmware: "2.0.0_build_15", code: "420HD", prefix: [0x00, 0x90, 0x8f] },
];

/// AudioCodes 4xx.
pub(in crate::phonesim::breeds) static BREED: Breed = Breed {
    brand: "audiocodes",
    makes: &MAKES,
    trust: Trust::Authority,
    // Five of its owner's [420HD p. 202].
    most_authorities: 5,
    dhcp: Habits {
        class: |_| Vec::new(),
        // The model [facts].
        user_class: Some(b"440HD"),
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54, 66, 67, 160],
        place,
    },
    user_agent: |phone, _| {
        let mac = phone.mac.plain().to_uppercase();
        format!("AUDC-IPPhone/{} ({}; {mac})", phone.make.firmware, phone.make.model)
    },
    expand,
    look,
    authorities,
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts: never,
    // By likeness with its gateways [assumed].
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: URL, authority: "security/ca_certificate/0/uri" },
};

const URL: &str = "provisioning/configuration/url";

/// 160, then 66 with the names in 67, then 43 \[facts\].
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    let with_names = |server: String| match options.text(67) {
        Some(names) if !server.contains(';') => format!("{}/{names}", server.trim_end_matches('/')),
        _ => server,
    };
    let by_66 = || Some((66, with_names(options.text(66)?)));
    options.first_text(&[160]).or_else(by_66).or_else(|| options.first_text(&[43]))
}

/// `proto://host/firmware;configuration`, of which each may be left out; `<MAC>` and `<MODEL>` are filled in
/// \[facts\].
fn expand(phone: &Identity, url: &str) -> String {
    let url = match url.split_once(';') {
        Some((folder, name)) => {
            let folder = folder.rsplit_once('/').map_or(folder, |(folder, _)| folder);
            format!("{folder}/{name}")
        }
        None => url.to_owned(),
    };
    url.replace("<MAC>", &phone.mac.plain()).replace("<MODEL>", phone.make.code)
}

/// `<mac>.cfg`, where the URL names no file \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let own = format!("{}.cfg", look.identity().mac.plain());
    if look.base.path.to_ascii_lowercase().ends_with(".cfg") {
        let fetched = look.ask(&Ask::get(look.base.clone()));
        look.weigh(&own, Whose::Own, fetched, parse)?;
    } else {
        look.take(&own, Whose::Own, parse)?;
    }
    Ok(())
}

/// Flat `a/b/c=value`; `;` begins a comment \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    if text.trim_start().starts_with('<') {
        return Err(Fault::Html { file: name.into() });
    }
    let mut file = File::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.split(';').next().unwrap_or_default().trim();
        match line.split_once('=') {
            Some((key, value)) if key.contains('/') && !key.contains(char::is_whitespace) => {
                file.settings.push((key.into(), Some(value.trim().into())));
            }
            _ if line.is_empty() => {}
            _ => file.skipped.push(at + 1),
        }
    }
    if file.settings.is_empty() {
        return Err(Fault::Unreadable { file: name.into(), why: "there is no line like a/b=c".into() });
    }
    Ok(file)
}

fn authorities(file: &File) -> Vec<Anchor> {
    let named = file.values(|key| key.starts_with("security/ca_certificate/") && key.ends_with("/uri"));
    named.map(|url| Anchor::At(url.into())).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: get(URL),
        own_server: value(settings, "provisioning/method") == Some("STATIC"),
        login: get(URL).and_then(|url| login(&url)),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("system/ntp/primary_server_address"),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

/// What stands before the host; that phones of this brand take it there is \[assumed\].
fn login(url: &str) -> Option<(String, String)> {
    let (login, _) = url.split_once("://")?.1.split_once('@')?;
    let (user, password) = login.split_once(':')?;
    Some((user.into(), password.into()))
}

/// \[facts\]; hourly each 24 where nothing is said.
fn polling(settings: &Settings) -> Option<Duration> {
    let hours = value(settings, "provisioning/period/hourly/hours_interval").and_then(|hours| hours.parse().ok());
    let minutes: u64 = match value(settings, "provisioning/period/type")? {
        "EVERY5MINUTES" => 5,
        "EVERY15MINUTES" => 15,
        "HOURLY" => hours.unwrap_or(24_u64) * 60,
        "DAILY" => 1440,
        "WEEKLY" => 7 * 1440,
        _ => return None,
    };
    Some(Duration::from_secs(minutes * 60))
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let Some(server) = value(settings, "voip/signalling/sip/proxy_address") else { return Vec::new() };
    let one = |number: u16| {
        let get = |key: &str| value(settings, &format!("voip/line/{number}/{key}"));
        (get("enabled") == Some("1")).then_some(())?;
        let user = get("id")?;
        Some(Account {
            number: number + 1,
            user: user.into(),
            auth_user: get("auth_name").unwrap_or(user).into(),
            password: Secret::new(get("auth_password").unwrap_or_default()),
            display: get("description").unwrap_or_default().into(),
            server: server.into(),
        })
    };
    numbers(settings, "voip/line/", "/enabled").into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::flash::Flash;

    fn phone() -> Identity {
        Identity { breed: &BREED, make: &MAKES[0], mac: Mac::new([0x00, 0x90, 0x8f, 0x60, 0x2a, 0xac]) }
    }

    #[test]
    fn names_itself_as_the_real_one_does() {
        assert_eq!((BREED.user_agent)(&phone(), 0), "AUDC-IPPhone/2.2.8.61 (440HDG-Rev0; 00908F602AAC)");
    }

    #[test]
    fn reads_the_options_that_it_knows() {
        let given = |list: &[(u8, &str)]| {
            Options::of(list.iter().map(|(code, text)| (*code, text.as_bytes().into())).collect())
        };
        let all = given(&[(160, "http://a/p/;<MAC>.cfg"), (66, "http://b"), (67, ";c.cfg")]);
        let (code, url) = place(&all, &[]).unwrap();
        assert_eq!((code, expand(&phone(), &url).as_str()), (160, "http://a/p/00908f602aac.cfg"));
        let (code, url) = place(&given(&[(66, "http://b"), (67, ";c.cfg")]), &[]).unwrap();
        assert_eq!((code, expand(&phone(), &url).as_str()), (66, "http://b/c.cfg"));
        assert_eq!(expand(&phone(), "http://a/440HD.img;x.cfg"), "http://a/x.cfg");
        assert_eq!(expand(&phone(), "http://a/p/"), "http://a/p/");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let text = "; comment\nvoip/line/0/enabled=1\nvoip/line/0/id=201\nvoip/line/1/enabled=0\nnonsense\n\
                    voip/signalling/sip/proxy_address=pbx\nprovisioning/period/type=HOURLY\n\
                    provisioning/period/hourly/hours_interval=23\n\
                    provisioning/configuration/url=https://u:p@10.66.0.1/p/x.cfg\n";
        let file = parse("a.cfg", text.as_bytes()).unwrap();
        assert_eq!(file.skipped, [5]);
        let mut flash = Flash::new(&BREED);
        flash.apply(&file);
        let meaning = flash.meaning();
        assert_eq!(meaning.polling, Some(Duration::from_secs(23 * 3600)));
        assert_eq!(meaning.login, Some(("u".into(), "p".into())));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
    }

    #[test]
    fn what_is_no_configuration_is_ignored() {
        for text in ["", "<html>", "\u{feff}", "[section]\nkey = value\n"] {
            assert!(parse("a.cfg", text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse("a.cfg", b"\xff").is_err());
    }
}
