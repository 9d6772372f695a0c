//! Alcatel-Lucent Enterprise Myriad \[facts\]. How they are given a CA is not known: plain HTTP with a
//! login.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, never, numbers, value,
    verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, xml};

/// ALE.
pub(super) static BREED: Breed = Breed {
    brand: "ale",
    // [facts, recorded]; the second is written after the first.
    makes: &[
        Make { model: "M3-CE", firmware: "2.11.01.1604", code: "", prefix: [0x3c, 0x28, 0xa6] },
        Make { model: "M5", firmware: "2.13.02.0201", code: "", prefix: [0x3c, 0x28, 0xa6] },
    ],
    trust: Trust::PlainLogin,
    most_authorities: 0,
    dhcp: Habits {
        // [facts]
        class: |_| b"aledevice".to_vec(),
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54],
        // [facts]
        place: |options, _| options.text_within(43, 66).map(|url| (43, url)),
    },
    user_agent: |phone, _| format!("ALE {} {} {}", phone.make.model, phone.make.firmware, phone.mac.plain()),
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |file| file.values(|key| key == "SettingWallpaperUploadUrl").map(str::to_owned).collect(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices { knows: |event| (event == "check-sync").then_some(Call::Look), heeds: as_told },
    words: Words { server_url: "DeviceProvisionServerUrl", authority: "none" },
};

/// The three files that it was told, or the usual ones \[facts, the maker's guide\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (model, mac) = (look.identity().make.model, look.identity().mac.plain());
    let usual = [("First", "config.xml"), ("Second", "config.$model.xml"), ("Third", "config.$mac.xml")];
    let told = |(place, usual): (&str, &str)| {
        value(look.settings(), &format!("DeviceProvisionFile{place}")).unwrap_or(usual).to_owned()
    };
    let names = usual.map(told);
    for name in names {
        let whose = if name.contains("$mac") { Whose::Own } else { Whose::Shared };
        look.take(&name.replace("$model", model).replace("$mac", &mac), whose, read)?;
    }
    Ok(())
}

/// `<settings>` with `<setting id value/>`; an empty value is that of the factory \[facts\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "settings") {
        return Err(unreadable("its outermost element is not settings".into()));
    }
    let mut file = File::default();
    for element in elements.iter().filter(|element| element.name() == "setting") {
        let said = |attribute| element.attribute(attribute).map(str::to_owned);
        if let Some(id) = said("id") {
            file.settings.push((id, said("value").filter(|value| !value.is_empty())));
        }
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let minutes: Option<u64> = get("DeviceProvisionPollingInterval").and_then(|minutes| minutes.parse().ok());
    let polls = get("DeviceProvisionPollingByIntervalEnable").as_deref() == Some("true");
    Meaning {
        server_url: get("DeviceProvisionServerUrl"),
        own_server: false,
        login: get("DeviceProvisionServerUsername").zip(get("DeviceProvisionServerPassword")),
        // In minutes [assumed].
        polling: minutes.filter(|_| polls).map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
        custom_options: Vec::new(),
        time_server: get("SettingSntpServer"),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("Account{number}{key}"));
        (get("Enable") == Some("true")).then_some(())?;
        Some(Account {
            number,
            user: get("UserName")?.into(),
            auth_user: get("RegName")?.into(),
            password: Secret::new(get("Password").unwrap_or_default()),
            display: get("DisplayName").unwrap_or_default().into(),
            server: get("Server1Address")?.into(),
        })
    };
    numbers(settings, "Account", "Enable").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::Identity;
    use crate::phonesim::flash::Flash;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0x3c, 0x28, 0xa6, 0x20, 0x08, 0x9e]);
        let phone = Identity { breed: &BREED, make: &BREED.makes[0], mac };
        assert_eq!((BREED.user_agent)(&phone, 0), "ALE M3-CE 2.11.01.1604 3c28a620089e");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let one = |id: &str, value: &str| format!("<setting id=\"{id}\" value=\"{value}\"/>");
        let text = [
            "<settings>".into(),
            one("DeviceProvisionPollingByIntervalEnable", "true"),
            one("DeviceProvisionPollingInterval", "1"),
            one("Account1Enable", "true"),
            one("Account1UserName", "201"),
            one("Account1RegName", "201"),
            one("Account1Server1Address", "pbx"),
            one("Account2Enable", "false"),
            "</settings>".into(),
        ]
        .concat();
        let mut flash = Flash::new(&BREED);
        flash.apply(&read("a.xml", text.as_bytes()).unwrap());
        assert_eq!(flash.meaning().polling, Some(Duration::from_secs(60)));
        assert_eq!(flash.meaning().accounts.len(), 1);
        flash.apply(&read("a.xml", b"<settings><setting id=\"Account1Enable\" value=\"\"/></settings>").unwrap());
        assert!(flash.meaning().accounts.is_empty(), "an empty value is the factory's");
        assert!(matches!(read("a", b"<config/>"), Err(Fault::Unreadable { .. })));
    }
}
