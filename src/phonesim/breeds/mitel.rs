//! Mitel phones of the 68xx and 69xx series in SIP mode \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, numbers, value, verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose, local};
use crate::phonesim::{Account, Fault, Identity};

/// \[facts, as `Mitel6940 MAC:14-00-E9-1B-45-24 V:6.4.0.140-SIP`\]
static MAKES: [Make; 2] = [
    Make { model: "Mitel6920", firmware: "6.4.0.140-SIP", code: "6920", prefix: [0x14, 0x00, 0xe9] },
    Make { model: "Aastra6867i", firmware: "4.3.0.1058-SIP", code: "6867i", prefix: [0x00, 0x08, 0x5d] },
];

/// Mitel.
pub(super) static BREED: Breed = Breed {
    brand: "mitel",
    makes: &MAKES,
    trust: Trust::Authority,
    most_authorities: 4,
    dhcp: Habits {
        class: |phone| {
            format!("{}IPPhone{}", phone.make.model.trim_end_matches(phone.make.code), phone.make.code).into()
        },
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54, 66, 159, 160],
        place,
    },
    user_agent,
    expand: verbatim,
    look,
    authorities: |file| file.values(|key| key == AUTHORITY).map(|url| Anchor::At(url.into())).collect(),
    resources: |file| file.values(|key| key == "background image").map(str::to_owned).collect(),
    relative_names: false,
    meaning,
    // Told to by XML, see `look`.
    restarts: |_, _| false,
    // [facts]; `aastra-xml` is not simulated.
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: "https server", authority: AUTHORITY },
};

const AUTHORITY: &str = "https user certificates";

/// 43 (the URL in sub-option 2), 160, 159, 66 \[facts; the order uncertain\].
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    let within = options.text_within(43, 2).map(|url| (43, url));
    within.or_else(|| options.first_text(&[160, 159, 66]))
}

fn user_agent(phone: &Identity, _: usize) -> String {
    let mac = phone.mac.to_string().replace(':', "-").to_uppercase();
    format!("{} MAC:{mac} V:{}", phone.make.model, phone.make.firmware)
}

/// What it was told to ask for meanwhile, and then, started again, its files in their order \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    if let Some(url) = value(look.settings(), "action uri poll").map(str::to_owned) {
        match look.get(&url) {
            Ok(told) if String::from_utf8_lossy(&told.body).contains("\"Command: FastReboot\"") => {
                look.note("is told to start again");
            }
            Ok(_) => look.note("is told nothing"),
            Err(Halt::Fault(fault)) if local(&fault) => look.note(format!("goes on: {fault}")),
            Err(halt) => return Err(halt),
        }
    }
    let (code, mac) = (look.identity().make.code, look.identity().mac.plain().to_uppercase());
    for (name, whose) in [
        ("security.tuz".to_owned(), Whose::Shared),
        ("startup.tuz".into(), Whose::Shared),
        ("startup.cfg".into(), Whose::Shared),
        (format!("{code}.tuz"), Whose::Shared),
        (format!("{code}.cfg"), Whose::Shared),
        (format!("{mac}.tuz"), Whose::Shared),
        (format!("{mac}.cfg"), Whose::Own),
    ] {
        look.take(&name, whose, parse)?;
    }
    Ok(())
}

/// `name: value`, `#` begins a comment wherever it stands, but for between double quotes \[6700i guide p. C-6\]; `!` and
/// `^` before a name lock it or make it a default \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    if text.trim_start().starts_with('<') {
        return Err(Fault::Html { file: name.into() });
    }
    let mut file = File::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if key.trim() == key && !key.is_empty() => {
                let value = value.trim();
                let value = match value.strip_prefix('"') {
                    Some(quoted) => quoted.split('"').next().unwrap_or_default(),
                    None => value.split('#').next().unwrap_or_default().trim_end(),
                };
                let key = key.trim_start_matches(['!', '^']).to_owned();
                file.settings.push((key, (!value.is_empty()).then(|| value.to_owned())));
            }
            _ => file.skipped.push(at + 1),
        }
    }
    if file.settings.is_empty() {
        return Err(Fault::Unreadable { file: name.into(), why: "there is no line like name: value".into() });
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let server_url =
        get("https server").filter(|_| get("download protocol").as_deref() == Some("HTTPS")).map(|server| {
            let path = get("https path").unwrap_or_default();
            let port = get("https port").unwrap_or_else(|| "443".into());
            format!("https://{server}:{port}/{path}/")
        });
    let seconds = |key: &str| get(key).and_then(|seconds| seconds.parse().ok()).filter(|seconds| *seconds > 0_u64);
    let daily = || (get("auto resync mode").is_some_and(|mode| mode != "0")).then_some(86_400);
    let asked_back = get("action uri poll").and_then(|_| seconds("action uri poll interval"));
    Meaning {
        server_url,
        own_server: get("dhcp config option override").as_deref() == Some("-1"),
        login: get("http digest username").zip(get("http digest password")),
        polling: asked_back.or_else(daily).map(Duration::from_secs),
        custom_options: Vec::new(),
        time_server: get("time server1").filter(|_| get("time server disabled").as_deref() == Some("0")),
        trust_fault: (get("https validate certificates").as_deref() == Some("0"))
            .then_some("https validate certificates: 0 switches the check of certificates off"),
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let one = |number: u16| {
        let get = |key: &str| value(settings, &format!("sip line{number} {key}"));
        let user = get("user name")?;
        Some(Account {
            number,
            user: user.into(),
            auth_user: get("auth name").unwrap_or(user).into(),
            password: Secret::new(get("password").unwrap_or_default()),
            display: get("display name").unwrap_or_default().into(),
            server: get("registrar ip")?.into(),
        })
    };
    numbers(settings, "sip line", " user name").into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::flash::Flash;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x14, 0x00, 0xe9, 0x1b, 0x45, 0x24]);
        let phone = Identity { breed: &BREED, make: &MAKES[0], mac };
        assert_eq!(user_agent(&phone, 0), "Mitel6920 MAC:14-00-E9-1B-45-24 V:6.4.0.140-SIP");
        assert_eq!((BREED.dhcp.class)(&phone), b"MitelIPPhone6920");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let text = "# x\ndownload protocol: HTTPS\nhttps server: 10.66.0.1\nhttps path: p\nhttps port: 8443\n\
                    !sip line1 user name: 201\nsip line1 registrar ip: pbx\nsip line2 user name:\nnonsense\n\
                    sip line1 password: \"a#b\"\nsip line1 display name: c # d\nauto resync mode: 1\naction uri poll: http://a/x.xml\naction uri poll interval: 60\n";
        let file = parse("a.cfg", text.as_bytes()).unwrap();
        assert_eq!(file.skipped, [9]);
        let mut flash = Flash::new(&BREED);
        flash.apply(&file);
        let meaning = flash.meaning();
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1:8443/p/"));
        assert_eq!(meaning.polling, Some(Duration::from_secs(60)));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        assert_eq!((meaning.accounts[0].password.expose(), meaning.accounts[0].display.as_str()), ("a#b", "c"));
        flash.apply(&parse("a.cfg", b"action uri poll:\n").unwrap());
        assert_eq!(flash.meaning().polling, Some(Duration::from_secs(86_400)));
    }

    #[test]
    fn the_url_within_43_goes_first() {
        let given =
            |list: &[(u8, &[u8])]| Options::of(list.iter().map(|(code, octets)| (*code, octets.to_vec())).collect());
        let both = given(&[(43, b"\x02\x08http://a\x03\x010"), (66, b"http://b")]);
        assert_eq!(place(&both, &[]), Some((43, "http://a".into())));
        assert_eq!(place(&given(&[(66, b"http://b"), (159, b"http://c")]), &[]), Some((159, "http://c".into())));
    }

    #[test]
    fn what_is_no_configuration_is_ignored() {
        for text in ["", "<html>", "nonsense\n"] {
            assert!(parse("a.cfg", text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
