//! Yealink phones of the T4xU class \[facts\].

mod file;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, check_sync, never, value,
    verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose, local};
use crate::phonesim::{Account, Identity};

/// The common file of the T46U has the number 108 \[facts, the FusionPBX template tree\]; the firmware has the form of
/// the other models of that year \[facts\], with that number in front \[assumed\]. Models of a class share their
/// firmware \[facts, of the S class; assumed of this one\].
pub(super) static MAKES: [Make; 2] = [
    Make { model: "SIP-T46U", firmware: "108.86.0.20", code: "000000000108", prefix: [0x80, 0x5e, 0xc0] },
    Make { model: "SIP-T48U", firmware: "108.86.0.20", code: "000000000109", prefix: [0x80, 0x5e, 0xc0] },
];

/// Yealink.
pub(super) static BREED: Breed = Breed {
    brand: "yealink",
    makes: &MAKES,
    trust: Trust::Authority,
    // [facts]
    most_authorities: 10,
    dhcp: Habits {
        // [facts]
        class: |_| b"yealink".to_vec(),
        user_class: None,
        // Mask, router, resolvers, domain, broadcast, time server, its vendor's own, lease and server, and where its
        // configuration is. 160 is not among them [facts, "working templates show the list empty"].
        wanted: &[1, 3, 6, 15, 28, 42, 43, 51, 54, 66, 67],
        place,
    },
    user_agent,
    expand: verbatim,
    look,
    authorities,
    resources,
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices { knows: check_sync, heeds },
    words: Words { server_url: "static.auto_provision.server.url", authority: AUTHORITY_URL },
};

const AUTHORITY_URL: &str = "static.trusted_certificates.url";
const COMMON_BOOT_FILE: &str = "y000000000000.boot";

/// Custom option, then 66, then 43 \[facts\].
fn place(options: &Options, custom: &[u8]) -> Option<Place> {
    options.first_text(custom).or_else(|| options.first_text(&[66, 43]))
}

/// \[facts, as `Yealink SIP-T31G 124.85.257.55 80:5e:c0:d5:7d:72`\]
fn user_agent(phone: &Identity, _: usize) -> String {
    format!("Yealink {} {} {}", phone.make.model, phone.make.firmware, phone.mac)
}

/// Boot files and what they name, or the common and the own file; names are lower case, the MAC twelve digits
/// \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let (make, mac) = (look.identity().make, look.identity().mac.plain());
    let own = format!("{mac}.cfg");
    let mut names = vec![format!("y{}.cfg", make.code), own.clone()];
    for boot in [format!("{mac}.boot"), COMMON_BOOT_FILE.into()] {
        let found = match look.get(&boot) {
            Ok(fetched) => file::includes(&boot, &fetched.body, make.model).map_err(Halt::Fault),
            Err(halt) => Err(halt),
        };
        match found {
            Ok(includes) => {
                names = includes;
                break;
            }
            Err(Halt::Fault(fault)) if local(&fault) => look.note(format!("goes on: {fault}")),
            Err(halt) => return Err(halt),
        }
    }
    for name in names {
        let whose = if name.ends_with(&own) { Whose::Own } else { Whose::Shared };
        look.take(&name, whose, file::parse)?;
    }
    Ok(())
}

/// One a line, and the key may stand there again \[facts\].
fn authorities(file: &File) -> Vec<Anchor> {
    file.values(|key| key == AUTHORITY_URL).map(|url| Anchor::At(url.into())).collect()
}

/// \[facts\]
fn resources(file: &File) -> Vec<String> {
    let named = file.values(|key| {
        matches!(key, "wallpaper_upload.url" | "ringtone.url" | "screensaver.upload_url")
            || key.starts_with("remote_phonebook.data.") && key.ends_with(".url")
            || key.starts_with("custom_softkey_") && key.ends_with(".url")
    });
    named.map(str::to_owned).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: get("static.auto_provision.server.url"),
        own_server: false,
        login: get("static.auto_provision.server.username").zip(get("static.auto_provision.server.password")),
        polling: polling(settings),
        custom_options: custom_options(settings),
        time_server: get("local_time.ntp_server1"),
        trust_fault: trust_fault(settings),
        accounts: accounts(settings),
    }
}

/// Never in the factory state \[assumed\].
fn polling(settings: &Settings) -> Option<Duration> {
    (value(settings, "static.auto_provision.repeat.enable") == Some("1")).then_some(())?;
    let minutes: u64 = value(settings, "static.auto_provision.repeat.minutes")?.parse().ok()?;
    (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
}

/// Options that the phone was told to read a URL from, besides 66 and 43 \[facts\].
fn custom_options(settings: &Settings) -> Vec<u8> {
    let list = value(settings, "static.auto_provision.dhcp_option.list_user_options").unwrap_or_default();
    list.split(',').filter_map(|code| code.trim().parse().ok()).filter(|code| *code >= 128).collect()
}

/// In the factory state servers are checked, and against the built-in CAs alone (0) until a file says custom (1) or
/// all (2) \[facts, "enum meaning LIKELY"; factory value assumed to be the strictest\].
fn trust_fault(settings: &Settings) -> Option<&'static str> {
    if value(settings, "static.security.trust_certificates") == Some("0") {
        return Some("static.security.trust_certificates = 0 switches the check of certificates off");
    }
    match value(settings, "static.security.ca_cert") {
        Some("1" | "2") => None,
        _ => Some("static.security.ca_cert is neither 1 nor 2: installed CAs are not used"),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let numbers: BTreeSet<u16> =
        settings.keys().filter_map(|key| key.strip_prefix("account.")?.split('.').next()?.parse().ok()).collect();
    numbers
        .into_iter()
        .filter_map(|number| {
            let get = |key: &str| value(settings, &format!("account.{number}.{key}"));
            (get("enable") == Some("1")).then_some(())?;
            let user = get("user_name")?.to_owned();
            Some(Account {
                number,
                auth_user: get("auth_name").unwrap_or(&user).into(),
                password: Secret::new(get("password").unwrap_or_default()),
                display: get("display_name").unwrap_or_default().into(),
                server: get("sip_server.1.address")?.into(),
                user,
            })
        })
        .collect()
}

/// 0 restarts only for `;reboot=true`, 1 (as it left the factory) always, 2 never does anything \[facts\].
fn heeds(call: Call, settings: &Settings) -> Option<Call> {
    match value(settings, "sip.notify_reboot_enable") {
        Some("2") => None,
        Some("0") => Some(call),
        _ => Some(Call::Restart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::flash::Flash;

    fn flash(text: &str) -> Flash {
        let mut flash = Flash::new(&BREED);
        flash.apply(&file::parse("a.cfg", format!("#!version:1.0.0.1\n{text}").as_bytes()).unwrap());
        flash
    }

    #[test]
    fn names_itself_as_the_real_one_does() {
        let phone = Identity::t46u(Mac::new([0x80, 0x5e, 0xc0, 0xd5, 0x7d, 0x72]));
        assert_eq!(user_agent(&phone, 0), "Yealink SIP-T46U 108.86.0.20 80:5e:c0:d5:7d:72");
    }

    #[test]
    fn the_factory_state_has_nothing() {
        let meaning = Flash::new(&BREED).meaning();
        assert_eq!((meaning.login, meaning.polling), (None, None));
        assert!(meaning.trust_fault.is_some());
        assert!(meaning.accounts.is_empty() && meaning.custom_options.is_empty());
    }

    #[test]
    fn acts_on_what_stands_there() {
        let mut flash = flash(
            "static.auto_provision.repeat.enable = 1\nstatic.auto_provision.repeat.minutes = 1440\n\
             static.auto_provision.dhcp_option.list_user_options = 160, 161,7\nstatic.security.ca_cert = 2\n\
             account.1.enable = 1\naccount.1.user_name = 200\naccount.1.sip_server.1.address = pbx\n\
             account.2.enable = 0\naccount.2.user_name = 201\naccount.2.sip_server.1.address = pbx\n\
             account.3.enable = 1\naccount.3.user_name = 202\n",
        );
        let meaning = flash.meaning();
        assert_eq!(meaning.polling, Some(Duration::from_secs(86_400)));
        assert_eq!(meaning.custom_options, [160, 161]);
        assert_eq!(meaning.trust_fault, None);
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["200"]);
        flash.apply(&file::parse("b.cfg", b"#!version:1.0.0.1\naccount.1.enable = %NULL%\n").unwrap());
        assert!(flash.meaning().accounts.is_empty());
        assert_eq!(value(&flash.settings, "account.1.user_name"), Some("200"), "what a file does not name stays");
    }

    #[test]
    fn polling_needs_the_switch_and_a_number() {
        for text in ["static.auto_provision.repeat.minutes = 5", "static.auto_provision.repeat.enable = 1"] {
            assert_eq!(flash(text).meaning().polling, None, "{text}");
        }
        let zero = "static.auto_provision.repeat.enable = 1\nstatic.auto_provision.repeat.minutes = 0";
        assert_eq!(flash(zero).meaning().polling, None);
    }

    #[test]
    fn finds_what_a_file_names() {
        let file = file::parse(
            "a.cfg",
            b"#!version:1.0.0.1\nstatic.trusted_certificates.url = http://a/1\n\
              static.trusted_certificates.url = http://a/2\nwallpaper_upload.url = http://a/w.jpg\nringtone.url =\n\
              remote_phonebook.data.2.url = http://a/b.xml\nremote_phonebook.data.2.name = http://a/no\n",
        )
        .unwrap();
        assert_eq!(authorities(&file), [Anchor::At("http://a/1".into()), Anchor::At("http://a/2".into())]);
        assert_eq!(resources(&file), ["http://a/w.jpg", "http://a/b.xml"]);
    }

    #[test]
    fn takes_the_custom_option_before_66_before_43() {
        let options = |given: &[(u8, &str)]| {
            Options::of(given.iter().map(|(code, text)| (*code, text.as_bytes().to_vec())).collect())
        };
        let all = options(&[(43, "http:"), (66, "http:6"), (160, "http:60")]);
        assert_eq!(place(&all, &[160]), Some((160, "http:60".into())));
        assert_eq!(place(&all, &[]), Some((66, "http:6".into())));
        assert_eq!(place(&options(&[(43, "http:")]), &[]), Some((43, "http:".into())));
    }
}
