//! PURE. The configuration of a phone as Devices sends it: objects by type, a few of their values hidden.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::digest::decrypt;
use crate::model::Secret;

/// Objects that one phone has at most.
const MOST: usize = 64;

/// What was sent, object by object, as it came. Unknown types are kept, and mean nothing yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Configuration(BTreeMap<String, Map<String, Value>>);

/// One message with a part of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The object; a burst may end without one.
    pub(super) object: Option<Map<String, Value>>,
    /// Whether this is the end of a burst.
    pub(super) last: bool,
}

/// What the objects say that the box knows what to do with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// First registrar.
    pub registrar: Option<String>,
    /// Second registrar.
    pub backup: Option<String>,
    /// Domain.
    pub domain: Option<String>,
    /// Codec that goes first.
    pub coder: Option<String>,
    /// Whether no other codec is offered.
    pub exclusive: bool,
    /// Milliseconds of sound in a packet.
    pub frame: Option<u64>,
    /// Number of the way in which keys for SRTP are agreed; 4 is none.
    pub srtp: Option<u64>,
    /// Number of the country whose tones are played.
    pub tones: Option<u64>,
    /// DSCP fields of sound and of SIP, as the byte of the IP header.
    pub tos_rtp: Option<u8>,
    /// The same for SIP.
    pub tos_sig: Option<u8>,
    /// First port for sound, and how many.
    pub ports: Option<(u64, u64)>,
    /// First and second time server.
    pub time: [Option<String>; 2],
    /// Time zone as POSIX writes it.
    pub zone: Option<String>,
    /// What of TURN is sent; no phone of another maker is told it.
    pub turn: Option<(String, Secret)>,
    /// Where logs go, as a URL.
    pub log: Option<String>,
    /// What could not be used, in words without any secret.
    pub problems: Vec<String>,
}

impl Part {
    /// Reads a message's object. Its end may stand beside the configuration or in it.
    pub(super) fn read(message: &Value) -> Self {
        let object = message.get("config").and_then(Value::as_object).cloned();
        let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or_default();
        let inner = object.as_ref().and_then(|object| object.get("last"));
        Self { last: flag(message.get("last")) || flag(inner), object }
    }
}

impl Configuration {
    /// Puts an object in place of the one with its identity, or else of its type.
    pub fn put(&mut self, object: Map<String, Value>) {
        let text = |name: &str| object.get(name).and_then(text_of);
        let kind = text("type").unwrap_or_default();
        let key = text("id").map_or_else(|| kind.clone(), |id| format!("{kind} {id}"));
        if self.0.len() < MOST || self.0.contains_key(&key) {
            self.0.insert(key, object);
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it says, with what is hidden found by the password that Devices gave.
    pub fn known(&self, password: &Secret) -> Known {
        let mut known = Known::default();
        for object in self.0.values() {
            let text = |name: &str| object.get(name).and_then(text_of).filter(|text| !text.is_empty());
            let number = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok());
            let flag = |name: &str| object.get(name).and_then(Value::as_bool).unwrap_or_default();
            match text("type").unwrap_or_default().as_str() {
                "PHONE" | "FXS_PHONE" => {
                    known.registrar = text("gk1").or(known.registrar);
                    known.backup = text("gk2").or(known.backup);
                    known.domain = text("gkId").or(known.domain);
                    known.coder = text("coder").or(known.coder);
                    known.exclusive |= flag("exclusive");
                    known.frame = number("frameSize").or(known.frame);
                    known.srtp = number("srtpKey").or(known.srtp);
                    known.tones = number("dialTone").or(known.tones);
                }
                "MEDIA" => {
                    let byte = |name: &str| {
                        let text = text(name)?;
                        let digits = text.trim_start_matches("0x").trim_start_matches("0X");
                        u8::from_str_radix(digits, 16).ok()
                    };
                    known.tos_rtp = byte("tosRtp").or(known.tos_rtp);
                    known.tos_sig = byte("tosSig").or(known.tos_sig);
                    if flag("setRtpPorts") {
                        known.ports = number("rtpFirst").zip(number("rtpNum")).or(known.ports);
                    }
                    if ["stunServer", "turnServer"].into_iter().any(|name| text(name).is_some()) {
                        known.leave("STUN and TURN");
                    }
                    if let Some(hidden) = text("turnPassword") {
                        let seed = text("turnSeed").unwrap_or_default();
                        match decrypt(&seed, password.expose(), &hidden) {
                            Some(clear) => known.turn = Some((text("turnUser").unwrap_or_default(), clear)),
                            None => known.leave("the password for TURN could not be decrypted"),
                        }
                    }
                }
                "NTP" => {
                    known.time = [text("ntp1"), text("ntp2")];
                    known.zone = text("tz").or(known.zone);
                }
                // A phone of another maker chooses versions and ciphers by itself.
                "TLS_PROFILE" => {
                    let profile = text("profile").filter(|profile| profile != "normal");
                    if let Some(profile) =
                        profile.filter(|p| p.len() <= 16 && p.bytes().all(|b| b.is_ascii_lowercase()))
                    {
                        known.leave(&format!("the TLS profile \"{profile}\""));
                    }
                }
                "ALARM_SERVER" => {
                    if text("url").is_some() {
                        known.leave("the alarm server");
                    }
                    if flag("setLogUrl") {
                        known.log = text("logUrl").or(known.log);
                    }
                }
                // Never sent to phones of other makers.
                "EXPERT" => {}
                other => {
                    let other: String =
                        other.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(32).collect();
                    known.leave(&format!("a configuration of type \"{other}\" is not known here"));
                }
            }
        }
        known
    }
}

impl Known {
    /// Says that something of it cannot be used.
    fn leave(&mut self, what: &str) {
        self.problems.push(what.to_owned());
    }
}

/// A text or a number as text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            Some(text.clone()).filter(|text| text.len() <= 1024 && !text.chars().any(char::is_control))
        }
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_end_stands_beside_or_within() {
        let part = |value: Value| Part::read(&value);
        assert!(part(json!({ "last": true })).last && part(json!({ "last": true })).object.is_none());
        assert!(part(json!({ "config": { "type": "NTP", "last": true } })).last);
        assert!(!part(json!({ "config": { "type": "NTP" }, "last": false })).last);
        assert!(!part(json!({ "config": 7, "last": "yes" })).last);
    }

    #[test]
    fn every_type_is_read() {
        let mut configuration = Configuration::default();
        for value in [
            json!({ "id": 1, "type": "PHONE", "gk1": "10.0.0.5", "gk2": "10.0.0.6", "gkId": "example.com", "coder": "G722",
                    "frameSize": 20, "srtpKey": "2", "dialTone": 15, "exclusive": true }),
            json!({ "type": "MEDIA", "stunServer": "stun.example.com", "tosRtp": "0xb8", "tosSig": "68", "setRtpPorts": true, "rtpFirst": 16384, "rtpNum": "512",
                    "turnUser": "turn", "turnPassword": "22f91ebb", "turnSeed": "wJQog70GUK!GPTN2" }),
            json!({ "type": "NTP", "ntp1": "10.0.0.7", "ntp2": "", "tz": "CET-1CEST-2,M3.5.0/2,M10.5.0/3" }),
            json!({ "type": "TLS_PROFILE", "profile": "secure" }),
            json!({ "type": "ALARM_SERVER", "url": "http://10.0.0.8/", "setLogUrl": true, "logUrl": "syslog://10.0.0.8",
                    "logPassword": "00", "logSeed": "x" }),
            json!({ "type": "TRUST_LIST", "what": "ever" }),
        ] {
            configuration.put(object(value));
        }
        let known = configuration.known(&Secret::new("7iICN04agQq38j!hmbN7P5LLI1YePz1w"));
        assert_eq!(known.registrar.as_deref(), Some("10.0.0.5"));
        assert_eq!((known.backup.as_deref(), known.domain.as_deref()), (Some("10.0.0.6"), Some("example.com")));
        assert_eq!((known.coder.as_deref(), known.exclusive, known.frame), (Some("G722"), true, Some(20)));
        assert_eq!((known.srtp, known.tones, known.ports), (Some(2), Some(15), Some((16_384, 512))));
        assert_eq!((known.tos_rtp, known.tos_sig), (Some(0xb8), Some(0x68)));
        assert_eq!(known.time, [Some("10.0.0.7".into()), None]);
        assert_eq!(known.turn, Some(("turn".into(), Secret::new("test"))));
        assert_eq!(known.log.as_deref(), Some("syslog://10.0.0.8"));
        // By type, in the order of the alphabet.
        let problems = [
            "the alarm server",
            "STUN and TURN",
            "the TLS profile \"secure\"",
            "a configuration of type \"TRUST_LIST\" is not known here",
        ];
        assert_eq!(known.problems, problems);
        let wrong = configuration.known(&Secret::new("another"));
        assert!(
            wrong.turn.is_none() && wrong.problems.iter().any(|what| what.contains("password for TURN")),
            "{wrong:?}"
        );
    }

    #[test]
    fn an_update_takes_the_place_of_its_object() {
        let mut configuration = Configuration::default();
        configuration.put(object(json!({ "id": 1, "type": "PHONE", "gk1": "old" })));
        configuration.put(object(json!({ "id": 1, "type": "PHONE", "gk1": "new" })));
        configuration.put(object(json!({ "type": "NTP", "ntp1": "a" })));
        let stored = serde_json::to_string(&configuration).unwrap();
        let again: Configuration = serde_json::from_str(&stored).unwrap();
        assert_eq!(again.known(&Secret::default()).registrar.as_deref(), Some("new"));
        assert_eq!(again, configuration);
        for number in 0..1000 {
            configuration.put(object(json!({ "id": number, "type": "X" })));
        }
        assert_eq!(configuration.0.len(), MOST);
    }
}
