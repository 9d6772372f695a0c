//! Alcatel-Lucent IP Touch 40x8 in SIP mode \[facts\]: no login that is known, so the LAN is all.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, never, value, verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault};

/// IP Touch.
pub(super) static BREED: Breed = Breed {
    brand: "ale-40x8",
    // [facts, recorded]; the prefix is the maker's [facts, uncertain].
    makes: &[Make { model: "4018", firmware: "2.01.10", code: "", prefix: [0x00, 0x80, 0x9f] }],
    trust: Trust::Lan,
    most_authorities: 0,
    dhcp: Habits {
        class: |_| b"alcatel.sip.0".to_vec(),
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54],
        // [facts]
        place: |options, _| options.text_within(43, 67).map(|url| (43, url)),
    },
    // Without a MAC [facts].
    user_agent: |phone, _| format!("Alcatel IP Touch {}/{}", phone.make.model, phone.make.firmware),
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices::NONE,
    words: Words { server_url: "none", authority: "none" },
};

/// \[facts\]
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let mac = look.identity().mac.plain();
    look.take("sipconfig.txt", Whose::Shared, read)?;
    look.take(&format!("sipconfig-{mac}.txt"), Whose::Own, read)?;
    Ok(())
}

/// Sections with `key=value`; `#` begins a comment, behind a value too \[facts, public write-ups\]. An empty value is
/// that of the factory \[facts, a provisioning server in production\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let (mut file, mut section) = (File::default(), String::new());
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = title.to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            let value = Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned);
            file.settings.push((format!("{section}.{}", key.trim()), value));
        } else if !line.is_empty() {
            file.skipped.push(at + 1);
        }
    }
    if file.settings.is_empty() {
        return Err(Fault::Unreadable { file: name.into(), why: "it sets nothing".into() });
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let minutes: Option<u64> = value(settings, "admin.config_polling_timer").and_then(|minutes| minutes.parse().ok());
    Meaning {
        server_url: None,
        own_server: false,
        login: None,
        polling: minutes.filter(|minutes| *minutes > 0).map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
        custom_options: Vec::new(),
        time_server: value(settings, "sntp.sntp_addr").map(str::to_owned),
        trust_fault: None,
        accounts: account(settings).into_iter().collect(),
    }
}

fn account(settings: &Settings) -> Option<Account> {
    let get = |key: &str| value(settings, &format!("sip.{key}"));
    Some(Account {
        number: 1,
        user: get("user_name")?.into(),
        // Has to be filled [facts, public write-ups].
        auth_user: get("authentication_name")?.into(),
        password: Secret::new(get("authentication_password").unwrap_or_default()),
        display: get("display_name").unwrap_or_default().into(),
        server: get("registrar_addr")?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_on_what_stands_there() {
        let text = b"# x\n[sip]\nuser_name=201 # who\nauthentication_name=201\nregistrar_addr=pbx\n[admin]\n\
                     config_polling_timer=1\nnonsense\n[sntp]\nsntp_addr=\n";
        let file = read("a.txt", text).unwrap();
        assert_eq!(file.skipped, [8]);
        let settings: Settings = file.settings.into_iter().filter_map(|(key, value)| Some((key, value?))).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        assert_eq!((meaning.polling, meaning.time_server), (Some(Duration::from_secs(60)), None));
        assert!(matches!(read("a", b"# nothing\n"), Err(Fault::Unreadable { .. })));
    }
}
