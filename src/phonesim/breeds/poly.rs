//! Poly and Polycom phones with UC Software \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, numbers, value, verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose, local};
use crate::phonesim::{Account, Fault, Identity, xml};

/// \[facts, of each a recorded User-Agent\]; the code is the name of the family in it.
static MAKES: [Make; 2] = [
    Make { model: "VVX_400", firmware: "4.1.4.7430", code: "PolycomVVX", prefix: [0x64, 0x16, 0x7f] },
    Make { model: "Edge_E450", firmware: "8.0.0.15602", code: "PolyEdge", prefix: [0x48, 0x25, 0x67] },
];

/// Poly.
pub(super) static BREED: Breed = Breed {
    brand: "poly",
    makes: &MAKES,
    trust: Trust::Authority,
    // Two places of the platform's own [facts].
    most_authorities: 2,
    dhcp: Habits {
        class,
        user_class: None,
        // Mask, time offset, router, resolvers, domain, time server, its vendor's own, lease, server, and where its
        // configuration is: the custom option, then 66 [facts]; VLANs (128, 144, 157, 191) [facts].
        wanted: &[1, 2, 3, 6, 15, 42, 43, 51, 54, 160, 66, 128, 144, 157, 191],
        place,
    },
    user_agent,
    expand: verbatim,
    look,
    authorities,
    resources,
    relative_names: true,
    meaning,
    restarts,
    // [facts]
    notices: Notices { knows: |event| event.starts_with("check-sync").then_some(Call::Look), heeds },
    words: Words { server_url: "device.prov.serverName", authority: AUTHORITY },
};

const AUTHORITY: &str = "device.sec.TLS.customCaCert1";

/// Enterprise 13885, a length, part number and version, the end mark \[facts\]; the numbers of the
/// sub-options are assumed.
fn class(phone: &Identity) -> Vec<u8> {
    let mut inner = Vec::new();
    for (number, text) in [(2, phone.make.model), (3, phone.make.firmware)] {
        inner.push(number);
        inner.push(u8::try_from(text.len()).unwrap_or_default());
        inner.extend(text.as_bytes());
    }
    let length = u8::try_from(inner.len()).unwrap_or_default();
    [&[0x00, 0x00, 0x36, 0x3d, length][..], &inner, &[0xff]].concat()
}

/// The custom option, 160, before 66 \[facts, mode 3\]. Without a scheme it would be FTP.
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    options.first_text(&[160, 66])
}

/// The first request of a start comes from the updater \[facts\].
fn user_agent(phone: &Identity, request: usize) -> String {
    let kind = if request == 0 { "Updater" } else { "Application" };
    format!("FileTransport {}-{}-UA/{} Type/{kind}", phone.make.code, phone.make.model, phone.make.firmware)
}

/// \[facts\]
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let mac = look.identity().mac.plain();
    let mut master = look.get(&format!("{mac}.cfg"));
    if matches!(&master, Err(Halt::Fault(Fault::NotFound { .. }))) {
        master = look.get("000000000000.cfg");
    }
    let master = master?;
    let (configuration, application) = read_master(&mac, &master.body)?;
    for name in configuration {
        let whose = if name.contains(&mac) { Whose::Own } else { Whose::Shared };
        look.take(&name, whose, read)?;
    }
    ask_for(look, &application)?;
    for name in ["phone.cfg", "web.cfg"] {
        look.take(&format!("{mac}-{name}"), Whose::Shared, read)?;
    }
    if !ask_for(look, &format!("{mac}-directory.xml"))? {
        ask_for(look, "000000000000-directory.xml")?;
    }
    ask_for(look, &format!("{mac}-license.cfg"))?;
    for log in ["boot.log", "app.log"] {
        let url = look.base.file(&format!("{mac}-{log}"))?;
        let sent = look.ask(&Ask::put(url, b"0101000000|so  |4|00|Application, main\n".to_vec()));
        goes_on(look, sent.map(drop))?;
    }
    Ok(())
}

/// Asks for a file that is nothing to the settings; whether it is there.
fn ask_for(look: &mut Look<'_>, name: &str) -> Result<bool, Halt> {
    let fetched = look.get(name);
    goes_on(look, fetched.map(drop))
}

fn goes_on(look: &Look<'_>, result: Result<(), Halt>) -> Result<bool, Halt> {
    match result {
        Ok(()) => Ok(true),
        Err(Halt::Fault(fault)) if local(&fault) => {
            look.note(format!("goes on: {fault}"));
            Ok(false)
        }
        Err(halt) => Err(halt),
    }
}

/// The configuration files, with the macro for the MAC filled in, and the application of a master file.
fn read_master(mac: &str, bytes: &[u8]) -> Result<(Vec<String>, String), Fault> {
    let name = format!("{mac}.cfg");
    let elements = xml::read(bytes).map_err(|why| Fault::Unreadable { file: name.clone(), why })?;
    let application = elements
        .iter()
        .find(|element| element.name() == "APPLICATION")
        .ok_or(Fault::Unreadable { file: name, why: "it has no APPLICATION: it is no master file".into() })?;
    let get = |attribute: &str| application.attribute(attribute).unwrap_or_default();
    let files = get("CONFIG_FILES").split(',').map(|file| file.trim().replace("[PHONE_MAC_ADDRESS]", mac));
    let program = if get("APP_FILE_PATH").is_empty() { "sip.ld" } else { get("APP_FILE_PATH") };
    Ok((files.filter(|file| !file.is_empty()).collect(), program.into()))
}

/// Every attribute of every element is a setting. One that begins with `device.` counts where `device.set` and its own
/// `.set` are 1 \[facts\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let elements = xml::read(bytes).map_err(|why| Fault::Unreadable { file: name.into(), why })?;
    let all: Vec<(String, String)> = elements.into_iter().flat_map(|element| element.attributes).collect();
    let is_set = |key: &str| all.iter().any(|(name, value)| name == key && value == "1");
    let counts = |key: &str| {
        !key.starts_with("device.") || is_set("device.set") && is_set(&format!("{key}.set")) && !key.ends_with(".set")
    };
    let settings = all.iter().filter(|(key, _)| counts(key)).map(|(key, value)| (key.clone(), Some(value.clone())));
    Ok(File { settings: settings.collect(), skipped: Vec::new() })
}

/// The certificate itself, PEM \[facts\].
fn authorities(file: &File) -> Vec<Anchor> {
    let held = file.values(|key| matches!(key, AUTHORITY | "device.sec.TLS.customCaCert2"));
    held.map(|pem| Anchor::Inline(pem.as_bytes().to_vec())).collect()
}

/// Pictures and sounds, by name or URL \[administrator's guide, unchecked\].
fn resources(file: &File) -> Vec<String> {
    let numbered = |key: &str, prefix: &str, suffix: &str| {
        key.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix)).is_some_and(|n| n.parse::<u8>().is_ok())
    };
    file.values(|key| numbered(key, "bg.color.bm.", ".name") || numbered(key, "saf.", "")).map(str::to_owned).collect()
}

/// Changes of `device.` settings take a restart \[administrator's guide, unchecked\].
fn restarts(before: &Settings, after: &Settings) -> bool {
    let device = |settings: &Settings| -> Vec<(String, String)> {
        settings.iter().filter(|(key, _)| key.starts_with("device.")).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    device(before) != device(after)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: server_url(settings),
        // Mode 2 [facts]; otherwise what DHCP says goes before it at each start.
        own_server: matches!(value(settings, "device.dhcp.bootSrvUseOpt"), Some("Static" | "2")),
        login: get("device.prov.user").zip(get("device.prov.password")),
        polling: polling(settings),
        custom_options: Vec::new(),
        time_server: get("device.sntp.serverName").or_else(|| get("tcpIpApp.sntp.address")),
        trust_fault: trust_fault(settings),
        accounts: accounts(settings),
    }
}

/// Its type is the scheme \[administrator's guide, unchecked\].
fn server_url(settings: &Settings) -> Option<String> {
    let name = value(settings, "device.prov.serverName")?;
    if name.contains("://") {
        return Some(name.into());
    }
    let scheme = value(settings, "device.prov.serverType").unwrap_or("FTP").to_ascii_lowercase();
    Some(format!("{scheme}://{name}"))
}

/// An hour is the least \[administrator's guide, unchecked\].
fn polling(settings: &Settings) -> Option<Duration> {
    (value(settings, "prov.polling.enabled") == Some("1")).then_some(())?;
    let seconds = match value(settings, "prov.polling.mode") {
        Some("rel") => value(settings, "prov.polling.period")?.parse::<u64>().ok()?.max(3600),
        _ => 86_400,
    };
    Some(Duration::from_secs(seconds))
}

/// Which CAs are believed; what stands there in the factory state is assumed to leave ours out.
fn trust_fault(settings: &Settings) -> Option<&'static str> {
    match value(settings, "device.sec.TLS.profile.caCertList1") {
        Some("All" | "BuiltinAndPlatform1" | "Platform1" | "Platform1AndPlatform2") => {}
        _ => return Some("device.sec.TLS.profile.caCertList1 leaves the installed CAs out"),
    }
    match value(settings, "device.sec.TLS.prov.strictCertCommonNameValidation") {
        Some("0") => Some("device.sec.TLS.prov.strictCertCommonNameValidation = 0: any certificate of a CA will do"),
        _ => None,
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("reg.{number}.{key}"));
        let user = get("address")?.to_owned();
        Some(Account {
            number,
            auth_user: get("auth.userId").unwrap_or(&user).into(),
            password: Secret::new(get("auth.password").unwrap_or_default()),
            display: get("displayName").unwrap_or_default().into(),
            server: get("server.1.address")?.into(),
            user,
        })
    };
    numbers(settings, "reg.", ".address").into_iter().filter_map(account).collect()
}

/// It restarts only where a setting says always to \[facts\].
fn heeds(call: Call, settings: &Settings) -> Option<Call> {
    let always = value(settings, "voIpProt.SIP.specialEvent.checkSync.alwaysReboot") == Some("1");
    Some(if always { Call::Restart } else { call })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    const PHONE: Identity = Identity { breed: &BREED, make: &MAKES[0], mac: Mac::new([0x64, 0x16, 0x7f, 0, 0, 1]) };

    #[test]
    fn says_what_real_phones_say() {
        assert_eq!(user_agent(&PHONE, 0), "FileTransport PolycomVVX-VVX_400-UA/4.1.4.7430 Type/Updater");
        assert_eq!(user_agent(&PHONE, 1), "FileTransport PolycomVVX-VVX_400-UA/4.1.4.7430 Type/Application");
        assert_eq!(class(&PHONE), *b"\x00\x00\x36\x3d\x15\x02\x07VVX_400\x03\x0a4.1.4.7430\xff");
    }

    #[test]
    fn a_master_file_names_the_others() {
        let master = b"<APPLICATION APP_FILE_PATH=\"\" CONFIG_FILES=\"a.cfg, [PHONE_MAC_ADDRESS]-x.cfg\"/>";
        let (files, application) = read_master("64167f000001", master).unwrap();
        assert_eq!((files, application), (vec!["a.cfg".into(), "64167f000001-x.cfg".into()], "sip.ld".into()));
        assert!(read_master("64167f000001", b"<PHONE_CONFIG><ALL reg.1.address=\"1\"/></PHONE_CONFIG>").is_err());
        assert!(read_master("64167f000001", b"#!version:1.0.0.1\n").is_err());
    }

    #[test]
    fn device_settings_need_their_switches() {
        let with = |switches: &str| {
            let text = format!("<a {switches} device.prov.user=\"u\" reg.1.address=\"200\"/>");
            read("a.cfg", text.as_bytes()).unwrap().settings.len()
        };
        assert_eq!(with("device.set=\"1\" device.prov.user.set=\"1\""), 2);
        for one in ["device.set=\"1\"", "device.prov.user.set=\"1\"", "device.set=\"0\" device.prov.user.set=\"1\""] {
            assert_eq!(with(one), 1, "{one}");
        }
    }

    #[test]
    fn acts_on_what_stands_there() {
        let settings: Settings = [
            ("device.prov.serverType", "HTTPS"),
            ("device.prov.serverName", "10.66.0.1/p"),
            ("device.dhcp.bootSrvUseOpt", "Static"),
            ("prov.polling.enabled", "1"),
            ("prov.polling.mode", "rel"),
            ("prov.polling.period", "60"),
            ("reg.1.address", "200"),
            ("reg.1.server.1.address", "pbx"),
            ("reg.2.address", ""),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p"));
        assert!(meaning.own_server && meaning.trust_fault.is_some());
        assert_eq!(meaning.polling, Some(Duration::from_secs(3600)));
        assert_eq!(meaning.accounts.len(), 1);
        assert!(restarts(&Settings::new(), &settings) && !restarts(&settings, &settings));
    }
}
