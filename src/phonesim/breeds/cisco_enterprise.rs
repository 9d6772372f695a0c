//! Cisco phones with the firmware of their maker's own PBX \[facts\]. They know neither URLs nor logins.

use std::net::Ipv4Addr;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, never, numbers, value, verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// Cisco enterprise.
pub(super) static BREED: Breed = Breed {
    brand: "cisco_enterprise",
    // Classes [facts]; the prefix is one of the maker's, which has many.
    makes: &[Make { model: "CP-7961G", firmware: "SIP41.9-4-2SR3-1S", code: "", prefix: [0x00, 0x1b, 0xd4] }],
    trust: Trust::Lan,
    most_authorities: 0,
    dhcp: Habits {
        // [facts, as `Cisco Systems, Inc. IP Phone CP-7941G\0`]
        class: |phone| format!("Cisco Systems, Inc. IP Phone {}\0", phone.make.model).into_bytes(),
        user_class: None,
        // 150 and 66 [facts]; the rest as phones do [assumed].
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 150],
        // HTTP at port 6970 before TFTP, which is left out here [facts].
        place: |options, _| {
            let first = options.addresses(150).first().copied();
            let named = || options.text(66)?.parse::<Ipv4Addr>().ok();
            match first {
                Some(server) => Some((150, format!("http://{server}:6970/"))),
                None => named().map(|server| (66, format!("http://{server}:6970/"))),
            }
        },
    },
    // None that says anything [facts].
    user_agent: |_, _| "Cisco/SIP".to_owned(),
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |file| file.values(|key| key == "directoryURL").map(str::to_owned).collect(),
    relative_names: false,
    meaning,
    restarts: never,
    // `service-control` needs the Call-ID of its registration [facts].
    notices: Notices::NONE,
    words: Words { server_url: "none", authority: "none" },
};

/// Lists of trust, its own file, the usual one \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let Identity { mac, .. } = look.identity();
    let sep = format!("SEP{}", mac.plain().to_ascii_uppercase());
    let refuse = |name: &str, _: &[u8]| -> Result<File, Fault> {
        Err(Fault::Unreadable { file: name.into(), why: "it is signed by no PBX that this phone knows".into() })
    };
    for list in [format!("CTL{sep}.tlv"), format!("ITL{sep}.tlv"), "ITLFile.tlv".into()] {
        look.take(&list, Whose::Shared, refuse)?;
    }
    if !look.take(&format!("{sep}.cnf.xml"), Whose::Own, parse)? {
        look.take("XMLDefault.cnf.xml", Whose::Shared, parse)?;
    }
    Ok(())
}

/// `<device>` with a line for each `<line button="…">` \[facts\].
fn parse(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "device") {
        return Err(unreadable("its outermost element is not device".into()));
    }
    let mut file = File::default();
    let mut button = String::new();
    for element in &elements {
        let key = match element.name() {
            "line" => {
                button = element.attribute("button").unwrap_or_default().to_owned();
                continue;
            }
            name if element.is_in("line") => format!("line.{button}.{name}"),
            name if element.is_in("ntp") => format!("ntp.{name}"),
            name => name.to_owned(),
        };
        file.settings.push((key, Some(element.text.clone())));
    }
    Ok(file)
}

/// Nothing makes it look again but a restart \[facts\].
fn meaning(settings: &Settings) -> Meaning {
    Meaning {
        server_url: None,
        own_server: false,
        login: None,
        polling: None,
        custom_options: Vec::new(),
        time_server: value(settings, "ntp.name").map(str::to_owned),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

fn accounts(settings: &Settings) -> Vec<Account> {
    let account = |number: u16| {
        let get = |key: &str| value(settings, &format!("line.{number}.{key}"));
        // 9 is a line [facts, template of FusionPBX].
        (get("featureID") == Some("9")).then_some(())?;
        let user = get("name")?.to_owned();
        Some(Account {
            number,
            auth_user: get("authName").unwrap_or(&user).into(),
            password: Secret::new(get("authPassword").unwrap_or_default()),
            display: get("displayName").unwrap_or_default().into(),
            server: get("proxy")?.into(),
            user,
        })
    };
    numbers(settings, "line.", ".featureID").into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_on_what_stands_there() {
        let file = parse(
            "SEP.cnf.xml",
            b"<device><sipProfile><sipLines><line button=\"1\"><featureID>9</featureID><name>201</name><proxy>pbx</proxy></line>\
              <line button=\"2\"><featureID>21</featureID><speedDialNumber>5</speedDialNumber></line></sipLines></sipProfile></device>",
        )
        .unwrap();
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let accounts = meaning(&settings).accounts;
        assert_eq!(accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        for wrong in ["<device>", "<flat-profile/>", ""] {
            assert!(matches!(parse("a", wrong.as_bytes()), Err(Fault::Unreadable { .. })), "{wrong}");
        }
    }
}
