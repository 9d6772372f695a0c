//! PURE. One phone's conversation with Devices: what is said when, and what is kept of it.

use std::time::Duration;

use serde_json::Value;

use super::configuration::{Configuration, Part};
use super::digest::{self, decrypt};
use super::frame::{Frame, Identity, Malformed, identify, shut_tunnel};
use crate::model::Secret;

/// How long the parts of a configuration may be apart before it counts as whole without its end.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// How long Devices may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A conversation.
#[derive(Debug)]
pub struct Sysclient {
    identity: Identity,
    /// For the first time: what makes Devices take this device into a domain.
    code: Option<String>,
    password: Option<Secret>,
    configuration: Configuration,
    /// When something came that has not been handed on.
    fresh: Option<Duration>,
    /// Until when Devices must have said something.
    deadline: Option<Duration>,
    challenged: bool,
    /// Devices gave a password, or went on after ours was proven.
    accepted: bool,
    configured: bool,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// Keep the password, durably, before anything else is done.
    Keep(Secret),
    /// Say this.
    Send(Vec<u8>),
    /// The configuration is whole.
    Configured(Configuration),
    /// The device has a new password for its administrators.
    AdminPassword(Secret),
    /// Something came that cannot be used; nothing changes.
    Note(String),
    /// End the connection.
    End(Failure),
}

/// Why a conversation ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The code is too old, or Devices is deaf.
    #[error("Devices did not take the code: it has expired, or was used before")]
    Code,
    /// Devices does not know the password that it gave.
    #[error(
        "Devices did not take the password that it gave to this phone; remove the phone there and provision it anew"
    )]
    Password,
    /// Devices asks for a password that nobody has.
    #[error(
        "Devices knows this phone already, and its password is not here; remove the phone there and provision it anew"
    )]
    Lost,
    /// It took the phone, and said no more.
    #[error("Devices fell silent before it sent a configuration")]
    Silent,
    /// It said too much that makes no sense.
    #[error("Devices cannot be understood: {0}")]
    Malformed(#[from] Malformed),
}

impl Sysclient {
    /// With a code for the first time, or with the password that Devices gave; with both where a phone is wanted anew
    /// that Devices may still know.
    pub fn new(identity: Identity, code: Option<String>, password: Option<Secret>) -> Self {
        Self {
            identity,
            code,
            password,
            configuration: Configuration::default(),
            fresh: None,
            deadline: None,
            challenged: false,
            accepted: false,
            configured: false,
        }
    }

    /// The connection is there.
    pub fn opened(&mut self, now: Duration) -> Vec<Out> {
        self.deadline = Some(now + PATIENCE);
        vec![Out::Send(identify(&self.identity, self.code.as_deref(), None))]
    }

    /// A message came.
    pub fn receive(&mut self, message: &[u8], now: Duration) -> Vec<Out> {
        let frame = match Frame::read(message) {
            Ok(frame) => frame,
            Err(error @ (Malformed::TooLong | Malformed::Kind(_) | Malformed::TooShort)) => {
                return vec![Out::End(error.into())];
            }
            // One object that is broken says nothing against the others.
            Err(error) => return vec![Out::Note(error.to_string())],
        };
        self.accepted |= self.challenged && !matches!(frame, Frame::Challenge(_));
        match frame {
            Frame::Password(said) => match text(&said, "password") {
                Some(password) => {
                    let password = Secret::new(password);
                    self.password = Some(password.clone());
                    (self.code, self.accepted) = (None, true);
                    self.deadline = Some(now + PATIENCE);
                    vec![Out::Keep(password)]
                }
                None => vec![Out::Note("a password that is none".into())],
            },
            Frame::Challenge(said) => self.prove(text(&said, "challenge"), now),
            Frame::AdminPassword(said) => {
                let hidden = text(&said, "seed").zip(text(&said, "pwd")).zip(self.password.as_ref());
                match hidden.and_then(|((seed, hidden), password)| decrypt(seed, password.expose(), hidden)) {
                    Some(password) => vec![Out::AdminPassword(password)],
                    None => vec![Out::Note("a password for administrators that could not be decrypted".into())],
                }
            }
            Frame::Configuration(said) => self.take(&Part::read(&said), now),
            Frame::Tunnel { session, .. } => vec![Out::Send(shut_tunnel(session))],
            Frame::Unknown { kind } => {
                vec![Out::Note(format!("an admin message of type {kind}, which is not known here"))]
            }
        }
    }

    fn prove(&mut self, challenge: Option<&str>, now: Duration) -> Vec<Out> {
        let Some(challenge) = challenge else { return vec![Out::Note("a challenge that is none".into())] };
        let Some(password) = &self.password else { return vec![Out::End(Failure::Lost)] };
        if self.challenged {
            // Asked again: the first answer was not taken. One try a connection.
            return vec![Out::End(Failure::Password)];
        }
        // Whoever is asked to prove itself is known, and needs no code.
        (self.challenged, self.code) = (true, None);
        // One that has its configuration waits for nothing.
        self.deadline = (!self.configured).then(|| now + PATIENCE);
        let Identity { id, product, version, .. } = &self.identity;
        let digest = digest::sysclient(id, product, version, challenge, password.expose());
        vec![Out::Send(identify(&self.identity, None, Some(&digest)))]
    }

    fn take(&mut self, part: &Part, now: Duration) -> Vec<Out> {
        if self.password.is_none() {
            return vec![Out::Note("a configuration before a password".into())];
        }
        (self.deadline, self.code, self.accepted) = (None, None, true);
        if let Some(object) = part.object.clone() {
            self.configuration.put(object);
        }
        if part.last {
            return self.hand_on();
        }
        self.fresh = Some(now);
        Vec::new()
    }

    fn hand_on(&mut self) -> Vec<Out> {
        self.fresh = None;
        self.configured = true;
        vec![Out::Configured(self.configuration.clone())]
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration) -> Vec<Out> {
        if self.fresh.is_some_and(|fresh| now >= fresh + QUIET) {
            return self.hand_on();
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            self.deadline = None;
            return vec![Out::End(self.refused().unwrap_or(Failure::Silent))];
        }
        Vec::new()
    }

    /// When time is to be looked at next.
    pub fn next(&self) -> Option<Duration> {
        let quiet = self.fresh.map(|fresh| fresh + QUIET);
        match (quiet, self.deadline) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// What Devices did not take, when it ends the connection or falls silent now; `None` once it has taken the phone.
    pub fn refused(&self) -> Option<Failure> {
        match self.accepted {
            true => None,
            false if self.code.is_some() || self.password.is_none() => Some(Failure::Code),
            false => Some(Failure::Password),
        }
    }
}

fn text<'a>(said: &'a Value, name: &str) -> Option<&'a str> {
    said.get(name)?.as_str().filter(|text| !text.is_empty() && text.len() <= 256)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn identity() -> Identity {
        Identity { id: "805ec0123456".into(), product: "Block66".into(), version: "1".into(), name: "Desk".into() }
    }

    fn admin(kind: u8, said: Value) -> Vec<u8> {
        [&[1, 0, kind][..], said.to_string().as_bytes()].concat()
    }

    fn said(out: &[Out]) -> Value {
        let [Out::Send(bytes)] = out else { panic!("{out:?}") };
        serde_json::from_slice(&bytes[3..]).unwrap()
    }

    #[test]
    fn the_first_time_a_code_becomes_a_password_and_a_configuration() {
        let mut phone = Sysclient::new(identity(), Some("123456789012".into()), None);
        assert_eq!(said(&phone.opened(START))["provisioningCode"], "123456789012");
        assert_eq!(phone.receive(&admin(1, json!({ "password": "given" })), START), [Out::Keep(Secret::new("given"))]);
        let part = json!({ "config": { "type": "PHONE", "gk1": "10.0.0.5" }, "last": false });
        assert_eq!(phone.receive(&admin(6, part), START), []);
        let out =
            phone.receive(&admin(6, json!({ "config": { "type": "NTP", "ntp1": "10.0.0.7" }, "last": true })), START);
        let [Out::Configured(configuration)] = &out[..] else { panic!("{out:?}") };
        assert_eq!(configuration.known(&Secret::default()).registrar.as_deref(), Some("10.0.0.5"));
        assert_eq!(phone.next(), None);
        // Later changes come one by one, and may come without an end.
        assert_eq!(phone.receive(&admin(6, json!({ "config": { "type": "PHONE", "gk1": "10.0.0.9" } })), START), []);
        assert_eq!(phone.tick(START + QUIET - Duration::from_millis(1)), []);
        let out = phone.tick(phone.next().unwrap());
        let [Out::Configured(configuration)] = &out[..] else { panic!("{out:?}") };
        assert_eq!(configuration.known(&Secret::default()).registrar.as_deref(), Some("10.0.0.9"));
    }

    #[test]
    fn later_it_proves_itself_with_the_password() {
        let identity = Identity {
            id: "f19033480af9".into(),
            product: "IP232".into(),
            version: "13r2 dvl [13.4250/131286/1300]".into(),
            name: String::new(),
        };
        let mut phone = Sysclient::new(identity, None, Some(Secret::new("2jjH!u3ucXscEzHq8X!l83BX3!U8TPwA")));
        let first = said(&phone.opened(START));
        assert!(first.get("digest").is_none() && first.get("provisioningCode").is_none());
        let proof = said(&phone.receive(&admin(2, json!({ "challenge": "1446931255" })), START));
        assert_eq!(proof["digest"], "13cc86b3f0691e2ce1a626a9963a5aefeefcb78f7e5b23a8ede10e8204247c97");
        assert_eq!((&proof["product"], &proof["version"]), (&first["product"], &first["version"]));
        let again = phone.receive(&admin(2, json!({ "challenge": "1446931255" })), START);
        assert_eq!(again, [Out::End(Failure::Password)], "a challenge is answered once");
        let empty = phone.receive(&admin(6, json!({ "last": true })), START);
        assert_eq!(empty, [Out::Configured(Configuration::default())]);
    }

    #[test]
    fn a_phone_that_is_wanted_anew_may_be_known_still() {
        let mut phone = Sysclient::new(identity(), Some("code".into()), Some(Secret::new("p")));
        assert_eq!(said(&phone.opened(START))["provisioningCode"], "code");
        assert_eq!(phone.refused(), Some(Failure::Code), "whatever was known before");
        let proof = said(&phone.receive(&admin(2, json!({ "challenge": "1" })), START));
        // SHA-256 of 805ec0123456:Block66:1:1:p
        assert_eq!(proof["digest"], "81aa01ec8242c6bb2ec9233fba22e43c99b69adc1b32376be099886602fb8dc2");
        assert_eq!(phone.refused(), Some(Failure::Password));
        let mut phone = Sysclient::new(identity(), Some("code".into()), Some(Secret::new("old")));
        phone.opened(START);
        assert_eq!(phone.receive(&admin(1, json!({ "password": "new" })), START), [Out::Keep(Secret::new("new"))]);
    }

    #[test]
    fn silence_and_ends_have_their_reasons() {
        let mut phone = Sysclient::new(identity(), Some("code".into()), None);
        phone.opened(START);
        assert_eq!(phone.next(), Some(START + PATIENCE));
        assert_eq!(phone.tick(START + PATIENCE), [Out::End(Failure::Code)]);
        let mut phone = Sysclient::new(identity(), None, Some(Secret::new("p")));
        phone.opened(START);
        assert_eq!(phone.tick(START + PATIENCE), [Out::End(Failure::Password)]);
        // What comes after the proof says that it was good, whatever comes of it then.
        let mut phone = Sysclient::new(identity(), None, Some(Secret::new("p")));
        phone.opened(START);
        phone.receive(&admin(2, json!({ "challenge": "1" })), START);
        assert_eq!(phone.refused(), Some(Failure::Password));
        assert!(matches!(phone.receive(&admin(9, json!({})), START)[..], [Out::Note(_)]));
        assert_eq!((phone.refused(), phone.tick(START + PATIENCE)), (None, vec![Out::End(Failure::Silent)]));
        let mut phone = Sysclient::new(identity(), Some("code".into()), None);
        let lost = phone.receive(&admin(2, json!({ "challenge": "1" })), START);
        assert_eq!(lost, [Out::End(Failure::Lost)]);
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let mut phone = Sysclient::new(identity(), None, Some(Secret::new("7iICN04agQq38j!hmbN7P5LLI1YePz1w")));
        phone.opened(START);
        for message in [
            admin(1, json!({ "password": 7 })),
            admin(2, json!({})),
            admin(3, json!({ "seed": "s", "pwd": "0" })),
            admin(9, json!({})),
            b"\x01\x00\x06{".to_vec(),
        ] {
            assert!(matches!(phone.receive(&message, START)[..], [Out::Note(_)]), "{message:?}");
        }
        assert!(matches!(phone.receive(&[9], START)[..], [Out::End(Failure::Malformed(_))]));
        let tunnel = [2, 0, 0, 0, 13, 0, 0, 0, 0, b'G', b'E', b'T'];
        assert_eq!(phone.receive(&tunnel, START), [Out::Send(vec![2, 0, 0, 0, 13, 0, 0, 0, 4])]);
        let admin_password = admin(3, json!({ "seed": "wJQog70GUK!GPTN2", "pwd": "22f91ebb" }));
        assert_eq!(phone.receive(&admin_password, START), [Out::AdminPassword(Secret::new("test"))]);
        let mut early = Sysclient::new(identity(), Some("code".into()), None);
        early.opened(START);
        let out = early.receive(&admin(6, json!({ "config": { "type": "PHONE" }, "last": true })), START);
        assert!(matches!(out[..], [Out::Note(_)]), "{out:?}");
    }
}
