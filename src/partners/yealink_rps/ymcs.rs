//! PURE. The cloud management service, version 2: what is said, and what its answers mean.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::plan::Claim;
use crate::model::Mac;

/// The code that says that a device is there already.
const EXISTS: i64 = 800_003;

/// The body by which a token is asked for.
pub(super) fn token_body() -> String {
    json!({ "grant_type": "client_credentials" }).to_string()
}

/// The token of an answer.
pub(super) fn token(answer: &[u8]) -> Option<String> {
    let said: Value = serde_json::from_slice(answer).ok()?;
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

/// What an answer says: nothing, or what is wrong in its own words, and whether that is that the phone is there already.
pub(super) fn refusal(answer: &Value) -> Option<(String, bool)> {
    let code = answer.get("code").or_else(|| answer.get("ret")).and_then(Value::as_i64).unwrap_or_default();
    let error = answer.get("error").filter(|error| !error.is_null());
    let message = error.and_then(|error| error.get("msg")).or_else(|| answer.get("message")).and_then(Value::as_str);
    // Version 1 counts errors below 0, version 2 has codes of six digits.
    let bad = !(0..100_000).contains(&code) || error.is_some_and(|error| error.get("msg").is_some());
    bad.then(|| {
        let message: String =
            message.unwrap_or("no reason is given").chars().filter(|c| !c.is_control()).take(200).collect();
        (message.clone(), code == EXISTS || message.contains("existed"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(token(br#"{"access_token":"abc","token_type":"bearer"}"#).as_deref(), Some("abc"));
        assert_eq!(token(br#"{"access_token":"a b"}"#), None);
        assert_eq!(token(b"{"), None);
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
        let existed = json!({ "ret": -1, "data": null, "error": { "msg": "device.mac.existed", "fieldErrors": [] } });
        assert_eq!(refusal(&existed), Some(("device.mac.existed".into(), true)));
        assert_eq!(refusal(&json!({ "code": 800_003, "message": "exists" })), Some(("exists".into(), true)));
        assert_eq!(refusal(&json!({ "code": 200, "data": [] })), None);
        assert!(super::devices(&json!({ "data": 7 })).is_none());
    }
}
