use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::keep::{Unstored, Users, Which};
use super::prepared::{Urls, prepare};
use super::settings::Settings;
use super::template::{Sheet, Template};
use super::user::{Account, User};
use crate::admin::{FieldError, LineDraft, Order, Problem, Said};
use crate::model::settings::Resolved;
use crate::model::{Id, Secret};
use crate::partners::desk::{self, sentence, unfit};
use crate::sys::clock::Clock;
use crate::sys::passwords::{LONGEST, Passwords, SHORTEST};
use crate::sys::random;

/// The administrator's calls about softphones: users, settings, templates.
#[derive(Clone)]
pub struct Desk {
    users: Users,
    passwords: Passwords,
    clock: Clock,
}

/// A user as somebody wrote it. What is left out of a change stays as it is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Draft {
    name: Option<String>,
    #[serde(deserialize_with = "secret")]
    password: Option<Secret>,
    lines: Option<Vec<LineDraft>>,
    proxy: Option<String>,
    settings: Option<BTreeMap<String, String>>,
    licence: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

/// A user as the desk shows one: without any password.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) accounts: Vec<ShownAccount>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) licence: Option<String>,
}

/// An account as the desk shows one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShownAccount {
    pub(super) display: String,
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) proxy: String,
    pub(super) transport: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

impl Desk {
    /// A desk for these users.
    pub fn new(users: Users, clock: Clock) -> Self {
        Self { users, passwords: Passwords::new(), clock }
    }

    /// How the three servers are, in plain words.
    fn state(&self) -> Value {
        let settings = self.users.settings();
        let mut says = Vec::new();
        if settings.enabled {
            says.push("Softphones sign in at https://<this box>/bria/login.".to_owned());
        } else {
            says.push("Switched off: softphones cannot sign in.".to_owned());
        }
        if settings.plain_http {
            says.push("Passwords are also taken over plain HTTP: anybody on the way reads them.".to_owned());
        }
        if !settings.discovery.is_empty() {
            says.push(format!(
                "Computers in {} that ask are told the address by DHCP option 120. SIP phones that read that option by \
                 RFC 3361 are not told.",
                settings.discovery.join(", ")
            ));
        }
        json!({
            "title": "Bria on computers", "guide": "docs/partners/bria.md",
            "says": says, "users": self.users.all().len(), "settings": settings,
        })
    }

    async fn template(&self, which: Which, method: &Method, order: &Order) -> Result<Said, Problem> {
        match *method {
            Method::GET => {}
            Method::DELETE => self.users.set_template(which, None).await?,
            Method::PUT => {
                let Text { text } = order.read()?;
                Template::read(&text).map_err(|error| unfit(&format!("the template cannot be used: {error}")))?;
                self.users.set_template(which, Some(text)).await?;
            }
            _ => return Err(Problem::wrong_method("GET, PUT and DELETE")),
        }
        let (text, own) = self.users.template_text(which);
        let unknown = Template::read(&text).map(|(_, unknown)| unknown).unwrap_or_default();
        Ok(Said::ok(json!({ "text": text, "own": own, "unknown": unknown })))
    }

    async fn add(&self, order: &Order) -> Result<Said, Problem> {
        let mut draft: Draft = order.read()?;
        let Some(password) = draft.password.take() else { return Err(field("password", "Missing.")) };
        let user = User {
            id: random::id(self.clock.now().wall),
            name: draft.name.take().unwrap_or_default(),
            hash: self.hash(password).await?,
            accounts: Vec::new(),
            settings: BTreeMap::new(),
            licence: None,
        };
        let user = self.drafted(user, draft)?;
        self.users.put(&user).await?;
        Ok(Said::ok(shown(&user)))
    }

    async fn change(&self, id: Id, order: &Order) -> Result<Said, Problem> {
        let mut draft: Draft = order.read()?;
        // Before the user is read: it takes so long that others may change them meanwhile, or remove them.
        let hash = match draft.password.take() {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let change = |mut user: User| {
            user.hash = hash.unwrap_or(user.hash);
            user.name = draft.name.take().unwrap_or(user.name);
            self.drafted(user, draft)
        };
        Ok(Said::ok(shown(&self.users.change(id, change).await?)))
    }

    /// The user with what the draft says, as they can be stored.
    fn drafted(&self, mut user: User, draft: Draft) -> Result<User, Problem> {
        if let Some(lines) = draft.lines {
            user.accounts = accounts(lines)?;
        }
        if let Some(proxy) = draft.proxy {
            for account in &mut user.accounts {
                account.proxy.clone_from(&proxy);
            }
        }
        user.settings = draft.settings.unwrap_or(user.settings);
        user.licence = draft.licence.or(user.licence).filter(|key| !key.is_empty());
        user.check().map_err(|wrong| unfit(&wrong.to_string()))?;
        // Tried out before it is stored: a user whose settings cannot be made would be told so at the next login.
        self.try_out(&user)?;
        Ok(user)
    }

    fn try_out(&self, user: &User) -> Result<Vec<(String, String, bool)>, Problem> {
        let broken = |what: String| unfit(&format!("their settings cannot be made: {what}"));
        let template = self.users.template(Which::Desktop).map_err(|error| broken(error.to_string()))?;
        let sheet = Sheet { user: &user.name, accounts: &user.accounts, ..Sheet::default() };
        let urls = Urls { update: "https://box/p/bria/update?t=…".into(), upgrade: None };
        let own = (&user.settings, user.licence.as_deref());
        let made = prepare(&template, &sheet, own, &self.users.settings(), &urls);
        let made = made.map_err(|error| broken(error.to_string()))?;
        made.clone().signed_in().bytes().map_err(|error| broken(error.to_string()))?;
        let dots = |name: &str, value: &str| {
            let secret = name.ends_with("password") && !value.is_empty();
            if secret { "••••••".to_owned() } else { value.to_owned() }
        };
        let rows = made.settings.iter();
        Ok(rows.map(|s| (s.name().to_owned(), dots(s.name(), s.value()), s.in_memory)).collect())
    }

    fn preview(&self, user: &User) -> Result<Said, Problem> {
        let rows = self.try_out(user)?;
        let rows: Vec<Value> = rows
            .into_iter()
            .map(|(name, value, memory)| json!({ "name": name, "value": value, "in-memory": memory }))
            .collect();
        Ok(Said::ok(json!({ "settings": rows })))
    }

    async fn hash(&self, password: Secret) -> Result<Secret, Problem> {
        if password.expose().chars().count() < SHORTEST {
            return Err(field("password", &format!("Shorter than {SHORTEST} characters.")));
        }
        if password.expose().len() > LONGEST || password.expose().chars().any(char::is_control) {
            return Err(field("password", &format!("At most {LONGEST} bytes, and no line break.")));
        }
        self.passwords.hash(password).await.map_err(|_| {
            let next = "Try again in a few seconds.";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Many people sign in at this moment.", next)
        })
    }

    fn user(&self, name: &str) -> Result<User, Problem> {
        let detail = || format!("There is no user \"{}\".", name.chars().take(64).collect::<String>());
        self.users.named(name).ok_or_else(|| unknown(detail()))
    }
}

impl desk::Desk for Desk {
    async fn answer(&self, order: &Order, path: &[&str]) -> Result<Said, Problem> {
        match (path, &order.method) {
            ([], &Method::GET) => Ok(Said::ok(self.state())),
            (["settings"], &Method::GET) => Ok(Said::ok(self.users.settings())),
            (["settings"], &Method::PUT) => {
                let settings: Settings = order.read()?;
                settings.check().map_err(|what| unfit(&what))?;
                self.users.set(&settings).await?;
                Ok(Said::ok(self.users.settings()))
            }
            (["templates", which], method) => self.template(named(which)?, method, order).await,
            (["users"], &Method::GET) => {
                let users: Vec<Shown> = self.users.all().iter().map(shown).collect();
                Ok(Said::ok(json!({ "users": users })))
            }
            (["users"], &Method::POST) => self.add(order).await,
            (["users", name], &Method::GET) => Ok(Said::ok(shown(&self.user(name)?))),
            (["users", name], &Method::PUT) => self.change(self.user(name)?.id, order).await,
            (["users", name], &Method::DELETE) => {
                let user = self.user(name)?;
                self.users.remove(&user).await?;
                Ok(Said::ok(shown(&user)))
            }
            (["users", name, "preview"], &Method::GET) => self.preview(&self.user(name)?),
            (["settings" | "users", ..], _) => Err(Problem::wrong_method("GET, POST, PUT or DELETE, as it fits")),
            _ => Err(Problem::nothing_here(&format!("/api/v1/partners/bria/{}", path.join("/")))),
        }
    }
}

impl From<Unstored> for Problem {
    fn from(unstored: Unstored) -> Self {
        let detail = sentence(&unstored.to_string());
        match unstored {
            Unstored::Store(error) => error.into(),
            Unstored::Gone => unknown(detail),
            Unstored::Taken(_) | Unstored::TooMany => {
                let next = "Choose another name, or change the user who has it.";
                Self::new(StatusCode::CONFLICT, "taken", detail, next)
            }
        }
    }
}

fn unknown(detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "user-unknown", detail, "Look the name up in the list of users.")
}

fn accounts(lines: Vec<LineDraft>) -> Result<Vec<Account>, Problem> {
    let (mut accounts, mut errors) = (Vec::new(), Vec::new());
    for (index, draft) in lines.into_iter().enumerate() {
        let (line, wrong) = draft.check();
        errors.extend(wrong.into_iter().map(|e| FieldError::new(format!("lines[{index}].{}", e.field), e.detail)));
        accounts.extend(line.and_then(|line| Account::of_line(&line, Resolved::nothing())));
    }
    if errors.is_empty() { Ok(accounts) } else { Err(Problem::fields(errors)) }
}

fn shown(user: &User) -> Shown {
    Shown {
        name: user.name.clone(),
        accounts: user
            .accounts
            .iter()
            .map(|account| ShownAccount {
                display: account.display.clone(),
                user: account.user.clone(),
                domain: account.domain.clone(),
                proxy: account.proxy.clone(),
                transport: account.transport.clone(),
            })
            .collect(),
        settings: user.settings.iter().map(|(name, value)| (name.clone(), dotted(name, value))).collect(),
        licence: user.licence.clone(),
    }
}

fn dotted(name: &str, value: &str) -> String {
    if name.ends_with("password") { "••••••".to_owned() } else { value.to_owned() }
}

fn named(which: &str) -> Result<Which, Problem> {
    match which {
        "desktop" => Ok(Which::Desktop),
        "mobile" => Ok(Which::Mobile),
        _ => Err(Problem::malformed("The templates are desktop and mobile.")),
    }
}

fn field(name: &str, what: &str) -> Problem {
    Problem::fields(vec![FieldError::new(name, what)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::partners::desk::Desk as _;
    use crate::store::{Disk, Key, Options, Store};

    fn desk() -> (tempfile::TempDir, Desk) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        let (key, disk) = (Key::new(&[7; 32]), Disk::default());
        let options = Options { directory: directory.path().to_owned(), key, clock: clock.clone(), disk };
        let (store, _) = Store::open(options).unwrap();
        (directory, Desk::new(Users::new(store), clock))
    }

    async fn call(desk: &Desk, method: Method, path: &str, body: Value) -> Result<Value, Problem> {
        let path = path.split('/').filter(|step| !step.is_empty()).map(str::to_owned).collect();
        desk.clone().service()(Order { method, path, query: BTreeMap::new(), body }).await.map(|said| said.0)
    }

    fn ann() -> Value {
        let line = json!({ "user": "201", "password": "line-secret", "server": "pbx.example", "transport": "tls" });
        json!({ "name": "ann", "password": "correct horse", "lines": [line], "licence": "KEY-1" })
    }

    #[tokio::test]
    async fn users_are_made_changed_shown_and_removed() {
        let (_directory, desk) = desk();
        let made = call(&desk, Method::POST, "users", ann()).await.unwrap();
        assert_eq!(made["accounts"][0]["domain"], "pbx.example");
        assert!(!made.to_string().contains("secret") && !made.to_string().contains("horse"));
        assert_eq!(call(&desk, Method::POST, "users", ann()).await.unwrap_err().code, "taken");
        let change = json!({ "settings": { "codecs:opus:enabled": "1" }, "proxy": "sbc.example" });
        let changed = call(&desk, Method::PUT, "users/ann", change).await.unwrap();
        assert_eq!((&changed["accounts"][0]["proxy"], &changed["licence"]), (&json!("sbc.example"), &json!("KEY-1")));
        let preview = call(&desk, Method::GET, "users/ann/preview", Value::Null).await.unwrap().to_string();
        assert!(preview.contains("proxies:proxy0:username") && !preview.contains("line-secret"), "{preview}");
        call(&desk, Method::DELETE, "users/ann", Value::Null).await.unwrap();
        assert_eq!(call(&desk, Method::GET, "users/ann", Value::Null).await.unwrap_err().code, "user-unknown");
    }

    /// Sets a password, and makes another call that comes later and is done long before: what came of both.
    async fn beside_a_password(desk: &Desk, method: Method, body: Value) -> [Result<Value, Problem>; 2] {
        let password = json!({ "password": "another battery" });
        let set = call(desk, Method::PUT, "users/ann", password);
        tokio::join!(set, call(desk, method, "users/ann", body)).into()
    }

    #[tokio::test]
    async fn a_password_that_is_set_meanwhile_undoes_no_change() {
        let (_directory, desk) = desk();
        call(&desk, Method::POST, "users", ann()).await.unwrap();
        let before = desk.users.named("ann").unwrap();
        for done in beside_a_password(&desk, Method::PUT, json!({ "licence": "KEY-2" })).await {
            assert_eq!(done.unwrap()["licence"], "KEY-2");
        }
        let after = desk.users.named("ann").unwrap();
        assert_eq!(after.licence.as_deref(), Some("KEY-2"));
        assert_ne!(after.hash, before.hash);
    }

    #[tokio::test]
    async fn a_password_that_is_set_meanwhile_brings_nobody_back() {
        let (_directory, desk) = desk();
        call(&desk, Method::POST, "users", ann()).await.unwrap();
        let [set, removed] = beside_a_password(&desk, Method::DELETE, Value::Null).await;
        assert!(removed.is_ok() && desk.users.all().is_empty(), "{:?}", desk.users.all());
        assert_eq!(set.unwrap_err().code, "user-unknown");
    }

    #[tokio::test]
    async fn what_no_client_could_be_told_is_never_stored() {
        let (_directory, desk) = desk();
        for (field, value) in [
            ("name", json!("ann@branch")),
            ("password", json!("short")),
            ("lines", json!([])),
            ("lines", json!([{ "user": "201", "password": "x\"y", "server": "pbx.example" }])),
            ("settings", json!({ "proxies:proxy0:transport": "carrier pigeon" })),
            ("licence", json!("a\"b")),
            ("colour", json!("red")),
        ] {
            let mut draft = ann();
            draft[field] = value;
            let problem = call(&desk, Method::POST, "users", draft).await.unwrap_err();
            assert!(matches!(problem.status, 400 | 422), "{field}: {problem}");
            assert!(!problem.to_string().contains("x\"y"), "{problem}");
        }
        assert_eq!(call(&desk, Method::GET, "users", Value::Null).await.unwrap()["users"], json!([]));
    }

    #[tokio::test]
    async fn a_bad_template_leaves_the_one_in_force() {
        let (_directory, desk) = desk();
        let own = json!({ "text": "ui:a:b=\"{{ user }}\"\nproxies:proxy0:usrname=\"x\"\n" });
        let taken = call(&desk, Method::PUT, "templates/desktop", own.clone()).await.unwrap();
        assert_eq!((&taken["own"], &taken["unknown"]), (&json!(true), &json!(["proxies:proxy0:usrname"])));
        let refused = call(&desk, Method::PUT, "templates/desktop", json!({ "text": "ui:a:b=1" })).await.unwrap_err();
        assert!(refused.detail.contains("line 1"), "{refused}");
        let now = call(&desk, Method::GET, "templates/desktop", Value::Null).await.unwrap();
        assert_eq!(now["text"], own["text"]);
        let back = call(&desk, Method::DELETE, "templates/desktop", Value::Null).await.unwrap();
        assert_eq!((&back["own"], &back["unknown"]), (&json!(false), &json!([])));
    }

    #[tokio::test]
    async fn settings_are_checked() {
        let (_directory, desk) = desk();
        let wrong = json!({ "enabled": true, "names": { "build": "lic" } });
        assert!(call(&desk, Method::PUT, "settings", wrong).await.is_err());
        let right = json!({ "enabled": true, "names": { "build": "b" }, "help": "Call 4711." });
        let set = call(&desk, Method::PUT, "settings", right).await.unwrap();
        assert_eq!((&set["names"]["build"], &set["names"]["license"]), (&json!("b"), &json!("lic")));
        let state = call(&desk, Method::GET, "", Value::Null).await.unwrap();
        assert!(state["says"][0].as_str().unwrap().contains("sign in at"), "{state}");
    }
}
