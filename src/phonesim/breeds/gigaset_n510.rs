//! Gigaset DECT bases N510 and N720 \[facts\]: plain HTTP with a login.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, never, numbers, value,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity, xml};

/// \[facts, recorded\]; the code is how the model begins in the User-Agent.
static MAKES: [Make; 2] = [
    Make { model: "N510 IP PRO", firmware: "42.258.00.000.000", code: "", prefix: [0x7c, 0x2f, 0x80] },
    Make { model: "N720 DM PRO", firmware: "70.089.00.000.000", code: "Gigaset ", prefix: [0x7c, 0x2f, 0x80] },
];

/// Gigaset, of the older kind.
pub(super) static BREED: Breed = Breed {
    brand: "gigaset-n510",
    makes: &MAKES,
    trust: Trust::PlainLogin,
    most_authorities: 0,
    dhcp: Habits {
        // [facts]
        class: |phone| {
            let model = phone.make.model.replace(' ', "_");
            if model.starts_with("N720") { format!("Gigaset_{model}").into() } else { model.into() }
        },
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 114],
        // [facts]
        place: |options, _| options.first_text(&[114, 66]),
    },
    user_agent: |phone, _| {
        let Make { model, firmware, code, .. } = phone.make;
        format!("{code}{model}/{firmware};{}", phone.mac.plain().to_uppercase())
    },
    expand,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts: never,
    // It knows no reboot [facts].
    notices: Notices { knows: |event| (event == "check-sync").then_some(Call::Look), heeds: as_told },
    words: Words { server_url: "aucS_DATA_SERVER", authority: "none" },
};

/// \[facts, the maker's wiki\]
fn expand(phone: &Identity, url: &str) -> String {
    url.replace("%MACD", &phone.mac.plain().to_uppercase())
}

/// The file that the URL is of; behind a folder a list of images, of a form that nobody else makes, and then
/// `<MAC>.xml`, in capitals \[facts, the maker's wiki\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let mac = look.identity().mac.plain().to_uppercase();
    let mut own = look.base.clone();
    if own.path.ends_with('/') {
        let refuse = |name: &str, _: &[u8]| -> Result<File, Fault> {
            Err(Fault::Unreadable { file: name.into(), why: "it is no list of images".into() })
        };
        look.take("42/2/master.bin", Whose::Shared, refuse)?;
        own = own.file(&format!("{mac}.xml"))?;
    }
    let fetched = look.ask(&Ask::get(own.clone()));
    look.weigh(own.name(), Whose::Own, fetched, |name, bytes| read(name, bytes, &mac))?;
    Ok(())
}

/// `<ProviderFrame>` with a `SYMB_ITEM` for each place in memory. Where the address is another one, nothing is set
/// \[facts, and comments in files of a provisioning server in production\].
fn read(name: &str, bytes: &[u8], mac: &str) -> Result<File, Fault> {
    let unreadable = |why: String| Fault::Unreadable { file: name.into(), why };
    let elements = xml::read(bytes).map_err(unreadable)?;
    if elements.first().is_none_or(|element| element.name() != "ProviderFrame") {
        return Err(unreadable("its outermost element is not ProviderFrame".into()));
    }
    let address = elements.iter().find(|element| element.name() == "MAC_ADDRESS");
    if address.and_then(|element| element.attribute("value")) != Some(mac) {
        return Err(unreadable("its MAC_ADDRESS is another one".into()));
    }
    let mut file = File::default();
    for element in elements.iter().filter(|element| element.is_in("Provider")) {
        let key = match element.name() {
            "SYMB_ITEM" => element.attribute("ID").unwrap_or_default(),
            name => name,
        };
        let value = element.attribute("value").unwrap_or_default();
        // Texts have quotes of their own, numbers have none.
        let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(value);
        file.settings.push((key.to_owned(), Some(text.to_owned())));
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    let either = |key: &str, rest: &str| {
        value(settings, &format!("BS_IP_Data1.{key}")).or_else(|| value(settings, &format!("BS_IP_Data.{key}{rest}")))
    };
    // Minutes [facts, the maker's wiki].
    let minutes = either("uiI_CHECK_FOR_UPDATES_TIMER_INIT", "").and_then(number).filter(|minutes| *minutes > 0);
    let oneshot = ["BS_IP_Data3.ucI_ONESHOT_PROVISIONING_MODE_1", "BS_IP_Data.ucB_DO_CHECK_FOR_PROFILE_UPDATES"]
        .iter()
        .any(|key| value(settings, key).and_then(number) == Some(1));
    Meaning {
        // It asks where DHCP says, each time [assumed].
        server_url: None,
        own_server: false,
        login: get("S_PROV_USERNAME").zip(get("S_PROV_PASSWORD")),
        polling: minutes.filter(|_| oneshot).map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
        custom_options: Vec::new(),
        time_server: either("aucS_TIME_NTP_SERVER", "[%]").map(str::to_owned),
        trust_fault: None,
        accounts: [accounts_n510(settings), accounts_n720(settings)].concat(),
    }
}

/// Decimal, or hexadecimal with `0x` in front.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn accounts_n510(settings: &Settings) -> Vec<Account> {
    let active = "BS_IP_Data1.ucB_SIP_ACCOUNT_IS_ACTIVE_";
    let account = |at: u16| {
        (value(settings, &format!("{active}{at}")).and_then(number) == Some(1)).then_some(())?;
        let nth = if at == 1 { String::new() } else { format!("_{at}") };
        let get = |key: &str| value(settings, &format!("{key}{nth}"));
        Some(Account {
            number: at,
            user: get("BS_IP_Data1.aucS_SIP_USER_ID")?.into(),
            auth_user: get("BS_IP_Data3.aucS_SIP_LOGIN_ID")?.into(),
            password: Secret::new(get("BS_IP_Data1.aucS_SIP_PASSWORD").unwrap_or_default()),
            display: get("BS_IP_Data1.aucS_SIP_DISPLAYNAME").unwrap_or_default().into(),
            server: get("BS_IP_Data1.aucS_SIP_REGISTRAR")?.into(),
        })
    };
    numbers(settings, active, "").into_iter().filter_map(account).collect()
}

fn accounts_n720(settings: &Settings) -> Vec<Account> {
    let account = |at: u16| {
        let get = |key: &str| value(settings, &format!("BS_VOIP_Data.astVoipAccounts[{at}].{key}"));
        (get("ucB_SIP_ACCOUNT_IS_ACTIVE_1").and_then(number) == Some(1)).then_some(())?;
        let provider = get("ucVoipProviderIndex").and_then(number)?;
        let server = value(settings, &format!("BS_VOIP_Data.astVoipProviders[{provider}].aucSIP_REGISTRAR[%]"))?;
        Some(Account {
            number: at + 1,
            user: get("aucS_SIP_USER_ID[0]")?.into(),
            auth_user: get("aucS_SIP_LOGIN_ID[0]")?.into(),
            password: Secret::new(get("aucS_SIP_PASSWORD[0]").unwrap_or_default()),
            display: get("aucS_SIP_DISPLAYNAME[0]").unwrap_or_default().into(),
            server: server.into(),
        })
    };
    let all = numbers(settings, "BS_VOIP_Data.astVoipAccounts[", "].ucB_SIP_ACCOUNT_IS_ACTIVE_1");
    all.into_iter().filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_and_its_file_as_the_real_one_does() {
        let phone = |make| Identity { breed: &BREED, make, mac: Mac::new([0x7c, 0x2f, 0x80, 0xca, 0x21, 0xe4]) };
        let agent = |make| (BREED.user_agent)(&phone(make), 0);
        assert_eq!(agent(&MAKES[0]), "N510 IP PRO/42.258.00.000.000;7C2F80CA21E4");
        assert_eq!(agent(&MAKES[1]), "Gigaset N720 DM PRO/70.089.00.000.000;7C2F80CA21E4");
        assert_eq!((BREED.dhcp.class)(&phone(&MAKES[0])), b"N510_IP_PRO");
        assert_eq!((BREED.dhcp.class)(&phone(&MAKES[1])), b"Gigaset_N720_DM_PRO");
        assert_eq!(expand(&phone(&MAKES[0]), "http://a/%MACD.xml"), "http://a/7C2F80CA21E4.xml");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let item = |id: &str, value: &str| format!("<SYMB_ITEM ID=\"{id}\" class=\"symb_item\" value='{value}'/>");
        let text = |mac: &str| {
            [
                format!("<ProviderFrame><Provider><MAC_ADDRESS value=\"{mac}\"/>"),
                "<S_PROV_USERNAME class=\"string\" value='\"u\"'/><S_PROV_PASSWORD class=\"string\" value='\"p\"'/>"
                    .into(),
                item("BS_IP_Data3.ucI_ONESHOT_PROVISIONING_MODE_1", "0x1"),
                item("BS_IP_Data1.uiI_CHECK_FOR_UPDATES_TIMER_INIT", "0xa"),
                item("BS_IP_Data1.ucB_SIP_ACCOUNT_IS_ACTIVE_1", "0x1"),
                item("BS_IP_Data1.aucS_SIP_USER_ID", "\"201\""),
                item("BS_IP_Data3.aucS_SIP_LOGIN_ID", "\"201\""),
                item("BS_IP_Data1.aucS_SIP_REGISTRAR", "\"pbx\""),
                item("BS_IP_Data1.ucB_SIP_ACCOUNT_IS_ACTIVE_2", "0x0"),
                "</Provider></ProviderFrame>".into(),
            ]
            .concat()
        };
        let file = read("a.xml", text("7C2F80CA21E4").as_bytes(), "7C2F80CA21E4").unwrap();
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.login, Some(("u".into(), "p".into())));
        assert_eq!(meaning.polling, Some(Duration::from_secs(600)));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        for wrong in [text("7C2F80000000"), "<provisioning/>".into(), String::new()] {
            assert!(matches!(read("a", wrong.as_bytes(), "7C2F80CA21E4"), Err(Fault::Unreadable { .. })), "{wrong}");
        }
    }
}
