use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Value, json};

use super::plan::{Claim, Step};
use super::rest;
use super::settings::{Interface, Settings};
use super::xmlrpc::{self, Value as Plain};
use super::ymcs::{self, Refusal};
use crate::model::{Login, Mac, Secret};
use crate::partners::web::{self, Answer, Call, Web};
use crate::sys::clock::Clock;
use crate::sys::random;

/// Phones that one list brings.
const PAGE: u32 = 100;
/// Lists that are asked for.
const MOST_PAGES: u32 = 200;

/// The redirection service, by one of its interfaces.
pub(super) struct Service {
    pub(super) web: Web,
    pub(super) settings: Settings,
    pub(super) secret: Secret,
    pub(super) clock: Clock,
}

/// Why the service could not be read or changed. None of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be reached.
    #[error(transparent)]
    Web(#[from] web::Failure),
    /// It does not take the account.
    #[error("the service does not take this account and secret")]
    Login,
    /// It answers with an error.
    #[error("the service answers with status {0}")]
    Status(u16),
    /// It says no, in its own words.
    #[error("the service says: {0}")]
    Says(String),
    /// The phone is another account's.
    #[error("the phone is claimed by somebody else")]
    Claimed,
    /// The phone was taken out so that it comes anew, and it does not come.
    #[error(
        "{0}. It is missing there now, and the other phones are left as they are: see that the account may add devices by \
         MAC (the maker switches that on), then apply the plan again"
    )]
    Missing(Box<Self>),
    /// Its answer cannot be used.
    #[error("the service's answer broke off or is not what it should be")]
    Unreadable,
}

impl Service {
    /// Whose each of these phones is.
    pub(super) async fn claims(&self, phones: &BTreeSet<Mac>) -> Result<BTreeMap<Mac, Claim>, Error> {
        let ours = match self.settings.interface {
            Interface::XmlRpc => {
                let values = self.xml("redirect.listDevices", &[]).await?;
                let macs = values
                    .iter()
                    .filter_map(|value| if let Plain::Text(text) = value { text.parse().ok() } else { None });
                macs.map(|mac: Mac| (mac, Claim::Ours { url: None, entry: None })).collect()
            }
            Interface::Rest => self.all("api/open/v1/device/list", None).await?,
            Interface::Cloud => {
                let token = self.token().await?;
                self.all("v2/rps/listDevices", Some(&token)).await?
            }
        };
        let mut claims = BTreeMap::new();
        for mac in phones {
            let claim = match ours.get(mac) {
                Some(claim) => claim.clone(),
                None => self.claim(*mac).await?,
            };
            claims.insert(*mac, claim);
        }
        Ok(claims)
    }

    /// Whose a phone is that the account's list does not have. Where the interface has no such question, registering it
    /// tells.
    async fn claim(&self, mac: Mac) -> Result<Claim, Error> {
        match self.settings.interface {
            Interface::XmlRpc => Ok(xmlrpc::claim(&self.xml("redirect.checkDevice", &[&mac.plain()]).await?)?),
            Interface::Rest => {
                let answer =
                    self.rest("GET", "api/open/v1/device/checkMac", &format!("mac={}", mac.plain()), None).await?;
                let data = answer.get("data");
                let existed = data.and_then(|data| data.get("existed").or(Some(data))).and_then(Value::as_bool);
                Ok(if existed.unwrap_or_default() { Claim::Theirs } else { Claim::Free })
            }
            Interface::Cloud => Ok(Claim::Free),
        }
    }

    async fn all(&self, path: &str, token: Option<&str>) -> Result<BTreeMap<Mac, Claim>, Error> {
        let mut found = BTreeMap::new();
        for page in 0..MOST_PAGES {
            let body = json!({ "skip": page * PAGE, "limit": PAGE, "autoCount": true }).to_string();
            let answer = match token {
                Some(token) => self.cloud(path, token, &body).await?,
                None => self.rest("POST", path, "", Some(&body)).await?,
            };
            let devices = ymcs::devices(&answer).ok_or(Error::Unreadable)?;
            let count = devices.len();
            found.extend(ymcs::claims(&devices));
            if count < PAGE as usize {
                break;
            }
        }
        Ok(found)
    }

    /// Whether a phone that is sent elsewhere is taken out first.
    pub(super) fn adds_anew(&self) -> bool {
        self.settings.interface == Interface::Cloud
    }

    /// Makes one change. A phone that is another's after all is told so.
    pub(super) async fn apply(&self, step: &Step, login: Option<&Login>) -> Result<(), Error> {
        let Settings { interface, server_name, url, .. } = &self.settings;
        match interface {
            Interface::XmlRpc => {
                let values = match step {
                    Step::Register(mac) | Step::Update { mac, .. } => {
                        // A server of this name may be there already: that is as good.
                        self.xml("redirect.addServer", &[server_name, url]).await?;
                        self.xml("redirect.registerDeviceWithUniqueUrl", &[&mac.plain(), server_name, url, "1"]).await?
                    }
                    Step::Remove(mac) => self.xml("redirect.deRegisterDevice", &[&mac.plain()]).await?,
                };
                match values.as_slice() {
                    [Plain::Flag(false), Plain::Text(text), ..] => {
                        let text: String = text.chars().take(200).collect();
                        Err(Error::Says(format!("{text} (the box is {server_name} there)")))
                    }
                    [Plain::Flag(true), ..] => Ok(()),
                    _ => Err(Error::Unreadable),
                }
            }
            Interface::Rest => {
                let server = self.server().await?;
                let (path, body) = match step {
                    Step::Register(mac) => (
                        "api/open/v1/device/add",
                        with_login(json!({ "macs": [mac.plain()], "serverId": server, "uniqueServerUrl": url }), login),
                    ),
                    Step::Update { mac, entry } => (
                        "api/open/v1/device/edit",
                        with_login(
                            json!({ "id": entry, "mac": mac.plain(), "serverId": server, "uniqueServerUrl": url }),
                            login,
                        ),
                    ),
                    Step::Remove(mac) => ("api/open/v1/device/delete", json!({ "macs": [mac.plain()] })),
                };
                self.rest("POST", path, "", Some(&body.to_string())).await.map(drop)
            }
            Interface::Cloud => {
                let token = self.token().await?;
                match step {
                    Step::Register(mac) => self.add(&token, *mac, login).await,
                    Step::Remove(mac) => self.take_out(&token, *mac).await,
                    // There is no change of one that is there: it is taken out and comes anew.
                    Step::Update { mac, .. } => {
                        self.take_out(&token, *mac).await?;
                        self.add(&token, *mac, login).await.map_err(|error| Error::Missing(Box::new(error)))
                    }
                }
            }
        }
    }

    /// The entry of this box among the account's servers; made when it is not there.
    async fn server(&self) -> Result<String, Error> {
        let Settings { server_name, url, .. } = &self.settings;
        let id = |server: &Value| server.get("id").and_then(Value::as_str).map(str::to_owned);
        let body = json!({ "key": server_name, "skip": 0, "limit": PAGE, "autoCount": true }).to_string();
        let answer = self.rest("POST", "api/open/v1/server/list", "", Some(&body)).await?;
        let servers = ymcs::devices(&answer).ok_or(Error::Unreadable)?;
        let own = servers.iter().find(|server| server.get("serverName").and_then(Value::as_str) == Some(server_name));
        if let Some(id) = own.and_then(|server| id(server)) {
            return Ok(id);
        }
        let body = json!({ "serverName": server_name, "url": url }).to_string();
        let answer =
            self.rest("POST", "api/open/v1/server/add", "", Some(&body)).await.map_err(|error| match error {
                Error::Says(text) => Error::Says(format!("{text} (the box is to be {server_name} there)")),
                error => error,
            })?;
        let data = answer.get("data").ok_or(Error::Unreadable)?;
        id(data).or_else(|| data.as_str().map(str::to_owned)).ok_or(Error::Unreadable)
    }

    async fn xml(&self, method: &str, parameters: &[&str]) -> Result<Vec<Plain>, Error> {
        let login = STANDARD.encode(format!("{}:{}", self.settings.account, self.secret.expose()));
        let headers =
            vec![("authorization", Secret::new(format!("Basic {login}"))), ("content-type", Secret::new("text/xml"))];
        let answer = self.call(Method::POST, "/xmlrpc", headers, &xmlrpc::call(method, parameters)).await?;
        if !(200..300).contains(&answer.status) {
            return Err(Error::Status(answer.status));
        }
        Ok(xmlrpc::values(&answer.body)?)
    }

    async fn rest(&self, method: &'static str, path: &str, query: &str, body: Option<&str>) -> Result<Value, Error> {
        let stamp = (random::token(32), self.clock.now().wall.millis());
        let signed =
            rest::signed((&self.settings.account, &self.secret), (&stamp.0, stamp.1), method, (path, query), body);
        let mut headers: Vec<(&'static str, Secret)> =
            signed.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        headers.push(("content-type", Secret::new("application/json;charset=UTF-8")));
        let target = if query.is_empty() { format!("/{path}") } else { format!("/{path}?{query}") };
        let method = if method == "GET" { Method::GET } else { Method::POST };
        let answer = self.call(method, &target, headers, body.unwrap_or_default()).await?;
        understood(&answer)
    }

    async fn token(&self) -> Result<String, Error> {
        let login = STANDARD.encode(format!("{}:{}", self.settings.account, self.secret.expose()));
        let mut headers = self.stamped();
        headers.push(("authorization", Secret::new(format!("Basic {login}"))));
        let said = understood(&self.call(Method::POST, "/v2/token", headers, &ymcs::token_body()).await?)?;
        ymcs::token(&said).ok_or(Error::Unreadable)
    }

    async fn cloud(&self, path: &str, token: &str, body: &str) -> Result<Value, Error> {
        let mut headers = self.stamped();
        headers.push(("authorization", Secret::new(format!("Bearer {token}"))));
        understood(&self.call(Method::POST, &format!("/{path}"), headers, body).await?)
    }

    async fn add(&self, token: &str, mac: Mac, login: Option<&Login>) -> Result<(), Error> {
        let Settings { server_name, url, .. } = &self.settings;
        let device = json!({ "mac": mac.plain(), "uniqueServerUrl": url, "remark": server_name });
        let body = json!([with_login(device, login)]);
        self.cloud("v2/rps/addDevicesByMac", token, &body.to_string()).await.map(drop)
    }

    async fn take_out(&self, token: &str, mac: Mac) -> Result<(), Error> {
        let body = json!({ "deviceIdType": "mac", "deviceIds": [mac.plain()] });
        self.cloud("v2/rps/delDevices", token, &body.to_string()).await.map(drop)
    }

    fn stamped(&self) -> Vec<(&'static str, Secret)> {
        vec![
            ("timestamp", Secret::new(self.clock.now().wall.millis().to_string())),
            ("nonce", Secret::new(random::token(32))),
            ("content-type", Secret::new("application/json")),
        ]
    }

    async fn call(
        &self,
        method: Method,
        target: &str,
        headers: Vec<(&'static str, Secret)>,
        body: &str,
    ) -> Result<Answer, Error> {
        let call = Call {
            method,
            host: self.settings.address(),
            target: Secret::new(target),
            headers,
            body: Secret::new(body),
        };
        let answer = self.web.call(&call).await?;
        if matches!(answer.status, 401 | 403) { Err(Error::Login) } else { Ok(answer) }
    }
}

impl From<xmlrpc::Wrong> for Error {
    fn from(wrong: xmlrpc::Wrong) -> Self {
        match wrong {
            xmlrpc::Wrong::Fault(text) => Self::Says(text),
            xmlrpc::Wrong::Unreadable => Self::Unreadable,
        }
    }
}

/// What an answer in JSON says. What it says beside a status is worth more than the status.
fn understood(answer: &Answer) -> Result<Value, Error> {
    let said = serde_json::from_slice::<Value>(&answer.body);
    match (said.as_ref().ok().and_then(ymcs::refusal), answer.status) {
        (Some(Refusal::Claimed), _) => Err(Error::Claimed),
        (Some(Refusal::Says(message)), _) => Err(Error::Says(message)),
        (None, 200..300) => said.map_err(|_| Error::Unreadable),
        (None, status) => Err(Error::Status(status)),
    }
}

fn with_login(mut body: Value, login: Option<&Login>) -> Value {
    if let (Some(object), Some(login)) = (body.as_object_mut(), login) {
        object.insert("authName".into(), login.user.as_str().into());
        object.insert("password".into(), login.password.expose().into());
    }
    body
}
