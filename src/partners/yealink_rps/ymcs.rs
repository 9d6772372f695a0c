//! PURE. The cloud management service, version 2: what is said, and what its answers mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::plan::Claim;
use crate::model::Mac;

/// Codes that say that a device is there already, in this organisation or in another one.
const EXISTS: [i64; 2] = [800_003, 800_004];

/// The body by which a token is asked for.
pub(super) fn token_body() -> String {
    json!({ "grant_type": "client_credentials" }).to_string()
}

/// The token of an answer.
pub(super) fn token(said: &Value) -> Option<String> {
    let token = said.get("access_token").or_else(|| said.get("data")?.get("access_token"))?;
    token.as_str().filter(|token| !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())).map(str::to_owned)
}

/// The phones of a list: in `data` itself, or in a list within it.
pub(super) fn devices(answer: &Value) -> Option<Vec<&Value>> {
    let data = answer.get("data")?;
    let list = ["data", "list", "devices"].iter().find_map(|name| data.get(*name)?.as_array());
    list.or_else(|| data.as_array()).map(|list| list.iter().collect())
}

/// Whose the phones of a list are: all of them this account's.
pub(super) fn claims(devices: &[&Value]) -> BTreeMap<Mac, Claim> {
    let text = |device: &Value, name: &str| device.get(name).and_then(Value::as_str).map(str::to_owned);
    let one = |device: &&Value| {
        let mac: Mac = text(device, "mac")?.parse().ok()?;
        let url = text(device, "uniqueServerUrl").or_else(|| text(device, "serverUrl")).filter(|url| !url.is_empty());
        Some((mac, Claim::Ours { url, entry: text(device, "id") }))
    };
    devices.iter().filter_map(one).collect()
}

/// What the service does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The phone is somebody else's.
    Claimed,
    /// Something else, in its own words.
    Says(String),
}

/// What an answer refuses. Version 1 counts errors below 0 and names them; version 2 has codes of six digits for the
/// whole, and beside a status of 200 a list of what it refuses of each device.
pub(super) fn refusal(answer: &Value) -> Option<Refusal> {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let code = answer.get("code").or_else(|| answer.get("ret")).and_then(number).unwrap_or_default();
    let error = answer.get("error").and_then(|error| error.get("msg"));
    let device = answer.get("errors").and_then(|errors| errors.get(0));
    let device = device.and_then(|error| error.get("errorInfo").or_else(|| error.get("msg")));
    let failures = answer.get("failureCount").and_then(number).unwrap_or_default();
    if (0..100_000).contains(&code) && error.is_none() && device.is_none() && failures == 0 {
        return None;
    }
    let said = error.or(device).or_else(|| answer.get("message")).and_then(Value::as_str).unwrap_or_default();
    let elsewhere = ["already exists", "managed by another"].iter().any(|words| said.contains(words));
    if EXISTS.contains(&code) || said == "device.mac.existed" || (device.is_some() && elsewhere) {
        return Some(Refusal::Claimed);
    }
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    Some(Refusal::Says(match (said.is_empty(), code) {
        (true, 0) => "no reason is given".into(),
        (true, _) => format!("no reason but code {code} is given"),
        (false, _) => said,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(token(&json!({ "access_token": "abc", "token_type": "bearer" })).as_deref(), Some("abc"));
        assert_eq!(token(&json!({ "access_token": "a b" })), None);
        let list = json!({ "ret": 1, "data": { "total": 1, "data": [
            { "id": "e1", "mac": "805EC0000001", "uniqueServerUrl": "https://box/p/" },
            { "id": "e2", "mac": "nobody" },
        ] }, "error": null });
        let devices = devices(&list).unwrap();
        let claims = claims(&devices);
        let mac: Mac = "805ec0000001".parse().unwrap();
        let expected = Claim::Ours { url: Some("https://box/p/".into()), entry: Some("e1".into()) };
        assert_eq!(claims, BTreeMap::from([(mac, expected)]));
        assert_eq!(refusal(&list), None);
        let refused = |said: Value| refusal(&said);
        let says = |text: &str| Some(Refusal::Says(text.into()));
        let of = |code: &str| json!({ "ret": -1, "data": null, "error": { "msg": code, "fieldErrors": [] } });
        assert_eq!(refused(of("device.mac.existed")), Some(Refusal::Claimed));
        assert_eq!(refused(of("server.name.existed")), says("server.name.existed"));
        assert_eq!(refused(json!({ "code": 800_003, "message": "exists" })), Some(Refusal::Claimed));
        assert_eq!(refused(json!({ "code": "800004", "message": "refused" })), Some(Refusal::Claimed));
        assert_eq!(refused(json!({ "code": "900400", "message": "refused" })), says("refused"));
        assert_eq!(refused(json!({ "code": "900400" })), says("no reason but code 900400 is given"));
        assert_eq!(refused(json!({ "code": 200, "data": [] })), None);
        let one = |error: Value| json!({ "total": 1, "successCount": 0, "failureCount": 1, "errors": [error] });
        let managed =
            one(json!({ "mac": "805ec0000001", "errorInfo": "Device already managed by another organization" }));
        assert_eq!(refused(managed), Some(Refusal::Claimed));
        assert_eq!(refused(one(json!({ "mac": "805ec0000001", "errorInfo": "Invalid MAC" }))), says("Invalid MAC"));
        assert_eq!(
            refused(one(json!({ "field": "805ec0000001", "msg": "Resource not found" }))),
            says("Resource not found")
        );
        assert_eq!(refused(json!({ "total": 1, "successCount": 1, "failureCount": 0, "errors": [] })), None);
        assert!(super::devices(&json!({ "data": 7 })).is_none());
    }
}
