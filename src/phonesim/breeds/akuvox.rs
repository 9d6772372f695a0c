//! Akuvox phones \[facts\]. They check no certificate until a file tells them to.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, never, numbers, value,
    verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault};

/// Akuvox.
pub(super) static BREED: Breed = Breed {
    brand: "akuvox",
    makes: &[
        Make { model: "SP-R63G", firmware: "63.0.3.38", code: "", prefix: [0x0c, 0x11, 0x05] },
        Make { model: "SP-R24", firmware: "24.0.1.2", code: "", prefix: [0x9c, 0x75, 0x14] },
    ],
    trust: Trust::Unchecked,
    most_authorities: 0,
    dhcp: Habits {
        // No class that is known [facts].
        class: |_| Vec::new(),
        user_class: None,
        // Which option is read is uncertain [facts]; 66 is assumed.
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66],
        place: |options, _| options.first_text(&[66]),
    },
    // Begins so; the rest is assumed [facts].
    user_agent: |phone, _| format!("Akuvox {} {} {}", phone.make.model, phone.make.firmware, phone.mac.plain()),
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices { knows: |event| (event == "check-sync").then_some(Call::Look), heeds: as_told },
    words: Words { server_url: "Config.Autoprovision.GENERAL.Url", authority: "none" },
};

/// `<mac>.cfg` \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let own = format!("{}.cfg", look.identity().mac.plain());
    look.take(&own, Whose::Own, parse)?;
    Ok(())
}

/// `#!version:1.0.0.1` and `Config.Group.Sub.Key = value` \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let mut lines = text.lines().map(str::trim).enumerate();
    let first = lines.next().map(|(_, line)| line).unwrap_or_default();
    if first != "#!version:1.0.0.1" {
        return Err(Fault::NoVersionLine { file: name.into(), begins: first.chars().take(24).collect() });
    }
    let mut file = File::default();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(['#', ';'])) {
        match line.split_once('=') {
            Some((key, value)) if key.starts_with("Config.") => {
                file.settings.push((key.trim().into(), Some(value.trim().into())));
            }
            _ => file.skipped.push(index + 1),
        }
    }
    Ok(file)
}

fn resources(file: &File) -> Vec<String> {
    let named = file.values(|key| {
        matches!(key, "Config.Firmware.Url" | "Config.Ringtone.Url")
            || key.starts_with("Config.RemotePhoneBook.REMOTE_PHONE_BOOK") && key.ends_with(".Url")
    });
    named.map(str::to_owned).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, &format!("Config.{key}")).map(str::to_owned);
    let trusts = value(settings, "Config.Settings.SECURITY.OnlyAcceptTrusted") != Some("1");
    Meaning {
        server_url: get("Autoprovision.GENERAL.Url"),
        own_server: false,
        login: get("Autoprovision.GENERAL.UserName").zip(get("Autoprovision.GENERAL.Pwd")),
        // By schedule each day, or each hour [vendor guide, unchecked].
        polling: match get("Autoprovision.MODE.Mode").as_deref() {
            Some("2" | "3") => Some(Duration::from_secs(86_400)),
            Some("4") => Some(Duration::from_secs(3600)),
            _ => None,
        },
        custom_options: Vec::new(),
        time_server: get("Settings.SNTP.NTPServer1"),
        trust_fault: (!trusts).then_some("OnlyAcceptTrusted = 1 lets the phone trust its maker's CAs alone"),
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("Config.Account{number}.{key}"));
        (get("GENERAL.Enable") == Some("1")).then_some(())?;
        let user = get("GENERAL.UserName")?.to_owned();
        Some(Account {
            number,
            auth_user: get("GENERAL.AuthName").unwrap_or(&user).into(),
            password: Secret::new(get("GENERAL.Pwd").unwrap_or_default()),
            display: get("GENERAL.DisplayName").unwrap_or_default().into(),
            server: get("SIP.Server")?.into(),
            user,
        })
    };
    numbers(settings, "Config.Account", ".GENERAL.Enable").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_on_what_stands_there() {
        let file = parse(
            "a.cfg",
            b"#!version:1.0.0.1\nConfig.Autoprovision.GENERAL.Url = https://10.66.0.1/p/\nConfig.Autoprovision.MODE.Mode = 4\n\
              Config.Account1.GENERAL.Enable = 1\nConfig.Account1.GENERAL.UserName = 201\nConfig.Account1.SIP.Server = pbx\n\
              Config.Account2.GENERAL.Enable = 0\nConfig.Account2.GENERAL.UserName = 202\nnonsense\n",
        )
        .unwrap();
        assert_eq!(file.skipped, [9]);
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.polling, Some(Duration::from_secs(3600)));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        assert!(matches!(parse("a.cfg", b"Config.A.B.C = 1\n"), Err(Fault::NoVersionLine { .. })));
    }
}
