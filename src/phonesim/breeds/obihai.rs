//! Obihai devices \[facts\]. What they check over TLS is not known: plain HTTP with a login.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, never, numbers, value,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, xml};

/// Obihai.
pub(super) static BREED: Breed = Breed {
    brand: "obihai",
    makes: &[Make { model: "OBi202", firmware: "3.2.2.5921", code: "", prefix: [0x9c, 0xad, 0xef] }],
    trust: Trust::PlainLogin,
    most_authorities: 0,
    dhcp: Habits {
        // No class that is known [facts].
        class: |_| Vec::new(),
        user_class: None,
        // [facts, uncertain]; the rest as devices do [assumed].
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 160],
        place: |options, _| options.first_text(&[66, 160]),
    },
    // That of SIP [facts]; the one of HTTP is assumed to be the same.
    user_agent: |phone, _| format!("OBIHAI/{}-{}", phone.make.model, phone.make.firmware),
    // [vendor guide, unchecked]
    expand: |phone, url| url.replace("$MAC", &phone.mac.plain().to_ascii_uppercase()),
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |file| file.values(|key| key.ends_with(".FirmwareURL")).map(str::to_owned).collect(),
    relative_names: false,
    meaning,
    restarts: never,
    // [facts]
    notices: Notices { knows: |event| (event == "resync").then_some(Call::Restart), heeds: as_told },
    words: Words { server_url: "X_DeviceManagement.ITSPProvisioning.ConfigURL", authority: "none" },
};

/// One script \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let own = look.base.clone();
    let fetched = look.ask(&Ask::get(own.clone()));
    look.weigh(own.name(), Whose::Own, fetched, parse)?;
    Ok(())
}

/// Objects with a name each, and in them parameters with name and value \[facts, "long TR-104 names"\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "ParameterList") {
        return Err(unreadable("its outermost element is not ParameterList".into()));
    }
    let (mut file, mut object, mut parameter) = (File::default(), String::new(), String::new());
    for element in &elements {
        match element.name() {
            "Name" if element.is_in("Object") => object.clone_from(&element.text),
            "Name" if element.is_in("ParameterValueStruct") => parameter.clone_from(&element.text),
            "Value" => file.settings.push((format!("{object}{parameter}"), Some(element.text.clone()))),
            _ => {}
        }
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let way = |key: &str| get(&format!("X_DeviceManagement.ITSPProvisioning.{key}"));
    let seconds = way("Interval").and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0);
    Meaning {
        server_url: way("ConfigURL"),
        own_server: false,
        login: way("Username").zip(way("Password")),
        polling: seconds.filter(|_| way("Method").as_deref() == Some("Periodically")).map(Duration::from_secs),
        custom_options: Vec::new(),
        time_server: get("DeviceManagement.LocalTime.NTPServer1"),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let line = |key: &str| value(settings, &format!("VoiceService.1.VoiceProfile.1.Line.{number}.{key}"));
        (line("Enable") == Some("true")).then_some(())?;
        // Profile A is the first, B the second [vendor guide, unchecked].
        let profile = line("X_ServProvProfile")?.bytes().next()?.checked_sub(b'A')? + 1;
        let user = line("SIP.URI").or(line("SIP.AuthUserName"))?.to_owned();
        Some(Account {
            number,
            auth_user: line("SIP.AuthUserName").unwrap_or(&user).into(),
            password: Secret::new(line("SIP.AuthPassword").unwrap_or_default()),
            display: line("CallingFeatures.CallerIDName").unwrap_or_default().into(),
            server: value(settings, &format!("VoiceService.1.VoiceProfile.{profile}.SIP.ProxyServer"))?.into(),
            user,
        })
    };
    numbers(settings, "VoiceService.1.VoiceProfile.1.Line.", ".Enable").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_on_what_stands_there() {
        let one = |object: &str, name: &str, value: &str| {
            format!(
                "<Object><Name>{object}</Name><ParameterValueStruct><Name>{name}</Name><Value>{value}</Value>\
                 </ParameterValueStruct></Object>"
            )
        };
        let line = "VoiceService.1.VoiceProfile.1.Line.1.";
        let way = "X_DeviceManagement.ITSPProvisioning.";
        let text = [
            "<ParameterList>".into(),
            one(way, "ConfigURL", "http://10.66.0.1/p/obi$MAC.xml"),
            one(way, "Method", "Periodically"),
            one(way, "Interval", "60"),
            one(line, "Enable", "true"),
            one(line, "X_ServProvProfile", "A"),
            one("VoiceService.1.VoiceProfile.1.Line.1.SIP.", "AuthUserName", "201"),
            one("VoiceService.1.VoiceProfile.1.SIP.", "ProxyServer", "pbx"),
            "</ParameterList>".into(),
        ]
        .concat();
        let file = parse("obi.xml", text.as_bytes()).unwrap();
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("http://10.66.0.1/p/obi$MAC.xml"));
        assert_eq!(meaning.polling, Some(Duration::from_secs(60)));
        assert_eq!(meaning.accounts.iter().map(|account| account.server.as_str()).collect::<Vec<_>>(), ["pbx"]);
        assert!(matches!(parse("a", b"<List/>"), Err(Fault::Unreadable { .. })));
    }
}
