//! Grandstream phones and adapters \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, as_told, check_sync,
    value, verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// \[facts, recorded\]; the code is what stands between model and firmware.
static MAKES: [Make; 2] = [
    Make { model: "GXP2135", firmware: "1.0.7.97", code: "", prefix: [0x00, 0x0b, 0x82] },
    Make { model: "HT801", firmware: "1.0.17.5", code: " V1.1A", prefix: [0xc0, 0x74, 0xad] },
];

/// Grandstream.
pub(super) static BREED: Breed = Breed {
    brand: "grandstream",
    makes: &MAKES,
    trust: Trust::Authority,
    // A place for one, and another for a second [administrator's guide, unchecked].
    most_authorities: 2,
    dhcp: Habits {
        // What it is by default is not known [facts].
        class: |_| Vec::new(),
        user_class: None,
        // [facts]
        wanted: &[1, 2, 3, 6, 12, 15, 42, 43, 51, 54, 66, 120, 132, 160],
        place: |options: &Options, _: &[u8]| -> Option<Place> { options.first_text(&[66, 160]) },
    },
    user_agent,
    expand: verbatim,
    look,
    authorities,
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts,
    // [facts]
    notices: Notices { knows, heeds: as_told },
    words: Words { server_url: "P237", authority: "P8433 or P2386" },
};

/// \[facts, as `Grandstream Model HW HT801 V1.1A SW 1.0.17.5 DevId 000b828aa872`\]
fn user_agent(phone: &Identity, _: usize) -> String {
    let Make { model, firmware, code, .. } = phone.make;
    format!("Grandstream Model HW {model}{code} SW {firmware} DevId {}", phone.mac.plain())
}

/// The binary file, then by MAC, by model and for all, until one is there \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (model, mac) = (look.identity().make.model.to_lowercase(), look.identity().mac.plain());
    let binary = |name: &str, _: &[u8]| {
        Err(Fault::Unreadable { file: name.into(), why: "it is not in the maker's binary form".into() })
    };
    let names = [(format!("cfg{mac}"), Whose::Shared), (format!("cfg{mac}.bin"), Whose::Shared)];
    for (name, whose) in names {
        look.take(&name, whose, binary)?;
    }
    let adapter = model.starts_with("ht");
    for (name, whose) in [
        (format!("cfg{mac}.xml"), Whose::Own),
        (format!("cfg{model}.xml"), Whose::Shared),
        ("cfg.xml".into(), Whose::Shared),
    ] {
        let own = mac.clone();
        if look.take(&name, whose, move |name, bytes| read(name, bytes, &own, adapter))? {
            break;
        }
    }
    Ok(())
}

/// `gs_provision` in version 1: elements of `config` are settings by number. A `mac` that is another's is refused
/// \[facts; the refusal from the guides, unchecked\]. What P194 counts differs: adapters have minutes at 3,
/// phones at 1 \[the vendor's own configuration files\].
fn read(name: &str, bytes: &[u8], mac: &str, adapter: bool) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    let outermost = elements.first().filter(|element| element.name() == "gs_provision");
    if outermost.and_then(|element| element.attribute("version")) != Some("1") {
        return Err(unreadable("it is no <gs_provision version=\"1\">".into()));
    }
    let mut file = File::default();
    for element in &elements {
        if element.name() == "mac" && !element.text.eq_ignore_ascii_case(mac) {
            return Err(unreadable(format!("it is for {}", element.text)));
        }
        if element.is_in("config") {
            let number = element.name().strip_prefix('P').filter(|digits| digits.parse::<u32>().is_ok());
            let key = number.ok_or_else(|| unreadable(format!("<{}> is no P value", element.name())))?;
            file.settings.push((format!("P{key}"), Some(element.text.clone())));
            if key == "194" {
                let every = match (adapter, element.text.as_str()) {
                    (true, "3") | (false, "1") => "minutes",
                    (true, "1") | (false, "2") => "daily",
                    (true, "2") | (false, "3") => "weekly",
                    _ => "never",
                };
                file.settings.push((LOOKS.into(), Some(every.into())));
            }
        }
    }
    Ok(file)
}

fn authorities(file: &File) -> Vec<Anchor> {
    let held = file.values(|key| matches!(key, "P8433" | "P2386"));
    held.map(|pem| Anchor::Inline(pem.as_bytes().to_vec())).collect()
}

/// It starts over when it is told to ask elsewhere \[assumed: the binary file "may redirect", facts\].
fn restarts(before: &Settings, after: &Settings) -> bool {
    ["P212", "P237", "P1360", "P1361"].iter().any(|key| before.get(*key) != after.get(*key))
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: server_url(settings),
        // 1, the default, lets DHCP override it [facts].
        own_server: value(settings, "P145") == Some("0"),
        login: get("P1360").zip(get("P1361")),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("P30"),
        trust_fault: trust_fault(settings),
        accounts: accounts(settings),
    }
}

/// A path without scheme, and the scheme by number \[facts\].
fn server_url(settings: &Settings) -> Option<String> {
    let path = value(settings, "P237").filter(|path| !path.contains("://"))?;
    let scheme = match value(settings, "P212") {
        Some("1") => "http",
        Some("2") => "https",
        Some("3") => "ftp",
        _ => "tftp",
    };
    Some(format!("{scheme}://{path}"))
}

/// What P194 means to this device.
const LOOKS: &str = "looks";

/// Every so many minutes, 60 at least \[facts, the vendor's own configuration files\], or daily, or weekly.
fn polling(settings: &Settings) -> Option<Duration> {
    let minutes = match value(settings, LOOKS)? {
        "minutes" => value(settings, "P193")?.parse::<u64>().ok()?.max(60),
        "daily" => 1440,
        "weekly" => 10_080,
        _ => return None,
    };
    Some(Duration::from_secs(minutes * 60))
}

/// Which CAs are believed: built-in ones alone (0), ours alone (1) or all (2) \[the vendor's page has these three, the
/// number is unchecked\].
fn trust_fault(settings: &Settings) -> Option<&'static str> {
    match value(settings, "P8502") {
        Some("1" | "2") => None,
        _ => Some("P8502 leaves the installed CAs out"),
    }
}

/// The first account has numbers of its own; those of the others begin with their number and 2 \[facts, a plugin in
/// production\].
fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |first: &str, other: &str| match number {
            1 => value(settings, first),
            _ => value(settings, &format!("P{}{other}", number + 2)),
        };
        (get("P271", "01") == Some("1")).then_some(())?;
        let user = get("P35", "04")?.to_owned();
        Some(Account {
            number,
            auth_user: get("P36", "05").unwrap_or(&user).into(),
            password: Secret::new(get("P34", "06").unwrap_or_default()),
            display: get("P3", "07").unwrap_or_default().into(),
            server: get("P47", "02")?.into(),
            user,
        })
    };
    (1..=16).filter_map(account).collect()
}

fn knows(event: &str) -> Option<Call> {
    match event {
        "resync" => Some(Call::Look),
        "reboot" => Some(Call::Restart),
        _ => check_sync(event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x00, 0x0b, 0x82, 0x8a, 0xa8, 0x72]);
        let say = |make| user_agent(&Identity { breed: &BREED, make, mac }, 0);
        assert_eq!(say(&MAKES[0]), "Grandstream Model HW GXP2135 SW 1.0.7.97 DevId 000b828aa872");
        assert_eq!(say(&MAKES[1]), "Grandstream Model HW HT801 V1.1A SW 1.0.17.5 DevId 000b828aa872");
    }

    #[test]
    fn reads_numbers_and_refuses_what_is_not_its_own() {
        let text = |mac: &str, inner: &str| {
            format!("<gs_provision version=\"1\"><mac>{mac}</mac><config version=\"1\">{inner}</config></gs_provision>")
        };
        let read = |text: String| read("a.xml", text.as_bytes(), "000b82000001", false);
        let file = read(text("000B82000001", "<P271>1</P271>")).unwrap();
        assert_eq!(file.settings, [("P271".into(), Some("1".into()))]);
        assert!(read(text("000b82000002", "<P271>1</P271>")).is_err());
        assert!(read(text("000b82000001", "<P27x>1</P27x>")).is_err());
        assert!(read("<hl_provision version=\"1\"/>".into()).is_err());
    }

    #[test]
    fn adapters_count_minutes_with_another_number() {
        for (adapter, mode, minutes) in [(false, "1", 90), (true, "3", 90), (true, "1", 1440), (false, "3", 10_080)] {
            let inner = format!("<config version=\"1\"><P194>{mode}</P194><P193>90</P193></config>");
            let text = format!("<gs_provision version=\"1\"><mac>000b82000001</mac>{inner}</gs_provision>");
            let file = read("a.xml", text.as_bytes(), "000b82000001", adapter).unwrap();
            let settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
            assert_eq!(polling(&settings), Some(Duration::from_secs(minutes * 60)), "{adapter} {mode}");
        }
    }

    #[test]
    fn acts_on_what_stands_there() {
        let settings: Settings = [
            ("P212", "2"),
            ("P237", "10.66.0.1/p"),
            ("P145", "0"),
            (LOOKS, "minutes"),
            ("P193", "1"),
            ("P271", "1"),
            ("P35", "200"),
            ("P47", "pbx"),
            ("P401", "1"),
            ("P402", "pbx"),
            ("P404", "201"),
            ("P501", "0"),
            ("P504", "202"),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p"));
        assert_eq!(meaning.polling, Some(Duration::from_secs(3600)), "an hour is the least");
        assert!(meaning.own_server && meaning.trust_fault.is_some());
        assert_eq!(meaning.accounts.iter().map(|account| account.number).collect::<Vec<_>>(), [1, 2]);
        assert!(restarts(&Settings::new(), &settings) && !restarts(&settings, &settings));
    }
}
