//! The profile that phones of two brands take: one XML element a setting \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{Anchor, Call, File, Meaning, Notices, Settings, as_told, numbers, value};
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// Its phones wait until they are idle, and for a random time, before they act: simulated ones do neither
/// \[facts\].
pub(super) const NOTICES: Notices = Notices { knows, heeds: as_told };

fn knows(event: &str) -> Option<Call> {
    match event {
        "resync" | "check-sync" => Some(Call::Look),
        "reboot" | "reboot_now" | "restart_now" => Some(Call::Restart),
        _ => None,
    }
}

/// Macros of rules and URLs \[facts, `$MA $MAU $PSN $PN $SWVER`\].
pub(super) fn expand(phone: &Identity, url: &str) -> String {
    let mac = phone.mac.plain();
    let psn = phone.make.code;
    url.replace("$MAU", &mac.to_ascii_uppercase()).replace("$MA", &mac).replace("$PSN", psn)
}

/// The file that the URL names, and then the one that the rule in it names, if that is another \[facts\].
pub(super) fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let own = look.base.clone();
    let name = own.name().to_owned();
    let mine = name.to_ascii_lowercase().contains(&look.identity().mac.plain());
    let whose = if mine { Whose::Own } else { Whose::Shared };
    let fetched = look.ask(&Ask::get(own));
    look.weigh(&name, whose, fetched, parse)?;
    Ok(())
}

/// Elements right within `flat-profile`.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "flat-profile") {
        return Err(unreadable("its outermost element is not flat-profile".into()));
    }
    let settings = elements.iter().filter(|element| element.is_in("flat-profile") && element.path.len() == 2);
    let settings = settings.map(|element| (element.name().to_owned(), Some(element.text.clone()))).collect();
    Ok(File { settings, skipped: Vec::new() })
}

/// `[--uid user --pwd password --key key] url` \[facts\]: the login and the URL.
pub(super) fn rule(text: &str) -> (Option<(String, String)>, String) {
    let Some((options, url)) = text.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
        return (None, text.trim().to_owned());
    };
    let words: Vec<&str> = options.split_whitespace().collect();
    let after = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
    let login = after("--uid").zip(after("--pwd")).map(|(user, password)| ((*user).into(), (*password).into()));
    (login, url.trim().to_owned())
}

/// \[facts\]
pub(super) fn authorities(file: &File) -> Vec<Anchor> {
    file.values(|key| key == "Custom_CA_Rule").map(|url| Anchor::At(url.into())).collect()
}

pub(super) fn resources(file: &File) -> Vec<String> {
    let named = file.values(|key| {
        matches!(
            key,
            "XML_Directory_Service_URL" | "BMP_Picture_Download_URL" | "Picture_Download_URL" | "Upgrade_Rule"
        )
    });
    named.map(str::to_owned).collect()
}

pub(super) fn meaning(settings: &Settings) -> Meaning {
    let (login, url) = value(settings, "Profile_Rule").map(rule).unzip();
    let on = value(settings, "Provision_Enable") != Some("No");
    let seconds = value(settings, "Resync_Periodic").and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
    Meaning {
        server_url: url.filter(|url| on && !url.is_empty()),
        own_server: false,
        login: login.flatten(),
        polling: seconds.filter(|_| on).map(Duration::from_secs),
        custom_options: Vec::new(),
        time_server: value(settings, "Primary_NTP_Server").map(str::to_owned),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("{key}_{number}_"));
        (get("Line_Enable") == Some("Yes")).then_some(())?;
        let user = get("User_ID")?.to_owned();
        let named = get("Auth_ID").filter(|_| get("Use_Auth_ID") == Some("Yes"));
        Some(Account {
            number,
            auth_user: named.unwrap_or(&user).into(),
            password: Secret::new(get("Password").unwrap_or_default()),
            display: get("Display_Name").unwrap_or_default().into(),
            server: get("Proxy")?.split(':').next()?.into(),
            user,
        })
    };
    numbers(settings, "Line_Enable_", "_").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_holds_login_and_url() {
        let (login, url) = rule("[--uid p1 --pwd s3cret] http://10.66.0.1/p/spa$MA.cfg");
        assert_eq!((login, url.as_str()), (Some(("p1".into(), "s3cret".into())), "http://10.66.0.1/p/spa$MA.cfg"));
        assert_eq!(rule("http://10.66.0.1/x.cfg"), (None, "http://10.66.0.1/x.cfg".into()));
    }

    #[test]
    fn acts_on_what_stands_there() {
        let file = parse(
            "a.cfg",
            b"<flat-profile>\n<Profile_Rule ua=\"na\">[--uid p1 --pwd s] https://10.66.0.1/p/$MA.cfg</Profile_Rule>\
              <Resync_Periodic>60</Resync_Periodic><Line_Enable_1_>Yes</Line_Enable_1_><User_ID_1_>201</User_ID_1_>\
              <Proxy_1_>pbx:5060</Proxy_1_><Line_Enable_2_>No</Line_Enable_2_><User_ID_2_>202</User_ID_2_>\
              <Custom_CA_Rule>http://10.66.0.1/ca.pem</Custom_CA_Rule></flat-profile>",
        )
        .unwrap();
        let settings: Settings =
            file.settings.iter().map(|(key, value)| (key.clone(), value.clone().unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p/$MA.cfg"));
        assert_eq!(meaning.polling, Some(Duration::from_secs(60)));
        assert_eq!(meaning.accounts.iter().map(|account| account.server.as_str()).collect::<Vec<_>>(), ["pbx"]);
        assert_eq!(authorities(&file), [Anchor::At("http://10.66.0.1/ca.pem".into())]);
    }

    #[test]
    fn what_is_no_profile_is_ignored() {
        for wrong in ["<flat-profile>", "<profile></profile>", "<flat-profile><a></flat-profile>", "x", ""] {
            assert!(matches!(parse("a.cfg", wrong.as_bytes()), Err(Fault::Unreadable { .. })), "{wrong}");
        }
    }
}
