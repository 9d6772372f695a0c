//! Avaya 11xx and 12xx with SIP \[facts\]: a login could stand only in a file that all get, so the LAN is
//! all.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, never, numbers, value, verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault};

/// Avaya, what was Nortel's.
pub(super) static BREED: Breed = Breed {
    brand: "avaya-1200",
    // [facts, recorded]; the code is what its files begin with [facts]. The prefix is any of the
    // maker's: the class is enough.
    makes: &[Make { model: "SIP12x0", firmware: "04.00.04.00", code: "1220", prefix: [0x00, 0x0c, 0xf8] }],
    trust: Trust::Lan,
    most_authorities: 0,
    dhcp: Habits {
        class: |_| b"Nortel-SIP-Phone-A".to_vec(),
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 43, 51, 54, 66, 128, 232],
        // [facts]
        place: |options, _| options.first_text(&[66]),
    },
    // With an octet that cannot be printed, and without a MAC [facts].
    user_agent: |phone, _| format!("AVAYA/{}\u{17}/{}", phone.make.model, phone.make.firmware),
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts, a provisioning server in production]
    notices: Notices { knows: |event| (event == "check-sync").then_some(Call::Look), heeds },
    words: Words { server_url: "none", authority: "none" },
};

/// The file of the model, and what its sections say \[facts, the maker's guide\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (code, mac) = (look.identity().make.code, look.identity().mac.plain().to_uppercase());
    if !look.take(&format!("{code}SIP.cfg"), Whose::Shared, read)? {
        return Ok(());
    }
    let told = look.accepted().last().cloned().unwrap_or_default();
    let has = |what: &str| told.values(|key| key == what).next().is_some();
    // Only over HTTP is the file asked for at the same place.
    if has("USER_CONFIG.DOWNLOAD_MODE") && told.values(|key| key == "USER_CONFIG.PROTOCOL").any(|way| way == "HTTP") {
        look.take(&format!("SIP{mac}.cfg"), Whose::Own, read)?;
    }
    Ok(())
}

/// `NAME value`, in sections where there are any, `#` before comments; a line of 80 and more signs is not read, and
/// the file with it \[facts, a provisioning server in production\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    let (mut file, mut section) = (File::default(), String::new());
    for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end())) {
        if line.len() >= 80 {
            return Err(unreadable(format!("line {at} is longer than 79 signs")));
        }
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{title}.");
        } else if let Some((key, value)) = line.split_once(' ').filter(|_| !line.starts_with('#')) {
            file.settings.push((format!("{section}{key}"), Some(value.trim().to_owned())));
        } else if !line.is_empty() && !line.starts_with('#') {
            file.skipped.push(at);
        }
    }
    if file.settings.is_empty() {
        return Err(unreadable("it sets nothing".into()));
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key);
    Meaning {
        server_url: None,
        own_server: false,
        login: None,
        // Once a day [facts, the maker's guide].
        polling: (get("AUTO_UPDATE") == Some("YES")).then(|| Duration::from_secs(86_400)),
        custom_options: Vec::new(),
        time_server: get("SNTP_SERVER").filter(|_| get("SNTP_ENABLE") == Some("YES")).map(str::to_owned),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

/// Only where it was told to \[facts, a provisioning server in production\].
fn heeds(call: Call, settings: &Settings) -> Option<Call> {
    (value(settings, "REMOTE_CHECK_FOR_UPDATE") == Some("YES")).then_some(call)
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("AUTOLOGIN_{key}_KEY{number:02}"));
        let (user, domain) = get("ID")?.split_once('@')?;
        // The domain has to be one of those that are set.
        let at = (1..=5).find(|at| value(settings, &format!("SIP_DOMAIN{at}")) == Some(domain))?;
        Some(Account {
            number,
            user: user.into(),
            auth_user: get("AUTHID").unwrap_or(user).into(),
            password: Secret::new(get("PASSWD").unwrap_or_default()),
            display: String::new(),
            server: value(settings, &format!("SERVER_IP{at}_1"))?.into(),
        })
    };
    let signs_in = value(settings, "AUTOLOGIN_ENABLE") == Some("USE_AUTOLOGIN_ID");
    numbers(settings, "AUTOLOGIN_ID_KEY", "").into_iter().filter(|_| signs_in).filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_on_what_stands_there() {
        let text =
            b"# x\nAUTO_UPDATE YES\nSIP_DOMAIN1 pbx\nSERVER_IP1_1 10.66.0.9\nAUTOLOGIN_ENABLE USE_AUTOLOGIN_ID\n\
                     AUTOLOGIN_ID_KEY01 201@pbx\nAUTOLOGIN_ID_KEY02 202@other\nnonsense\n";
        let file = read("a.cfg", text).unwrap();
        assert_eq!(file.skipped, [8]);
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.accounts.iter().map(|account| account.server.as_str()).collect::<Vec<_>>(), ["10.66.0.9"]);
        assert!(meaning.polling.is_some());
        let long = format!("A {}\n", "b".repeat(78));
        assert!(read("a", long.as_bytes()).is_err() && read("a", b"# nothing\n").is_err());
        let sections = read("1220SIP.cfg", b"[USER_CONFIG]\nPROTOCOL HTTP\n").unwrap();
        assert_eq!(sections.values(|key| key == "USER_CONFIG.PROTOCOL").collect::<Vec<_>>(), ["HTTP"]);
    }
}
