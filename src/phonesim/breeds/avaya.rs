//! Avaya J1xx \[facts\].

use std::time::Duration;

use crate::model::Secret;
use crate::phonesim::breed::{
    Anchor, Breed, Call, File, Habits, Make, Meaning, Notices, Place, Settings, Trust, Words, check_sync, value,
    verbatim,
};
use crate::phonesim::dhcp::Options;
use crate::phonesim::fault::Halt;
use crate::phonesim::look::{Look, Whose};
use crate::phonesim::{Account, Fault, Identity};

/// Avaya.
pub(super) static BREED: Breed = Breed {
    brand: "avaya",
    // [facts, recorded]; the second is written after the first.
    makes: &[
        Make { model: "J179", firmware: "4.1.3.0.6", code: "", prefix: [0xc8, 0x1f, 0xea] },
        Make { model: "J129", firmware: "4.0.10.1.2", code: "", prefix: [0x70, 0x52, 0xc5] },
    ],
    trust: Trust::Authority,
    // [assumed]
    most_authorities: 6,
    dhcp: Habits {
        // [facts, in one DHCP log]
        class: |_| b"ccp.avaya.com".to_vec(),
        user_class: None,
        wanted: &[1, 3, 6, 7, 15, 26, 42, 43, 51, 54, 58, 59, 242],
        place,
    },
    user_agent,
    expand: verbatim,
    look,
    authorities,
    resources,
    // In the folder of all files [facts].
    relative_names: true,
    meaning,
    restarts,
    // [facts]
    notices: Notices { knows: check_sync, heeds },
    words: Words { server_url: "TLSSRVR", authority: "TRUSTCERTS" },
};

const GET: &str = "GET";

/// Parts with commas between them, each a name and a value \[facts\]. The server for TLS goes before.
fn place(options: &Options, _: &[u8]) -> Option<Place> {
    let text = options.text(242)?;
    let named: Settings = text
        .split(',')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.to_ascii_uppercase(), value.to_owned()))
        .collect();
    server(&named).map(|url| (242, url))
}

/// The folder in which files are, by the settings for TLS, else by those for plain HTTP.
fn server(settings: &Settings) -> Option<String> {
    let of = |scheme: &str, way: &str| {
        let get = |what: &str| value(settings, &format!("{way}{what}"));
        let host = get("SRVR")?.split(',').next()?;
        let port = get("PORT").map(|port| format!(":{port}")).unwrap_or_default();
        let folder = get("DIR").map(|folder| format!("{}/", folder.trim_matches('/'))).unwrap_or_default();
        Some(format!("{scheme}://{host}{port}/{folder}"))
    };
    of("https", "TLS").or_else(|| of("http", "HTTP"))
}

/// \[facts\]
fn user_agent(phone: &Identity, _: usize) -> String {
    let Make { model, firmware, .. } = phone.make;
    format!("Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/{model}-{firmware} (MAC:{})", phone.mac.plain())
}

/// The upgrade file, and what it and the next ones name by GET \[facts\].
fn look(look: &mut Look<'_>) -> Result<(), Halt> {
    follow(look, "J100Supgrade.txt", 4)?;
    Ok(())
}

/// Takes a file and those that it names. The first of them that comes ends it: what stands behind is not read
/// \[facts, the maker's guide\]. Whether it came.
fn follow(look: &mut Look<'_>, name: &str, left: usize) -> Result<bool, Halt> {
    let mac = look.identity().mac.plain();
    let whose = if name.contains(&mac) { Whose::Own } else { Whose::Shared };
    if left == 0 || !look.take(name, whose, read)? {
        return Ok(false);
    }
    let named = look.accepted().last().map(|file| file.values(|key| key == GET).map(str::to_owned).collect());
    let named: Vec<String> = named.unwrap_or_default();
    for name in named {
        if follow(look, &name.replace("$MACADDR", &mac), left - 1)? {
            break;
        }
    }
    Ok(true)
}

/// `SET NAME value`, in quotes where it holds blanks, `GET name`, and `##` before comments \[facts, the
/// maker's guide\]. Settings behind a GET are skipped: they would count only where nothing came.
fn read(name: &str, bytes: &[u8]) -> Result<File, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::NotText { file: name.into() })?;
    if text.trim_start().starts_with('<') {
        return Err(Fault::Html { file: name.into() });
    }
    let (mut file, mut gets) = (File::default(), false);
    for (at, line) in text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())) {
        if line.is_empty() || line.starts_with("##") {
            continue;
        }
        let set = line.strip_prefix("SET ").and_then(|rest| rest.split_once(' ')).and_then(|(key, value)| {
            let quoted = value.strip_prefix('"').map(|value| value.strip_suffix('"'));
            let value = quoted.unwrap_or(Some(value)).filter(|value| !value.contains('"'))?;
            Some((key, value))
        });
        match (set, line.strip_prefix("GET ")) {
            (Some((key, value)), _) if !gets => file.settings.push((key.into(), Some(value.into()))),
            (None, Some(next)) => {
                gets = true;
                file.settings.push((GET.into(), Some(next.into())));
            }
            _ => file.skipped.push(at),
        }
    }
    if file.settings.is_empty() {
        return Err(Fault::Unreadable { file: name.into(), why: "there is neither SET nor GET in it".into() });
    }
    Ok(file)
}

fn authorities(file: &File) -> Vec<Anchor> {
    let lists = file.values(|key| key == "TRUSTCERTS");
    lists.flat_map(|list| list.split(',')).map(|name| Anchor::At(name.trim().into())).collect()
}

/// \[facts, templates that are used\]
fn resources(file: &File) -> Vec<String> {
    file.values(|key| matches!(key, "BACKGROUND_IMAGE" | "DOWNLOADABLE_DIRECTORY")).map(str::to_owned).collect()
}

fn meaning(settings: &Settings) -> Meaning {
    let get = |key: &str| value(settings, key).map(str::to_owned);
    Meaning {
        server_url: server(settings),
        // What files say goes before what DHCP says [facts].
        own_server: value(settings, "TLSSRVR").is_some(),
        // [the maker's guide; the names unchecked]
        login: get("FORCE_HTTP_AUTH_USERNAME").zip(get("FORCE_HTTP_AUTH_PASSWORD")),
        // Once a day, at a time of its own [facts, the maker's guide].
        polling: (value(settings, "AUTOMATIC_UPDATE_POLICY") == Some("1")).then(|| Duration::from_secs(86_400)),
        custom_options: Vec::new(),
        time_server: get("SNTPSRVR"),
        trust_fault: None,
        accounts: account(settings).into_iter().collect(),
    }
}

/// It starts over for another server \[assumed\].
fn restarts(before: &Settings, after: &Settings) -> bool {
    ["TLSSRVR", "TLSDIR", "TLSPORT", "FORCE_HTTP_AUTH_USERNAME"].iter().any(|key| before.get(*key) != after.get(*key))
}

/// Only where it was told to, outside of a dialogue \[facts\].
fn heeds(call: Call, settings: &Settings) -> Option<Call> {
    (value(settings, "ENABLE_OOD_RESET_NOTIFY") == Some("1")).then_some(call)
}

/// It has one user \[facts, templates that are used\].
fn account(settings: &Settings) -> Option<Account> {
    let get = |key: &str| value(settings, key);
    // Before that it speaks to nothing but the maker's own PBX.
    (get("ENABLE_3PCC_ENVIRONMENT") == Some("1")).then_some(())?;
    let user = get("FORCE_SIP_EXTENSION")?;
    let (server, _) = get("SIP_CONTROLLER_LIST")?.split_once(':')?;
    Some(Account {
        number: 1,
        user: user.into(),
        auth_user: get("FORCE_SIP_USERNAME").unwrap_or(user).into(),
        password: Secret::new(get("FORCE_SIP_PASSWORD").unwrap_or_default()),
        display: String::new(),
        server: server.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Mac;

    #[test]
    fn names_itself_as_the_real_one_does() {
        let mac = Mac::new([0xc8, 0x1f, 0xea, 0x83, 0xe8, 0x5a]);
        let phone = Identity { breed: &BREED, make: &BREED.makes[0], mac };
        let recorded = "Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)";
        assert_eq!(user_agent(&phone, 0), recorded);
    }

    #[test]
    fn reads_what_242_holds() {
        let said = |text: &str| place(&Options::of([(242, text.as_bytes().to_vec())].into()), &[]).map(|(_, url)| url);
        assert_eq!(said("HTTPSRVR=10.66.0.1,HTTPDIR=p"), Some("http://10.66.0.1/p/".into()));
        assert_eq!(said("TLSSRVR=10.66.0.1,TLSDIR=p,TLSPORT=8443"), Some("https://10.66.0.1:8443/p/".into()));
        assert_eq!(said("L2Q=1,L2QVLAN=5"), None);
    }

    #[test]
    fn acts_on_what_stands_there() {
        let text = b"## x\nSET TLSSRVR \"10.66.0.1\"\nSET TLSDIR \"p\"\nSET TRUSTCERTS \"ca.pem,b.pem\"\n\
                     SET AUTOMATIC_UPDATE_POLICY \"1\"\nSET ENABLE_3PCC_ENVIRONMENT 1\nSET FORCE_SIP_EXTENSION \"201\"\n\
                     SET SIP_CONTROLLER_LIST \"pbx:5061;transport=tls\"\nGET $MACADDR.cfg\nSET LATE \"1\"\nSET A \"b\"c\"\n";
        let file = read("a.txt", text).unwrap();
        assert_eq!(file.skipped, [10, 11]);
        assert_eq!(authorities(&file), [Anchor::At("ca.pem".into()), Anchor::At("b.pem".into())]);
        assert_eq!(file.values(|key| key == GET).collect::<Vec<_>>(), ["$MACADDR.cfg"]);
        let settings: Settings = file.settings.into_iter().map(|(key, value)| (key, value.unwrap())).collect();
        let meaning = meaning(&settings);
        assert_eq!(meaning.server_url.as_deref(), Some("https://10.66.0.1/p/"));
        assert!(meaning.own_server && meaning.polling.is_some() && restarts(&Settings::new(), &settings));
        assert_eq!(meaning.accounts.iter().map(|account| account.server.as_str()).collect::<Vec<_>>(), ["pbx"]);
        assert!(read("a", b"<html>").is_err() && read("a", b"key = value\n").is_err());
    }
}
