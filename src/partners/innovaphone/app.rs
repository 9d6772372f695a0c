//! PURE. One connection to this app, as its server: challenge, login, and what the other side is told and wants then.
//!
//! Two kinds of others come: the PBX, for the app object itself, which is asked for its services; and services of
//! users, which bring phones.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::compact::compact;
use super::digest::{AppLogin, SessionKey, same};
use super::heard::{Heard, News, Request, Wrong};
use super::services;
use crate::model::{Mac, Secret};

/// The longest message that is read, in bytes.
pub(super) const LONGEST: usize = 256 * 1024;
/// What is offered, by the name that others look for.
const API: &str = "com.innovaphone.provisioning";
/// Characters of a challenge.
pub(super) const CHALLENGE: usize = 16;

/// What this app is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its name: the last part of its URL.
    pub app: String,
    /// What people are shown.
    pub title: String,
    /// Its password at the PBX.
    pub password: Secret,
    /// Whether `serviceInfo` is sent in the spelling of one sketch of the documents as well.
    pub both_spellings: bool,
    /// Whether a KeepAlive is answered in kind.
    pub answers_keep_alive: bool,
}

/// A connection.
#[derive(Debug)]
pub struct Session {
    challenge: String,
    key: Option<SessionKey>,
    tried: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    mt: String,
    #[serde(default)]
    src: Option<Value>,
    #[serde(borrow, default)]
    info: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Login {
    app: String,
    domain: String,
    sip: String,
    guid: String,
    dn: String,
    digest: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Phone {
    mac: String,
    code: String,
    hwid: String,
    // The documented spelling.
    usename: String,
    username: String,
    cn: String,
    seed1: String,
    password: String,
    domain: String,
    dns: String,
}

impl Session {
    /// A connection whose challenge is this: 16 fresh random characters.
    pub fn new(challenge: String) -> Self {
        Self { challenge, key: None, tried: false }
    }

    /// Whether the other side has logged in.
    pub fn is_logged_in(&self) -> bool {
        self.key.is_some()
    }

    /// A text message came.
    pub fn hear(&mut self, text: &str, about: &About) -> Heard {
        let message: Option<Message<'_>> = (text.len() <= LONGEST).then(|| serde_json::from_str(text).ok()).flatten();
        let Some(Message { mt, src, info }) = message else {
            // Before a login nobody is owed patience.
            return Heard { news: Some(News::Note(Wrong::Unreadable)), end: self.key.is_none(), ..Heard::default() };
        };
        match (mt.as_str(), self.key.is_some()) {
            ("AppChallenge", false) => say(json!({ "mt": "AppChallengeResult", "challenge": self.challenge }), src),
            ("CheckBuild", _) => say(json!({ "mt": "CheckBuildResult" }), src),
            ("AppLogin", false) => self.log_in(text, (info, src), about),
            (_, false) => Heard { news: Some(News::Note(Wrong::NotLoggedIn)), end: true, ..Heard::default() },
            ("AppInfo", true) => say(app_info(text, about), src),
            ("PbxInfo", true) => pbx_info(text),
            ("ServicesInfo", true) => {
                let devices = serde_json::from_str(text).ok().and_then(|said: Value| services::devices(&said));
                Heard { news: Some(News::Devices(devices)), ..Heard::default() }
            }
            ("ProvisioningPhone", true) => self.phone(text, src),
            ("KeepAlive", true) if about.answers_keep_alive => say(json!({ "mt": "KeepAlive" }), src),
            // Whatever else newer releases say.
            _ => Heard::default(),
        }
    }

    fn log_in(&mut self, text: &str, (info, src): (Option<&RawValue>, Option<Value>), about: &About) -> Heard {
        let login: Login = serde_json::from_str(text).unwrap_or_default();
        let refuse = |why: Wrong| {
            let refusal =
                say(json!({ "mt": "AppLoginResult", "ok": false, "errorText": why.to_string() }), src.clone());
            Heard { news: Some(News::Refused(why)), end: true, ..refusal }
        };
        if std::mem::replace(&mut self.tried, true) {
            return refuse(Wrong::Replay);
        }
        if !login.app.eq_ignore_ascii_case(&about.app) {
            return refuse(Wrong::OtherApp);
        }
        let made = |info: Option<&str>| {
            let Login { app, domain, sip, guid, dn, .. } = &login;
            AppLogin { app, domain, sip, guid, dn, info }.digest(&self.challenge, about.password.expose())
        };
        let raw = info.map(RawValue::get);
        // As it stood in the message; else without what JSON allows and the digest does not.
        let right = same(&made(raw), &login.digest)
            || raw.and_then(compact).is_some_and(|compact| same(&made(Some(&compact)), &login.digest));
        if !right || about.password.is_empty() {
            return refuse(Wrong::Digest);
        }
        self.key = Some(SessionKey::new(&self.challenge, about.password.expose()));
        let url = raw.and_then(|raw| serde_json::from_str::<Value>(raw).ok());
        let url = url.and_then(|info| Some(info.get("appurl")?.as_str()?.to_owned()));
        let news = Some(News::LoggedIn { who: login.sip.clone(), url });
        let answer = json!({ "mt": "AppLoginResult", "ok": true, "app": login.app, "domain": login.domain });
        Heard { news, ..say(answer, src) }
    }

    fn phone(&self, text: &str, src: Option<Value>) -> Heard {
        let said: Phone = serde_json::from_str(text).unwrap_or_default();
        let read = || {
            let mac: Mac = said.mac.parse().map_err(|_| Wrong::NoMac)?;
            let code =
                Some(said.code.trim()).filter(|code| !code.is_empty() && code.len() <= 64).ok_or(Wrong::NoCode)?;
            let user = if said.usename.is_empty() { &said.username } else { &said.usename };
            if user.is_empty() {
                return Err(Wrong::NoUser);
            }
            let password = match (&self.key, said.seed1.len()) {
                // So the documents have it: a seed of one character says that nothing is hidden.
                (_, 0 | 1) => Secret::new(said.password.as_str()),
                (Some(key), _) => key.decrypt(&said.seed1, &said.password).ok_or(Wrong::Undecryptable)?,
                (None, _) => return Err(Wrong::NotLoggedIn),
            };
            let text = |text: &str| text.chars().filter(|c| !c.is_control()).take(128).collect::<String>();
            Ok(Request {
                mac,
                code: code.to_owned(),
                hwid: text(&said.hwid),
                user: text(user),
                name: text(&said.cn),
                password,
                domain: text(&said.domain),
                host: text(&said.dns),
                src: src.clone(),
            })
        };
        match read() {
            Ok(request) => Heard { news: Some(News::Phone(Box::new(request))), ..Heard::default() },
            Err(why) => {
                let answer = result(src.as_ref(), Err(&why.to_string()));
                Heard { say: vec![answer], news: Some(News::Unfit { why }), end: false }
            }
        }
    }
}

/// The answer to whoever wanted a phone.
pub(super) fn result(src: Option<&Value>, result: Result<(), &str>) -> String {
    let said = match result {
        Ok(()) => json!({ "mt": "ProvisioningPhoneResult", "result": "ok" }),
        Err(error) => json!({ "mt": "ProvisioningPhoneResult", "result": "failed", "error": error }),
    };
    with_src(said, src.cloned()).to_string()
}

fn app_info(text: &str, about: &About) -> Value {
    let asked: Value = serde_json::from_str(text).unwrap_or_default();
    let app = asked.get("app").and_then(Value::as_str).unwrap_or_default();
    let mut said = json!({ "mt": "AppInfoResult", "app": app, "info": { "hidden": true, "apis": {} } });
    if app.trim_end_matches(".htm").eq_ignore_ascii_case(&about.app) {
        let offered = json!({ "apis": { API: { "title": about.title } } });
        if let Some(object) = said.as_object_mut() {
            if about.both_spellings {
                object.insert("seviceInfo".into(), offered.clone());
            }
            object.insert("serviceInfo".into(), offered);
        }
    }
    said
}

fn pbx_info(text: &str) -> Heard {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let word = |name: &str| -> String {
        said.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .chars()
            .filter(|c| !c.is_control())
            .take(128)
            .collect()
    };
    let apis = said.get("apis").and_then(Value::as_array);
    let lists = apis.is_some_and(|apis| apis.iter().any(|api| api.as_str() == Some("Services")));
    let ask = json!({ "api": "Services", "mt": "SubscribeServices", "src": "services" }).to_string();
    let news = Some(News::Pbx { domain: word("domain"), name: word("pbx") });
    Heard { say: if lists { vec![ask] } else { Vec::new() }, news, end: false }
}

fn say(said: Value, src: Option<Value>) -> Heard {
    Heard { say: vec![with_src(said, src).to_string()], ..Heard::default() }
}

fn with_src(mut said: Value, src: Option<Value>) -> Value {
    if let (Some(object), Some(src)) = (said.as_object_mut(), src) {
        object.insert("src".into(), src);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About {
            app: "searchapi".into(),
            title: "Block66".into(),
            password: Secret::new("go"),
            both_spellings: false,
            answers_keep_alive: false,
        }
    }

    /// A login that was recorded from a PBX; `info` in other spellings of the same JSON.
    fn login(info: &str) -> String {
        format!(
            r#"{{"mt":"AppLogin","app":"searchapi","domain":"fritz.box","sip":"go-search","guid":"3954ae7854c96301c9dd009033400109","dn":"go-search","info":{info},"digest":"130f168773ff760701b74e629eca2544c6e62d5354e92e6f821001a982eb8951","pbxObj":"ignored"}}"#
        )
    }

    const INFO: &str = r#"{"appobj":"go-search","appdn":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi","pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]}"#;

    fn session() -> Session {
        Session::new("16d7dbbcccb63612".into())
    }

    fn logged_in() -> Session {
        let mut session = session();
        assert!(session.hear(&login(INFO), &about()).say[0].contains("\"ok\":true"));
        session
    }

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_pbx_logs_in_with_the_digest_that_was_recorded() {
        let mut session = session();
        let heard = session.hear(r#"{"mt":"AppChallenge","src":"a","user":"x"}"#, &about());
        let expected = json!({ "mt": "AppChallengeResult", "challenge": "16d7dbbcccb63612", "src": "a" });
        assert_eq!(value(&heard.say[0]), expected);
        let heard = session.hear(&login(INFO), &about());
        let url = Some("http://192.168.178.29:5000/fritz.box/go/instance/searchapi".to_owned());
        assert_eq!(heard.news, Some(News::LoggedIn { who: "go-search".into(), url }));
        assert!(session.is_logged_in() && !heard.end);
    }

    #[test]
    fn other_spellings_of_the_same_json_have_the_same_digest() {
        for info in [
            INFO.replace(',', ", ")
                .replace(':', " : ")
                .replace("http : //192.168.178.29 : 5000", "http://192.168.178.29:5000"),
            INFO.replace('/', "\\/"),
            INFO.replace("pbx-main", "pbx\\u002dmain"),
        ] {
            let mut session = session();
            session.hear(&login(&info), &about());
            assert!(session.is_logged_in(), "{info}");
        }
    }

    #[test]
    fn wrong_and_replayed_logins_are_refused_and_the_connection_ends() {
        let changed = login(INFO).replace("go-search\",\"guid", "other\",\"guid");
        for (text, about, why) in [
            (changed, about(), Wrong::Digest),
            (login("{}"), about(), Wrong::Digest),
            (login(INFO), About { password: Secret::new("wrong"), ..about() }, Wrong::Digest),
            (login(INFO), About { app: "other".into(), ..about() }, Wrong::OtherApp),
        ] {
            let mut session = session();
            let heard = session.hear(&text, &about);
            assert_eq!((heard.news, heard.end), (Some(News::Refused(why)), true));
            assert!(heard.say[0].contains("\"ok\":false") && !session.is_logged_in());
            let again = session.hear(&login(INFO), &about);
            assert_eq!(again.news, Some(News::Refused(Wrong::Replay)));
        }
        let mut other = Session::new("0123456789abcdef".into());
        assert_eq!(other.hear(&login(INFO), &about()).news, Some(News::Refused(Wrong::Digest)), "another challenge");
        let early = session().hear(r#"{"mt":"ProvisioningPhone","mac":"805ec0123456"}"#, &about());
        assert_eq!((early.news, early.end, early.say.len()), (Some(News::Note(Wrong::NotLoggedIn)), true, 0));
    }

    #[test]
    fn it_publishes_itself_and_asks_for_services() {
        let mut session = logged_in();
        let heard = session.hear(r#"{"mt":"AppInfo","app":"searchapi","src":7}"#, &about());
        let expected = json!({
            "mt": "AppInfoResult", "app": "searchapi", "src": 7, "info": { "hidden": true, "apis": {} },
            "serviceInfo": { "apis": { "com.innovaphone.provisioning": { "title": "Block66" } } },
        });
        assert_eq!(value(&heard.say[0]), expected);
        let other = session.hear(r#"{"mt":"AppInfo","app":"other"}"#, &about());
        assert!(value(&other.say[0]).get("serviceInfo").is_none());
        let both = About { both_spellings: true, ..about() };
        assert!(session.hear(r#"{"mt":"AppInfo","app":"searchapi"}"#, &both).say[0].contains("seviceInfo"));
        let heard = session
            .hear(r#"{"mt":"PbxInfo","domain":"example.com","pbx":"main","apis":["Other","Services"]}"#, &about());
        assert_eq!(heard.news, Some(News::Pbx { domain: "example.com".into(), name: "main".into() }));
        assert_eq!(value(&heard.say[0]), json!({ "api": "Services", "mt": "SubscribeServices", "src": "services" }));
        assert!(session.hear(r#"{"mt":"PbxInfo","apis":[]}"#, &about()).say.is_empty());
        assert_eq!(session.hear(r#"{"mt":"KeepAlive"}"#, &about()), Heard::default());
        assert_eq!(session.hear(r#"{"mt":"SomethingNew","x":{}}"#, &about()), Heard::default());
    }

    #[test]
    fn a_phone_comes_with_its_users_password() {
        let mut session = logged_in();
        let key = SessionKey::new("16d7dbbcccb63612", "go");
        let seed = "10046478319880090512700";
        let hidden = key.encrypt(seed, "pä$s");
        let phone = |more: &str| {
            format!(
                r#"{{"mt":"ProvisioningPhone","src":"s","mac":"805ec0123456","code":"123456789012","hwid":"hw1","cn":"Ann","domain":"example.com","dns":"pbx.example.com","seed1":"{seed}","password":"{hidden}"{more}}}"#
            )
        };
        let heard = session.hear(&phone(r#","usename":"ann""#), &about());
        let Some(News::Phone(request)) = heard.news else { panic!("{heard:?}") };
        assert_eq!((request.user.as_str(), request.password.expose(), request.hwid.as_str()), ("ann", "pä$s", "hw1"));
        assert_eq!(
            value(&result(request.src.as_ref(), Ok(()))),
            json!({ "mt": "ProvisioningPhoneResult", "result": "ok", "src": "s" })
        );
        let heard = session.hear(&phone(r#","username":"ann""#), &about());
        assert!(matches!(heard.news, Some(News::Phone(_))));
        for (text, why) in [
            (phone(""), Wrong::NoUser),
            (phone(r#","usename":"ann""#).replace("805ec0123456", "nobody"), Wrong::NoMac),
            (phone(r#","usename":"ann""#).replace("123456789012", ""), Wrong::NoCode),
            (phone(r#","usename":"ann""#).replace(seed, "another seed"), Wrong::Undecryptable),
        ] {
            let heard = session.hear(&text, &about());
            assert_eq!(heard.news, Some(News::Unfit { why }), "{text}");
            assert!(heard.say[0].contains("\"failed\"") && !heard.end);
        }
        let open = phone(r#","usename":"ann""#).replace(seed, "0").replace(&hidden, "clear");
        let Some(News::Phone(request)) = session.hear(&open, &about()).news else { panic!() };
        assert_eq!(request.password.expose(), "clear");
    }

    #[test]
    fn bombs_and_scraps_change_nothing() {
        let bomb = format!("{{\"mt\":\"x\",\"a\":{}", "[".repeat(100_000));
        let long = format!("{{\"mt\":\"{}\"}}", "x".repeat(LONGEST));
        for text in ["", "{", "[]", "7", "{\"mt\":7}", &bomb, &long] {
            let heard = session().hear(text, &about());
            assert_eq!((heard.news, heard.end), (Some(News::Note(Wrong::Unreadable)), true));
            let mut session = logged_in();
            let heard = session.hear(text, &about());
            assert_eq!((heard.news, heard.end), (Some(News::Note(Wrong::Unreadable)), false));
        }
    }
}
