//! MP-11x and MP-124 gateways of firmware 6.60A \[facts\].

use std::collections::BTreeSet;
use std::time::Duration;

use super::ini;
use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, check_sync, value,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Identity};

static MAKES: [Make; 2] = [
    Make { model: "MP-118 FXS", firmware: "6.60A.367.005", code: "MP118", prefix: [0x00, 0x90, 0x8f] },
    Make { model: "MP-124 FXS", firmware: "6.60A.367.005", code: "MP124", prefix: [0x00, 0x90, 0x8f] },
];

/// AudioCodes gateways.
pub(in crate::phonesim::breeds) static BREED: Breed = Breed {
    brand: "audiocodes-gateway",
    makes: &MAKES,
    trust: Trust::Authority,
    // One file of trusted roots.
    most_authorities: 1,
    dhcp: Habits {
        // [facts, uncertain; none is sent here]
        class: |_| Vec::new(),
        user_class: None,
        // With DHCPRequestTftpParams = 1 [facts].
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 67],
        place,
    },
    user_agent,
    expand: |phone, url| url.replace("<MAC>", &phone.mac.plain().to_uppercase()),
    look,
    authorities: |file| file.values(|key| key == "tlsrootfileurl").map(|url| Anchor::At(url.into())).collect(),
    resources,
    relative_names: false,
    meaning,
    // [facts]; the check sum keeps it from doing so for a file that it knows.
    restarts: |before, after| value(after, "resetnow") == Some("1") && before != after,
    // [facts]
    notices: Notices { knows: check_sync, heeds },
    words: Words { server_url: "IniFileURL", authority: "TLSRootFileUrl" },
};

/// 67 holds the whole URL of the ini \[facts\].
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    options.first_text(&[67]).filter(|(_, url)| url.contains("://"))
}

/// \[facts\]; `<CONF>` is empty until it was saved to flash.
fn user_agent(phone: &Identity, _: usize) -> String {
    let mac = phone.mac.plain().to_uppercase();
    format!("Mozilla/4.0 (compatible; AudioCodes;{};{};{mac};)", phone.make.model, phone.make.firmware)
}

/// The one periodic file, with the time at which it was last downloaded from there; 304 is a file that is had already
/// \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let url = look.base.clone();
    let name = url.name().to_owned();
    let (last, had) = (format!("time of {url}"), format!("bytes of {url}"));
    let mut ask = Ask::get(url);
    if let Some(time) = look.memory().get(&last).cloned() {
        ask.headers.push(("If-Modified-Since", time));
    }
    let mut fetched = look.ask(&ask);
    if let Ok(got) = &mut fetched {
        if got.status == 304 {
            got.body = look.memory().get(&had).cloned().unwrap_or_default().into_bytes();
        } else if let Some((_, date)) = got.headers.iter().find(|(name, _)| name == "date") {
            look.memory().insert(last, date.clone());
            look.memory().insert(had, String::from_utf8_lossy(&got.body).into_owned());
        } else {
            look.note("there is no Date: the gateway will take the file again and again");
        }
    }
    look.weigh(&name, Whose::Own, fetched, ini::parse)?;
    Ok(())
}

/// One-time files \[facts\]; firmware only with its switch.
fn resources(file: &File) -> Vec<String> {
    let firmware = file.values(|key| key == "autoupdatecmpfile").next() == Some("1");
    let named = file.values(|key| match key {
        "cmpfileurl" => firmware,
        "cptfileurl" | "prtfileurl" | "fxscoefffileurl" | "vpfileurl" | "dialplanfileurl" => true,
        _ => false,
    });
    named.map(str::to_owned).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let minutes = value(settings, "autoupdatefrequency").and_then(|minutes| minutes.parse().ok());
    Meaning {
        server_url: get("inifileurl"),
        // It asks DHCP for the place no more.
        own_server: value(settings, "dhcprequesttftpparams") == Some("0"),
        login: get("aupddigestusername").zip(get("aupddigestpassword")),
        polling: minutes.filter(|minutes| *minutes > 0).map(|minutes: u64| Duration::from_secs(minutes * 60)),
        custom_options: Vec::new(),
        time_server: get("ntpserverip"),
        trust_fault: (value(settings, "aupdverifycertificates") != Some("1"))
            .then_some("AUPDVerifyCertificates is not 1: any server is believed"),
        accounts: accounts(settings),
    }
}

/// Endpoints that have a number, with the user and password of the same port.
fn accounts(settings: &Settings) -> Vec<Account> {
    let registers = value(settings, "isregisterneeded") == Some("1");
    let Some(server) = value(settings, "ProxyIp.0.IpAddress").filter(|_| registers) else { return Vec::new() };
    let rows: BTreeSet<u16> =
        settings.keys().filter_map(|key| key.strip_prefix("TrunkGroup.")?.split('.').next()?.parse().ok()).collect();
    let one = |row: u16| {
        let get = |table: &str, column: &str| value(settings, &format!("{table}.{row}.{column}"));
        let user = get("TrunkGroup", "FirstPhoneNumber")?;
        Some(Account {
            number: get("TrunkGroup", "FirstBChannel")?.parse().ok()?,
            user: user.into(),
            auth_user: get("Authentication", "UserId").unwrap_or(user).into(),
            password: Secret::new(get("Authentication", "UserPassword").unwrap_or_default()),
            display: get("CallerDisplayInfo", "DisplayString").unwrap_or_default().into(),
            server: server.into(),
        })
    };
    rows.into_iter().filter_map(one).collect()
}

/// Deaf to it until a setting says otherwise \[facts\].
fn heeds(call: Call, settings: &Settings) -> Option<Call> {
    (value(settings, "enablesipremotereset") == Some("1")).then_some(call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;
    use crate::phonesim::flash::Flash;

    #[test]
    fn names_itself_as_the_manual_says() {
        let phone = Identity { breed: &BREED, make: &MAKES[0], mac: Mac::new([0x00, 0x90, 0x8f, 0x1d, 0xd0, 0xd3]) };
        assert_eq!(
            user_agent(&phone, 0),
            "Mozilla/4.0 (compatible; AudioCodes;MP-118 FXS;6.60A.367.005;00908F1DD0D3;)"
        );
    }

    #[test]
    fn acts_on_what_stands_there() {
        let text = "SetDefaultOnINIFileProcess=0\nAUPDVerifyCertificates = 1\nAutoUpdateFrequency = 1440\n\
                    IsRegisterNeeded = 1\nAUPDDigestUsername = 'u'\nAUPDDigestPassword = 'p'\nCmpFileURL = 'http://a/x.cmp'\n\
                    [ ProxyIp ]\nFORMAT ProxyIp_Index = ProxyIp_IpAddress;\nProxyIp 0 = \"pbx\";\n[ \\ProxyIp ]\n\
                    [ TrunkGroup ]\nFORMAT TrunkGroup_Index = TrunkGroup_FirstBChannel, TrunkGroup_FirstPhoneNumber;\n\
                    TrunkGroup 2 = 3, \"203\";\n[ \\TrunkGroup ]\n";
        let file = ini::parse("a.ini", text.as_bytes()).unwrap();
        assert!(resources(&file).is_empty(), "no firmware without its switch");
        let mut flash = Flash::new(&BREED);
        flash.apply(&file);
        let meaning = flash.meaning();
        assert_eq!((meaning.trust_fault, meaning.login), (None, Some(("u".into(), "p".into()))));
        assert_eq!(meaning.polling, Some(Duration::from_secs(86_400)));
        let account = meaning.accounts.first().unwrap();
        assert_eq!((account.number, account.user.as_str(), account.server.as_str()), (3, "203", "pbx"));
        flash.apply(&ini::parse("a.ini", b"SetDefaultOnINIFileProcess=0\nAUPDVerifyCertificates = 0\n").unwrap());
        assert!(flash.meaning().trust_fault.is_some());
    }
}
