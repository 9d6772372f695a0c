//! The two doors towards an innovaphone PBX: a device's conversation with Devices, and a connection to the app.
//!
//! A seed is an octet that says which (even: the device, and then whether it has a code and a password; odd: the app),
//! and then messages, each behind two octets with its length. In a message to the app `@DIGEST@` stands for the digest
//! of a login that knows the app's password, for the fields app `box`, domain `d`, sip `s`, guid `0f`, dn `n`.

use std::time::Duration;

use super::bytes::Bytes;
use block66::model::Secret;
use block66::partners::innovaphone::{About, AppLogin, Frame, Identity, News, Out, Session, Sysclient};

const APP_PASSWORD: &str = "the-app's-own-password";
const DEVICE_PASSWORD: &str = "the-device's-own-password";
const CHALLENGE: &str = "0123456789abcdef";

/// Plays one conversation.
pub fn hold(input: &[u8]) -> bool {
    let mut rest = Bytes(input);
    let first = rest.u8();
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(rest.u16());
        messages.push(rest.take(length));
    }
    if first % 2 == 0 { device(first, &messages) } else { app(&messages) }
}

/// What Devices says to a device. Whether any of it could be read.
fn device(first: u8, messages: &[&[u8]]) -> bool {
    let identity =
        Identity { id: "805ec0000001".into(), product: "Block66".into(), version: "1".into(), name: "Desk".into() };
    let code = (first & 2 != 0).then(|| "code".to_owned());
    let known = first & 4 != 0;
    let mut client = Sysclient::new(identity, code, known.then(|| Secret::new(DEVICE_PASSWORD)));
    let mut now = Duration::ZERO;
    let mut has_password = known;
    let mut proofs = 0;
    let mut understood = false;
    let mut said = client.opened(now);
    for message in messages {
        assert_eq!(Frame::read(message), Frame::read(message), "the same message reads differently");
        understood |= Frame::read(message).is_ok();
        now += Duration::from_millis(700);
        said.extend(client.receive(message, now));
        said.extend(client.tick(now));
        assert!(said.len() <= 3, "one message is answered with {said:?}");
        for out in said.drain(..) {
            match out {
                Out::Keep(password) => {
                    assert!(!password.is_empty() && password.expose().len() <= 256);
                    has_password = true;
                }
                Out::Send(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    assert!(!text.contains(DEVICE_PASSWORD), "the password itself is sent");
                    proofs += usize::from(text.contains("\"digest\""));
                }
                Out::Configured(_) => assert!(has_password, "configured by somebody who gave no password"),
                Out::Note(note) => assert!(!note.contains(DEVICE_PASSWORD), "the password stands in a note"),
                Out::AdminPassword(_) => assert!(has_password),
                Out::End(_) => return understood,
            }
        }
        // Each proof is a hash of the password for whoever chose the challenge.
        assert!(proofs <= 1, "more than one proof in a conversation");
    }
    assert!(client.next().is_none_or(|next| next <= now + Duration::from_secs(3600)));
    understood
}

/// What others say to the app. Whether any of it could be read.
fn app(messages: &[&[u8]]) -> bool {
    let about = About {
        app: "box".into(),
        title: "Box".into(),
        password: Secret::new(APP_PASSWORD),
        both_spellings: true,
        answers_keep_alive: true,
    };
    let login = AppLogin { app: "box", domain: "d", sip: "s", guid: "0f", dn: "n", info: None };
    let digest = login.digest(CHALLENGE, APP_PASSWORD);
    let mut session = Session::new(CHALLENGE.into());
    let mut understood = false;
    for message in messages {
        let text = String::from_utf8_lossy(message).replace("@DIGEST@", &digest);
        let knows = text.contains(&digest);
        let was_in = session.is_logged_in();
        let heard = session.hear(&text, &about);
        assert!(was_in || !session.is_logged_in() || knows, "logged in without the password: {text}");
        assert!(heard.say.len() <= 4, "{heard:?}");
        for said in &heard.say {
            assert!(!said.contains(APP_PASSWORD), "the password is said: {said}");
            assert!(said.len() <= text.len() + 4096, "an answer is much longer than what it answers");
        }
        match &heard.news {
            Some(News::Phone(request)) => {
                assert!(was_in, "a phone before a login");
                assert!(!request.code.is_empty() && request.code.len() <= 64 && !request.user.is_empty());
                let texts = [&request.user, &request.name, &request.domain, &request.host, &request.hwid];
                assert!(texts.iter().all(|text| text.chars().count() <= 128 && !text.chars().any(char::is_control)));
                understood = true;
            }
            Some(News::Pbx { .. } | News::Devices(_) | News::Unfit { .. }) => {
                assert!(was_in, "news before a login");
                understood = true;
            }
            Some(News::LoggedIn { .. }) => {
                assert!(session.is_logged_in());
                understood = true;
            }
            Some(News::Refused(_)) => {
                assert!(heard.end && !session.is_logged_in());
                understood = true;
            }
            Some(News::Note(_)) => {}
            None => understood = true,
        }
        if heard.end {
            break;
        }
    }
    understood
}
