//! PURE. Where Devices is, as the PBX tells it: a list of services, each with an address in one of several forms.

use serde_json::Value;

/// What Devices offers.
const DEVICES: &str = "com.innovaphone.devices";

/// Where phones connect to Devices, from a message with services; `None` when there is no Devices among them.
pub(super) fn devices(message: &Value) -> Option<String> {
    let services = message.get("services")?.as_array()?;
    let url = |service: &Value| service.get("url").and_then(Value::as_str).map(str::to_owned);
    let offers = |service: &&Value| service.get("info").and_then(|info| info.get("apis")?.get(DEVICES)).is_some();
    let called = |service: &&Value| url(service).is_some_and(|url| url.contains("/innovaphone-devices"));
    let found = services.iter().find(offers).or_else(|| services.iter().find(called))?;
    sysclients(&url(found)?)
}

/// Where phones connect, from the address of the app: as a websocket, without the app's name.
pub(super) fn sysclients(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => "wss",
        "http" | "ws" => "ws",
        _ => return None,
    };
    let rest = rest.split(['?', '#']).next()?;
    let base = rest.rsplit_once('/').map_or(rest, |(base, _)| base);
    let plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}@".contains(c);
    (!base.is_empty() && base.chars().all(plain)).then(|| format!("{scheme}://{base}/sysclients"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_the_address_leads_there() {
        for url in [
            "https://ap.example.com/example.com/devices/innovaphone-devices",
            "wss://ap.example.com/example.com/devices/innovaphone-devices",
            "HTTPS://ap.example.com/example.com/devices/",
        ] {
            assert_eq!(sysclients(url).as_deref(), Some("wss://ap.example.com/example.com/devices/sysclients"));
        }
        assert_eq!(sysclients("http://ap.example.com/x").as_deref(), Some("ws://ap.example.com/sysclients"));
        for url in ["", "ap.example.com", "ftp://a/b", "https://u:p@a/b", "https:///b", "https://a b/c"] {
            assert_eq!(sysclients(url), None, "{url}");
        }
    }

    #[test]
    fn devices_is_known_by_what_it_offers_or_by_its_address() {
        let other =
            json!({ "name": "users", "url": "https://a/users/innovaphone-users", "info": { "apis": { "x": {} } } });
        let offers =
            json!({ "name": "d", "url": "https://a/d/dev", "info": { "apis": { "com.innovaphone.devices": {} } } });
        let called = json!({ "name": "e", "url": "https://a/e/innovaphone-devices" });
        let of = |services: &[&Value]| devices(&json!({ "mt": "ServicesInfo", "services": services }));
        assert_eq!(of(&[&other, &called, &offers]).as_deref(), Some("wss://a/d/sysclients"));
        assert_eq!(of(&[&other, &called]).as_deref(), Some("wss://a/e/sysclients"));
        assert_eq!(of(&[&other]), None);
        assert_eq!(devices(&json!({ "services": 7 })), None);
    }
}
