//! Fanvil phones \[facts\]. They take a URL that names their file, and check no certificate.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, never, numbers, value,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault};

/// Fanvil.
pub(super) static BREED: Breed = Breed {
    brand: "fanvil",
    // User-Agents [facts]; the code is the name of the common file, of the form of F0V00X200000.cfg [facts].
    makes: &[
        Make { model: "X6U Pro", firmware: "0.0.10", code: "F0V00X6U0000", prefix: [0x0c, 0x38, 0x3e] },
        Make { model: "X4", firmware: "2.10.2.6887", code: "f0X4hw1", prefix: [0x0c, 0x38, 0x3e] },
    ],
    trust: Trust::Unchecked,
    most_authorities: 0,
    dhcp: Habits {
        // No class that is known [facts].
        class: |_| Vec::new(),
        user_class: None,
        // [facts, "choose 66, 43 …"]; the rest as phones do [assumed].
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54, 66],
        place: |options, _| options.first_text(&[66, 43]),
    },
    // [facts, as `Fanvil X6U Pro 0.0.10 0c383e2cd782`]
    user_agent: |phone, _| format!("Fanvil {} {} {}", phone.make.model, phone.make.firmware, phone.mac.plain()),
    expand: |phone, url| url.replace("$mac", &phone.mac.plain()),
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices::CHECK_SYNC,
    words: Words { server_url: "Flash Server IP", authority: "none" },
};

/// The model's common file, until a file says not to ask for it, and the file that the URL names \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    if value(look.settings(), "Download CommonConf") != Some("0") {
        let mut folder = look.base.clone();
        folder.path.truncate(folder.path.rfind('/').unwrap_or_default());
        let common = format!("{}.cfg", look.identity().make.code);
        let fetched = look.ask(&Ask::get(folder.file(&common)?));
        look.weigh(&common, Whose::Shared, fetched, parse)?;
    }
    let own = look.base.clone();
    let fetched = look.ask(&Ask::get(own.clone()));
    look.weigh(own.name(), Whose::Own, fetched, parse)?;
    Ok(())
}

/// `Name :value` within modules and their parts. Names of keys come again on each page, so that the part is added
/// \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: &str| Fault::Unreadable { file: name.into(), why: why.into() };
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let mut lines = text.lines().map(str::trim).enumerate();
    let version = lines.next().and_then(|(_, line)| line.strip_prefix("<<VOIP CONFIG FILE>>Version:"));
    if version.is_none_or(|version| version.is_empty()) {
        return Err(unreadable("it does not begin with <<VOIP CONFIG FILE>> and a version"));
    }
    let (mut file, mut module, mut part, mut ended) = (File::default(), String::new(), String::new(), false);
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        if line == "<<END OF FILE>>" {
            ended = true;
            break;
        }
        if let Some(name) = line.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
            (module, part) = (name.into(), String::new());
            continue;
        }
        if let Some((name, _)) = line.strip_prefix("--").and_then(|rest| rest.rsplit_once("--")) {
            part = name.trim().into();
            continue;
        }
        match line.split_once(':') {
            Some((key, value)) if !module.is_empty() && !key.trim().is_empty() => {
                let key = key.trim();
                let key = if key.starts_with("Fkey") { format!("{part} {key}") } else { key.into() };
                file.settings.push((key, Some(value.trim().into())));
            }
            _ => file.skipped.push(index + 1),
        }
    }
    if !ended {
        return Err(unreadable("it does not end with <<END OF FILE>>"));
    }
    Ok(file)
}

fn resources(file: &File) -> Vec<String> {
    let named = file.values(|key| {
        matches!(key, "Auto Etc Url" | "Auto Image Url") || key.starts_with("XML-PBook") && key.ends_with(" Addr")
    });
    named.map(str::to_owned).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    // 4 is HTTP and 5 HTTPS; what stands there may hold the scheme itself [facts, templates of FusionPBX and wazo].
    let scheme = match value(settings, "Flash Protocol") {
        Some("4") => Some("http"),
        Some("5") => Some("https"),
        _ => None,
    };
    let server = get("Flash Server IP").zip(get("Flash File Name")).zip(scheme);
    Meaning {
        own_server: false,
        server_url: server.map(|((host, name), scheme)| {
            let host = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest).trim_end_matches('/');
            format!("{scheme}://{host}/{name}")
        }),
        login: get("Default Username").zip(get("Default Password")),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("SNTP Server"),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

/// Mode 2 looks again after so many hours, 1 to 720 \[vendor guide, unchecked\].
fn polling(settings: &Settings) -> Option<Duration> {
    (value(settings, "Flash Mode") == Some("2")).then_some(())?;
    let hours: u64 = value(settings, "Flash Interval")?.parse().ok()?;
    (1..=720).contains(&hours).then(|| Duration::from_secs(hours * 3600))
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("SIP{number} {key}"));
        (get("Enable Reg") == Some("1")).then_some(())?;
        let user = get("Phone Number")?.to_owned();
        Some(Account {
            number,
            auth_user: get("Register User").unwrap_or(&user).into(),
            password: Secret::new(get("Register Pswd").unwrap_or_default()),
            display: get("Display Name").unwrap_or_default().into(),
            server: get("Register Addr")?.into(),
            user,
        })
    };
    numbers(settings, "SIP", " Enable Reg").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::Identity;
    use crate::phonesim::flash::Flash;

    const FILE: &str = "<<VOIP CONFIG FILE>>Version:2.0000000000\r\n\r\n<AUTOUPDATE CONFIG MODULE>\r\n\
        Flash Server IP    :https://10.66.0.1/p/\r\nFlash File Name:$mac.cfg\r\nFlash Protocol :5\r\nFlash Mode :2\r\n\
        Flash Interval :24\r\nDefault Username :p1\r\nDefault Password :a:b\r\nnonsense\r\n<SIP CONFIG MODULE>\r\n\
        --SIP Line List--  :\r\nSIP1 Phone Number :201\r\nSIP1 Register Addr :pbx\r\nSIP1 Enable Reg :1\r\n\
        SIP2 Phone Number :202\r\nSIP2 Register Addr :pbx\r\nSIP2 Enable Reg :0\r\n<DSSKEY CONFIG MODULE>\r\n\
        --Dsskey Config1--:\r\nFkey1 Type :1\r\n--Dsskey Config2--:\r\nFkey1 Type :2\r\n<<END OF FILE>>\r\n";

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x0c, 0x38, 0x3e, 0x07, 0xe1, 0x6c]);
        let phone = Identity { breed: &BREED, make: &BREED.makes[1], mac };
        assert_eq!((BREED.user_agent)(&phone, 0), "Fanvil X4 2.10.2.6887 0c383e07e16c");
        assert_eq!((BREED.expand)(&phone, "http://10.66.0.1/p/$mac.cfg"), "http://10.66.0.1/p/0c383e07e16c.cfg");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let file = parse("a.cfg", FILE.as_bytes()).unwrap();
        assert_eq!(file.skipped, [11]);
        let mut flash = Flash::new(&BREED);
        assert_eq!((flash.meaning().login, flash.meaning().polling), (None, None), "in the factory state");
        flash.apply(&file);
        let meaning = flash.meaning();
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p/$mac.cfg"));
        assert_eq!(meaning.login, Some(("p1".into(), "a:b".into())));
        assert_eq!(meaning.polling, Some(Duration::from_secs(86_400)));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        assert_eq!(value(&flash.settings, "Dsskey Config1 Fkey1 Type"), Some("1"));
        assert_eq!(value(&flash.settings, "Dsskey Config2 Fkey1 Type"), Some("2"));
    }

    #[test]
    fn a_file_without_its_first_or_last_line_is_ignored() {
        for wrong in [FILE.replace("<<END OF FILE>>", ""), FILE.replace("<<VOIP", "<VOIP"), FILE[60..].into()] {
            assert!(matches!(parse("a.cfg", wrong.as_bytes()), Err(Fault::Unreadable { .. })), "{wrong}");
        }
        assert!(matches!(parse("a.cfg", b"\xff"), Err(Fault::NotText { .. })));
    }
}
