//! Htek phones \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, check_sync, never,
    value, verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// Htek.
pub(super) static BREED: Breed = Breed {
    brand: "htek",
    // User-Agent [facts]; the second by likeness. The code is that of the common file [facts].
    makes: &[
        Make { model: "UC903", firmware: "2.0.4.2", code: "0016", prefix: [0x00, 0x1f, 0xc1] },
        Make { model: "UC926", firmware: "2.0.4.4.58", code: "0010", prefix: [0x00, 0x1f, 0xc1] },
    ],
    trust: Trust::Authority,
    most_authorities: 1,
    dhcp: Habits {
        // No class that is known [facts].
        class: |_| Vec::new(),
        user_class: None,
        // [facts, "66 known"]; the rest as phones do [assumed].
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66],
        place: |options, _| options.first_text(&[66]),
    },
    // [facts, as `Htek UC903 2.0.4.2 00:1f:c1:1c:22:a9`]
    user_agent: |phone, _| format!("Htek {} {} {}", phone.make.model, phone.make.firmware, phone.mac),
    expand: verbatim,
    look,
    authorities: |file| file.values(|key| key == "P20179").map(|url| Anchor::At(url.into())).collect(),
    resources: |file| file.values(|key| BOOKS.contains(&key)).map(str::to_owned).collect(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices { knows, heeds: as_told },
    words: Words { server_url: "P237", authority: "P20179" },
};

/// URLs of phone books \[facts, template of FusionPBX\].
const BOOKS: [&str; 5] = ["P4401", "P4402", "P4403", "P4404", "P4405"];

/// User, name for Digest, password, display name, server and switch of each account \[facts, templates of FusionPBX\].
const ACCOUNTS: [[&str; 6]; 4] = [
    ["P35", "P36", "P34", "P3", "P47", "P271"],
    ["P735", "P736", "P734", "P703", "P747", "P401"],
    ["P504", "P505", "P506", "P507", "P502", "P501"],
    ["P604", "P605", "P606", "P607", "P602", "P601"],
];

/// `cfg<code>.xml`, `cfg<mac>`, `cfg<mac>.xml` \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let Identity { make, mac, .. } = look.identity();
    look.take(&format!("cfg{}.xml", make.code), Whose::Shared, parse)?;
    look.take(&format!("cfg{}", mac.plain()), Whose::Shared, parse)?;
    look.take(&format!("cfg{}.xml", mac.plain()), Whose::Own, parse)?;
    Ok(())
}

/// Elements within `hl_provision` and `config` \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "hl_provision" || element.attribute("version").is_none())
    {
        return Err(unreadable("its outermost element is not hl_provision with a version".into()));
    }
    let settings = elements.iter().filter(|element| element.is_in("config") && element.name().starts_with('P'));
    let settings = settings.map(|element| (element.name().to_owned(), Some(element.text.clone()))).collect();
    Ok(File { settings, skipped: Vec::new() })
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let minutes = get("P193").and_then(|text| text.parse().ok()).filter(|minutes| *minutes > 0);
    // 1 is HTTP and 3 HTTPS [facts, template of FusionPBX].
    let fits = |url: &String| match value(settings, "P212") {
        Some("3") => url.starts_with("https:"),
        Some("1") => url.starts_with("http:"),
        _ => false,
    };
    Meaning {
        server_url: get("P237").filter(fits),
        // 1, the default, lets option 66 go before it [facts, template of FusionPBX].
        own_server: value(settings, "P145") == Some("0"),
        login: get("P1360").zip(get("P1361")),
        polling: minutes
            .filter(|_| get("P194").as_deref() == Some("1"))
            .map(|minutes: u64| Duration::from_secs(minutes.saturating_mul(60))),
        custom_options: Vec::new(),
        time_server: get("P30"),
        trust_fault: (value(settings, "P23377") == Some("0"))
            .then_some("P23377 = 0 switches the check of certificates off"),
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |(number, [user, auth, password, display, server, active]): (u16, &[&str; 6])| {
        let get = |key: &str| value(settings, key);
        (get(active) == Some("1")).then_some(())?;
        let user = get(user)?.to_owned();
        Some(Account {
            number,
            auth_user: get(auth).unwrap_or(&user).into(),
            password: Secret::new(get(password).unwrap_or_default()),
            display: get(display).unwrap_or_default().into(),
            server: get(server)?.split(':').next()?.into(),
            user,
        })
    };
    (1..).zip(&ACCOUNTS).filter_map(account).collect()
}

fn knows(event: &str) -> Option<Call> {
    if event == "resync" { Some(Call::Look) } else { check_sync(event) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let phone =
            Identity { breed: &BREED, make: &BREED.makes[0], mac: Mac::new([0x00, 0x1f, 0xc1, 0x1c, 0x22, 0xa9]) };
        assert_eq!((BREED.user_agent)(&phone, 0), "Htek UC903 2.0.4.2 00:1f:c1:1c:22:a9");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let file = parse(
            "cfg.xml",
            b"<hl_provision version=\"1\"><config version=\"1\"><P237 para=\"x\">https://10.66.0.1/p/</P237><P212>3</P212>\
              <P193>60</P193><P194>1</P194><P271>1</P271><P35>201</P35><P47>pbx:5060</P47><P401>0</P401><P735>202</P735>\
              </config></hl_provision>",
        )
        .unwrap();
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p/"));
        assert_eq!(meaning.polling, Some(Duration::from_secs(3600)));
        assert_eq!(meaning.accounts.iter().map(|account| account.server.as_str()).collect::<Vec<_>>(), ["pbx"]);
        for wrong in [
            "<hl_provision><config/></hl_provision>",
            "<gs_provision version=\"1\"/>",
            "",
            "<hl_provision version=\"1\">",
        ] {
            assert!(matches!(parse("a", wrong.as_bytes()), Err(Fault::Unreadable { .. })), "{wrong}");
        }
    }
}
