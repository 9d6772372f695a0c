//! The redirection service's interface with tokens, the second version of the maker's management cloud, as two public
//! clients of it have paths, bodies, answers and codes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cipher::hex;
use crate::cloud::{Answer, Request};
use crate::devices::random;
use crate::rps::{ACCOUNT, SECRET, Sent, Service, is_mac, page};

impl Service {
    /// A client's credentials in Basic, for a token of two hours.
    pub(crate) fn gives_token(&mut self, request: &Request) -> Answer {
        let login = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{SECRET}")));
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        if request.method != "POST" || body["grant_type"] != "client_credentials" {
            self.complaints.push(format!("{} {} asks for no token", request.method, request.body));
            return refusal(400, "70011");
        }
        if !self.is_fresh(request.header("nonce"), request.header("timestamp")) {
            return refusal(400, "900400");
        }
        if request.header("authorization") != login {
            let text = json!({ "error": "invalid_client", "requestId": "r" });
            return Answer::new(401, "application/json", text.to_string());
        }
        let token = hex(&random::<16>());
        self.token = Some(token.clone());
        let text = json!({ "access_token": token, "token_type": "bearer", "expires_in": 7200 });
        Answer::new(200, "application/json", text.to_string())
    }

    pub(crate) fn cloud(&mut self, request: &Request) -> Answer {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        if bearer.as_deref() != Some(request.header("authorization")) {
            self.complaints.push(format!("{} with no token of ours", request.path));
            return refusal(401, "900401");
        }
        if !self.is_fresh(request.header("nonce"), request.header("timestamp")) {
            return refusal(400, "900400");
        }
        if !request.header("content-type").starts_with("application/json") {
            self.complaints.push(format!("the body is {}", request.header("content-type")));
        }
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/v2/rps/listDevices") => {
                let wanted = body["filter"]["mac"].as_str().unwrap_or_default();
                let held = self.phones.iter().filter(|(mac, _)| mac.contains(wanted));
                let held = held.map(|(mac, sent)| {
                    json!({ "id": format!("d-{mac}"), "mac": mac, "sn": null, "serverId": null, "serverName": null,
                        "serverUrl": null, "uniqueServerUrl": sent.url, "ipAddress": null, "remark": null,
                        "dateRegistered": 1_700_000_000_000_u64, "lastConnected": null })
                });
                let page = page(held.collect(), &body);
                Answer::new(200, "application/json", page.to_string())
            }
            ("POST", "/v2/rps/addDevicesByMac") if self.no_adding => refusal(400, "900403"),
            ("POST", "/v2/rps/addDevicesByMac") => self.adds(&body),
            ("POST", "/v2/rps/delDevices") => self.deletes(&body),
            (method, path) => {
                self.complaints.push(format!("there is no {method} {path}"));
                refusal(404, "900404")
            }
        }
    }

    /// Up to a hundred at once; each that cannot be taken is named in an answer that is else a success.
    fn adds(&mut self, body: &Value) -> Answer {
        let Some(wanted) = body.as_array().filter(|wanted| (1..=100).contains(&wanted.len())) else {
            return refusal(400, "800006");
        };
        let mut errors = Vec::new();
        for one in wanted {
            let word = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let mac = word("mac");
            let wrong = if !is_mac(&mac) {
                Some("Invalid MAC")
            } else if self.phones.contains_key(&mac) {
                Some("Resource already exists")
            } else if self.theirs.contains(&mac) {
                Some("Device already managed by another organization")
            } else {
                None
            };
            if let Some(wrong) = wrong {
                errors.push(json!({ "mac": mac, "sn": "", "errorInfo": wrong }));
                continue;
            }
            self.changes += 1;
            let (user, password) = (word("authName"), word("password"));
            let sent = Sent { url: word("uniqueServerUrl"), server: word("serverId"), user, password };
            self.phones.insert(mac, sent);
        }
        counted(wanted.len(), &errors)
    }

    /// By MAC or by id, as the body says.
    fn deletes(&mut self, body: &Value) -> Answer {
        let named = body["deviceIds"].as_array().cloned().unwrap_or_default();
        let prefix = match body["deviceIdType"].as_str() {
            Some("mac") => "",
            Some("id") => "d-",
            _ => {
                self.complaints.push(format!("{body} names no devices by mac or id"));
                return refusal(400, "900400");
            }
        };
        let mut errors = Vec::new();
        for one in &named {
            let mac = one.as_str().and_then(|id| id.strip_prefix(prefix)).unwrap_or_default();
            if self.phones.remove(mac).is_some() {
                self.changes += 1;
            } else {
                errors.push(json!({ "field": one, "msg": "Resource not found" }));
            }
        }
        counted(named.len(), &errors)
    }
}

fn counted(total: usize, errors: &[Value]) -> Answer {
    let text = json!({ "total": total, "successCount": total - errors.len(), "failureCount": errors.len(),
        "errors": errors });
    Answer::new(200, "application/json", text.to_string())
}

fn refusal(status: u16, code: &str) -> Answer {
    let text = json!({ "code": code, "message": "refused", "requestId": "r", "details": [] });
    Answer::new(status, "application/json", text.to_string())
}
