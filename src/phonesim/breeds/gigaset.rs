//! Gigaset DECT bases N610, N670 and N870 \[facts\]. How they are given a CA is not known: plain HTTP with
//! a login.

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Settings, Trust, Words, as_told, value, verbatim,
};
use crate::phonesim::fault::Halt;
use crate::phonesim::fetch::Ask;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::url::Url;
use crate::phonesim::{Account, Fault, Identity, xml};

/// Gigaset.
pub(super) static BREED: Breed = Breed {
    brand: "gigaset",
    makes: &[
        // [facts, recorded]
        Make { model: "N870 IP PRO", firmware: "83.V2.11.0+build.a546b91", code: "", prefix: [0x7c, 0x2f, 0x80] },
        // Written after the one before.
        Make { model: "N670 IP PRO", firmware: "83.V2.48.0+build.8504c90", code: "", prefix: [0x58, 0x9e, 0xc6] },
    ],
    trust: Trust::PlainLogin,
    most_authorities: 0,
    dhcp: Habits {
        // Not known [facts].
        class: |_| Vec::new(),
        user_class: None,
        wanted: &[1, 3, 6, 15, 42, 51, 54, 66, 114],
        // [facts]
        place: |options, _| options.first_text(&[114, 66]),
    },
    user_agent,
    expand: verbatim,
    look,
    authorities: |_| Vec::<Anchor>::new(),
    resources: |_| Vec::new(),
    relative_names: false,
    meaning,
    restarts,
    // [facts]
    notices: Notices { knows: |event| (event == "check-sync;reboot=false").then_some(Call::Look), heeds: as_told },
    words: Words { server_url: SERVER, authority: "none" },
};

const SERVER: &str = "Provisioning.global.ProvisioningServer";
/// Operations stand among the settings with this in front.
const OPERATION: &str = "oper ";

/// \[facts, as `Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;7C2F80E0D605`\]
fn user_agent(phone: &Identity, _: usize) -> String {
    format!("Gigaset {}/{};{}", phone.make.model, phone.make.firmware, phone.mac.plain().to_uppercase())
}

/// Behind a folder `provisioning.xml`, and where there is none `<MAC>.xml`; else the file that the URL is of
/// \[facts, the maker's wiki\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    let own = look.base.clone();
    if !own.path.ends_with('/') {
        let fetched = look.ask(&Ask::get(own.clone()));
        look.weigh(own.name(), Whose::Own, fetched, read)?;
        return Ok(());
    }
    if !look.take("provisioning.xml", Whose::Shared, read)? {
        let mac = look.identity().mac.plain();
        look.take(&format!("{mac}.xml"), Whose::Own, read)?;
    }
    Ok(())
}

/// `<provisioning version="1.1" productID="e2">` with `<param name value/>` in `<nvm>`, and operations on handsets, which
/// may hold some of their own \[facts; operations: a public script\].
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let unreadable = |why: &str| Fault::Unreadable { file: name.into(), why: why.into() };
    let elements = xml::read(bytes).map_err(|why| unreadable(&why))?;
    let outermost = elements.first().filter(|element| element.name() == "provisioning");
    let product = outermost.ok_or_else(|| unreadable("its outermost element is not provisioning"))?;
    if product.attribute("productID") != Some("e2") {
        return Err(unreadable("it is for another product"));
    }
    let mut file = File::default();
    for element in &elements {
        let said = |attribute| element.attribute(attribute).unwrap_or_default().to_owned();
        match element.name() {
            "param" if element.is_in("nvm") => file.settings.push((said("name"), Some(said("value")))),
            "oper" => file.settings.push((format!("{OPERATION}{} {}", said("name"), said("value")), Some("1".into()))),
            _ => {}
        }
    }
    Ok(file)
}

fn meaning(settings: &Settings) -> Meaning {
    let server_url = value(settings, SERVER).map(str::to_owned);
    Meaning {
        // A login in the URL is kept once it worked [facts, the maker's wiki, of its redirection].
        login: server_url.as_deref().and_then(|url| Url::parse(url).ok()?.login),
        server_url,
        own_server: false,
        // [assumed]
        polling: Some(Duration::from_secs(86_400)),
        custom_options: Vec::new(),
        time_server: value(settings, "DmGlobal.0.NtpServer").map(str::to_owned),
        trust_fault: None,
        accounts: accounts(settings),
    }
}

/// Told of another server, it asks there at once, as after the maker's redirection \[assumed\].
fn restarts(before: &Settings, after: &Settings) -> bool {
    before.get(SERVER) != after.get(SERVER)
}

/// An account for each handset that was added, with the server of its provider.
fn accounts(settings: &Settings) -> Vec<Account> {
    let added = settings.keys().filter_map(|key| key.strip_prefix(OPERATION)?.strip_prefix("add_hs "));
    let account = |(number, handset): (u16, &str)| {
        let get = |key: &str| value(settings, &format!("SipAccount.{handset}.{key}"));
        let provider = get("ProviderId")?;
        let server = value(settings, &format!("SipProvider.{provider}.RegServerAddress"))?;
        Some(Account {
            number,
            user: get("UserName")?.into(),
            auth_user: get("AuthName")?.into(),
            password: Secret::new(get("AuthPassword").unwrap_or_default()),
            display: get("DisplayName").unwrap_or_default().into(),
            server: server.into(),
        })
    };
    (1..).zip(added).filter_map(account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let phone =
            Identity { breed: &BREED, make: &BREED.makes[0], mac: Mac::new([0x7c, 0x2f, 0x80, 0xe0, 0xd6, 0x05]) };
        assert_eq!(user_agent(&phone, 0), "Gigaset N870 IP PRO/83.V2.11.0+build.a546b91;7C2F80E0D605");
    }

    #[test]
    fn acts_on_what_stands_there() {
        let text = "<provisioning version=\"1.1\" productID=\"e2\"><nvm>\
            <param name=\"Provisioning.global.ProvisioningServer\" value=\"http://u:p@10.66.0.1/p/a.xml\"/>\
            <oper value=\"029e74a599\" name=\"add_hs\"><param name=\"hs.RegStatus\" value=\"ToReg\"/></oper>\
            <param name=\"SipAccount.029e74a599.UserName\" value=\"201\"/>\
            <param name=\"SipAccount.029e74a599.AuthName\" value=\"201\"/>\
            <param name=\"SipAccount.029e74a599.ProviderId\" value=\"0\"/>\
            <param name=\"SipAccount.00002.UserName\" value=\"202\"/>\
            <param name=\"SipProvider.0.RegServerAddress\" value=\"pbx\"/></nvm></provisioning>";
        let file = read("a.xml", text.as_bytes()).unwrap();
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.login, Some(("u".into(), "p".into())));
        assert_eq!(meaning.accounts.iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["201"]);
        assert!(restarts(&Settings::new(), &settings) && !restarts(&settings, &settings));
        for wrong in ["<provisioning/>", "<settings/>", "<provisioning productID=\"mx3b\"/>", ""] {
            assert!(matches!(read("a", wrong.as_bytes()), Err(Fault::Unreadable { .. })), "{wrong}");
        }
    }
}
