//! The maker's redirection service: what it holds, and its interface of signed requests, as public clients of it have
//! names, fields and signature. The other two interfaces stand in files of their own and share what it holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::cloud::{Answer, Request};

pub(crate) const ACCOUNT: &str = "account";
pub(crate) const SECRET: &str = "the secret";
/// How far a client's clock may be off, in milliseconds.
const SKEW: u128 = 15 * 60 * 1000;

/// A phone, and where it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) url: String,
    pub(crate) server: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// What the service holds.
#[derive(Default)]
pub(crate) struct Service {
    /// This account's phones by MAC.
    pub(crate) phones: BTreeMap<String, Sent>,
    /// Phones of other accounts.
    pub(crate) theirs: BTreeSet<String>,
    /// This account's servers: id by name.
    pub(crate) servers: BTreeMap<String, String>,
    /// Names of servers of other accounts.
    pub(crate) taken: BTreeSet<String>,
    /// Everything that was changed.
    pub(crate) changes: usize,
    pub(crate) nonces: BTreeSet<String>,
    /// The token that is good, after somebody got one.
    pub(crate) token: Option<String>,
    /// The account may not add devices by MAC: the maker switches that on.
    pub(crate) no_adding: bool,
    /// The next answer breaks off.
    pub(crate) broken: bool,
    /// The boolean of the oldest interface says whether the call went well, and not what came of it.
    pub(crate) went_well: bool,
    pub(crate) complaints: Vec<String>,
}

impl Service {
    pub(crate) fn answer(&mut self, request: &Request) -> Answer {
        let answer = match request.path.as_str() {
            "/xmlrpc" | "/xmlrpc/" => self.xml_rpc(request),
            "/v2/token" => self.gives_token(request),
            path if path.starts_with("/v2/rps/") => self.cloud(request),
            path if path.starts_with("/api/open/v1/") => self.rest(request),
            path => {
                self.complaints.push(format!("there is no {path}"));
                Answer::new(404, "text/plain", "Not found")
            }
        };
        Answer { broken: std::mem::take(&mut self.broken), ..answer }
    }

    /// A nonce and a time in milliseconds: each pair once, and near to now.
    pub(crate) fn is_fresh(&mut self, nonce: &str, time: &str) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let near = time.parse::<u128>().is_ok_and(|time| time.abs_diff(now) < SKEW);
        let new = nonce.len() >= 8 && self.nonces.insert(nonce.to_owned());
        if !near || !new {
            self.complaints.push(format!("nonce {nonce} at {time}: near {near}, new {new}"));
        }
        near && new
    }

    fn rest(&mut self, request: &Request) -> Answer {
        let (nonce, time) = (request.header("x-ca-nonce"), request.header("x-ca-timestamp"));
        let md5 = STANDARD.encode(Md5::digest(&request.body));
        let md5 = (request.method == "POST").then_some(md5.as_str());
        let right = signature(SECRET, request, md5) == request.header("x-ca-signature");
        let stated = request.headers.get("content-md5").map(String::as_str) == md5;
        if !right || !stated || request.header("x-ca-key") != ACCOUNT || !self.is_fresh(nonce, time) {
            self.complaints.push(format!("signature {right}, Content-MD5 {stated}: {}", request.target));
            let text = json!({ "ret": -1, "data": null, "error": { "msg": "accesskey.invalid", "fieldErrors": [] } });
            return Answer::new(401, "application/json", text.to_string());
        }
        if md5.is_some() && !request.header("content-type").starts_with("application/json") {
            self.complaints.push(format!("the body is {}", request.header("content-type")));
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let said = match self.does(&request.method, &request.path["/api/open/v1/".len()..], request, &body) {
            Ok(data) => json!({ "ret": 1, "data": data, "error": null }),
            Err(code) => json!({ "ret": -1, "data": null, "error": { "msg": code, "fieldErrors": [] } }),
        };
        Answer::new(200, "application/json;charset=UTF-8", said.to_string())
    }

    fn does(&mut self, method: &str, call: &str, request: &Request, body: &Value) -> Result<Value, String> {
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match (method, call) {
            ("POST", "device/list") => {
                let all: Vec<Value> = self.phones.iter().map(|(mac, sent)| self.phone(mac, sent)).collect();
                let key = word("key");
                Ok(page(all.into_iter().filter(|one| one["mac"].as_str().unwrap().contains(&key)).collect(), body))
            }
            ("GET", "device/checkMac") => {
                let mac = request.parameter("mac").ok_or("mac.required")?;
                Ok(json!({ "existed": self.phones.contains_key(mac) || self.theirs.contains(mac) }))
            }
            ("GET", "device/detail") => {
                let id = request.parameter("id").unwrap_or_default();
                let found = self.phones.iter().find(|(mac, _)| format!("d-{mac}") == id);
                found.map(|(mac, sent)| self.phone(mac, sent)).ok_or("device.not.found".into())
            }
            ("POST", "server/list") => {
                let all = self.servers.iter().map(|(name, id)| json!({ "id": id, "serverName": name }));
                let key = word("key");
                Ok(page(all.filter(|one| one["serverName"].as_str().unwrap().contains(&key)).collect(), body))
            }
            ("GET", "device/serverList") => {
                Ok(self.servers.iter().map(|(name, id)| json!({ "id": id, "serverName": name })).collect())
            }
            ("POST", "server/add") => {
                let name = word("serverName");
                if word("url").is_empty() {
                    return Err("server.url.required".into());
                }
                self.makes_server(&name).map(|id| json!({ "id": id, "serverName": name }))
            }
            ("POST", "device/add") => {
                let macs: Vec<&str> = body["macs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                if macs.is_empty() || !macs.iter().all(|mac| is_mac(mac)) {
                    return Err("device.mac.invalid".into());
                }
                if macs.iter().any(|mac| self.phones.contains_key(*mac) || self.theirs.contains(*mac)) {
                    return Err("device.mac.existed".into());
                }
                let sent = self.sent(body)?;
                self.changes += 1;
                self.phones.extend(macs.iter().map(|mac| ((*mac).to_owned(), sent.clone())));
                Ok(Value::Null)
            }
            ("POST", "device/edit") => {
                let mac = word("id").strip_prefix("d-").map(str::to_owned).unwrap_or_default();
                if !self.phones.contains_key(&mac) {
                    return Err("device.not.found".into());
                }
                let sent = self.sent(body)?;
                self.changes += 1;
                self.phones.insert(mac, sent);
                Ok(Value::Null)
            }
            ("POST", "device/delete") => {
                let named = |list: &str| body[list].as_array().cloned().unwrap_or_default();
                let ids = named("ids").into_iter().filter_map(|id| Some(id.as_str()?.strip_prefix("d-")?.to_owned()));
                let macs: Vec<String> =
                    named("macs").iter().filter_map(|mac| Some(mac.as_str()?.to_owned())).chain(ids).collect();
                if macs.is_empty() || !macs.iter().all(|mac| self.phones.contains_key(mac)) {
                    return Err("device.not.found".into());
                }
                self.changes += 1;
                macs.iter().for_each(|mac| drop(self.phones.remove(mac)));
                Ok(Value::Null)
            }
            _ => {
                self.complaints.push(format!("there is no {method} {call}"));
                Err("not.found".into())
            }
        }
    }

    fn phone(&self, mac: &str, sent: &Sent) -> Value {
        json!({ "id": format!("d-{mac}"), "mac": mac, "uniqueServerUrl": sent.url, "serverId": sent.server,
            "authName": sent.user, "remark": null })
    }

    /// Where a request sends a phone: by the id of a server of this account.
    fn sent(&self, body: &Value) -> Result<Sent, String> {
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if !self.servers.values().any(|id| *id == word("serverId")) {
            return Err("server.not.found".into());
        }
        let (user, password) = (word("authName"), word("password"));
        Ok(Sent { url: word("uniqueServerUrl"), server: word("serverId"), user, password })
    }

    /// A name of at most 20 characters, and nobody else's in the world.
    pub(crate) fn makes_server(&mut self, name: &str) -> Result<String, String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_. ".contains(letter);
        if name.is_empty() || name.chars().count() > 20 || !name.chars().all(plain) {
            return Err("server.name.invalid".into());
        }
        if self.servers.contains_key(name) || self.taken.contains(name) {
            return Err("server.name.existed".into());
        }
        self.changes += 1;
        let id = format!("s{:04}", self.servers.len() + 1);
        self.servers.insert(name.to_owned(), id.clone());
        Ok(id)
    }
}

/// Twelve small hexadecimal digits.
pub(crate) fn is_mac(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A page of a list: as many as are asked for from where it is asked, ten where nobody says.
pub(crate) fn page(all: Vec<Value>, asked: &Value) -> Value {
    let number = |name: &str, or: u64| usize::try_from(asked[name].as_u64().unwrap_or(or)).unwrap();
    let (skip, limit, total) = (number("skip", 0), number("limit", 10), all.len());
    let data: Vec<Value> = all.into_iter().skip(skip).take(limit).collect();
    json!({ "skip": skip, "limit": limit, "total": total, "data": data })
}

/// Method, headers in the order of their names, path without its slash, and the sorted parameters where there is no
/// body.
fn signature(secret: &str, request: &Request, md5: Option<&str>) -> String {
    let mut text = format!("{}\n", request.method);
    if let Some(md5) = md5 {
        text += &format!("Content-MD5:{md5}\n");
    }
    for name in ["X-Ca-Key", "X-Ca-Nonce", "X-Ca-Timestamp"] {
        text += &format!("{name}:{}\n", request.header(&name.to_lowercase()));
    }
    text += request.path.strip_prefix('/').unwrap();
    if md5.is_none() && !request.query.is_empty() {
        let mut query = request.query.clone();
        query.sort();
        let pairs: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text += &format!("\n{}", pairs.join("&"));
    }
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()))
}

/// Computed with another program from the rule.
#[test]
fn requests_are_signed_by_the_rule() {
    let headers = [("x-ca-key", "key"), ("x-ca-nonce", "0123456789abcdef"), ("x-ca-timestamp", "1700000000000")];
    let mut request = Request {
        method: "POST".into(),
        path: "/api/open/v1/device/list".into(),
        target: "/api/open/v1/device/list".into(),
        query: Vec::new(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        body: String::new(),
    };
    let md5 = STANDARD.encode(Md5::digest(br#"{"skip":0,"limit":10,"autoCount":true}"#));
    assert_eq!(signature("secret", &request, Some(&md5)), "K4wJcWF/iiDK6xMixHHPN8xqV3lGDatyxNf579kmY94=");
    request.method = "GET".into();
    request.path = "/api/open/v1/device/checkMac".into();
    request.query = vec![("mac".into(), "805ec0000001".into())];
    assert_eq!(signature("secret", &request, None), "skkLDAOsvHchNnmH9chWB5da5WXr85NG7zdJXDOAN10=");
}
