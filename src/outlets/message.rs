//! PURE. What is said, in the two forms in which it is said.

use serde_json::{Value, json};

use crate::model::{Event, Language, Outcome, Reason, Timestamp};

/// Longest message, in bytes: what a datagram carries without being taken apart on most networks is less, and what
/// every collector takes is no more (RFC 5426 section 3.2).
const LONGEST: usize = 2048;
/// Facility local0 (RFC 5424 table 1).
const FACILITY: u8 = 16;

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Something happened, for the first time in its minute.
    Event {
        /// Its number in the journal.
        sequence: u64,
        /// What.
        event: Box<Event>,
    },
    /// Something needs somebody to act, or no longer does.
    Alarm {
        /// When that was seen.
        at: Timestamp,
        /// Whether it begins.
        begins: bool,
        /// What.
        reason: Reason,
    },
}

impl Notice {
    /// The stable code of what it is about.
    pub fn code(&self) -> String {
        self.reason().code()
    }

    fn reason(&self) -> &Reason {
        match self {
            Self::Event { event, .. } => &event.reason,
            Self::Alarm { reason, .. } => reason,
        }
    }

    /// One message of syslog (RFC 5424 section 6), of at most 2048 bytes.
    pub(super) fn syslog(&self, host: &str) -> String {
        let (at, severity) = match self {
            Self::Event { event, .. } => (event.at, severity(event.reason.outcome())),
            Self::Alarm { at, begins: true, .. } => (*at, 1),
            Self::Alarm { at, .. } => (*at, 5),
        };
        let mut text = match self {
            Self::Event { .. } => String::new(),
            Self::Alarm { begins: true, .. } => "Alarm: ".into(),
            Self::Alarm { .. } => "Alarm over: ".into(),
        };
        text.push_str(&self.reason().sentence());
        if let Self::Event { event, .. } = self {
            let told = [
                ("mac", event.mac.map(|mac| mac.to_string())),
                ("address", event.address.map(|address| address.to_string())),
                ("file", event.file.clone()),
                ("count", (event.count > 1).then(|| event.count.to_string())),
            ];
            for (name, value) in told.into_iter().filter_map(|(name, value)| Some((name, value?))) {
                text.push_str(&format!(" {name}={value}"));
            }
        }
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (host, code) = (word(host, 255), word(&self.code(), 32));
        let mut message = format!("<{}>1 {at} {host} block66 - {code} - {text}", FACILITY * 8 + severity);
        cut(&mut message, LONGEST);
        message
    }

    /// The body of a webhook.
    pub(super) fn json(&self, host: &str) -> Value {
        match self {
            Self::Event { sequence, event } => json!({
                "kind": "event",
                "box": host,
                "sequence": sequence,
                "at": event.at.to_string(),
                "code": self.code(),
                "outcome": event.reason.outcome(),
                "says": event.reason.sentence(),
                "mac": event.mac,
                "address": event.address,
                "file": event.file,
            }),
            Self::Alarm { at, begins, reason } => json!({
                "kind": if *begins { "alarm" } else { "alarm-over" },
                "box": host,
                "at": at.to_string(),
                "code": self.code(),
                "says": reason.sentence(),
            }),
        }
    }
}

/// A mail about alarms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// One line.
    pub(super) subject: String,
    /// The rest.
    pub(super) body: String,
}

impl Text {
    /// Longest subject, in characters.
    const SUBJECT: usize = 120;

    /// What is mailed about these, one or more, in this language.
    pub(super) fn of(notices: &[&Notice], host: &str, language: Language) -> Self {
        let plain = |text: String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        let line = |notice: &&Notice| {
            let (at, says) = match notice {
                Notice::Event { event, .. } => (event.at, event.reason.sentence_in(language)),
                Notice::Alarm { at, reason, .. } => (*at, reason.sentence_in(language)),
            };
            (at, plain(format!("{}: {says}", turn(notice, language))))
        };
        let lines: Vec<_> = notices.iter().map(line).collect();
        let about = match lines.as_slice() {
            [(_, only)] => only.clone(),
            many => format!("{}: {}", alarms(language), many.len()),
        };
        let subject = plain(format!("[{host}] {about}")).chars().take(Self::SUBJECT).collect();
        let body = lines.iter().map(|(at, text)| format!("{at}  {text}\n")).collect();
        Self { subject, body }
    }
}

/// Whether it begins or is over, in a word.
fn turn(notice: &Notice, language: Language) -> &'static str {
    let begins = !matches!(notice, Notice::Alarm { begins: false, .. });
    match (begins, language) {
        (true, Language::English | Language::Dutch | Language::German) => "Alarm",
        (true, Language::French) => "Alarme",
        (false, Language::English) => "Alarm over",
        (false, Language::Dutch) => "Alarm voorbij",
        (false, Language::French) => "Fin d'alarme",
        (false, Language::German) => "Alarm vorbei",
    }
}

fn alarms(language: Language) -> &'static str {
    match language {
        Language::English => "Alarms",
        Language::Dutch => "Alarmen",
        Language::French => "Alarmes",
        Language::German => "Alarme",
    }
}

/// RFC 5424 table 2: warning, notice and informational.
fn severity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 4,
        Outcome::Refused => 5,
        _ => 6,
    }
}

/// Cuts a text to at most so many bytes, between two characters.
pub(super) fn cut(text: &mut String, longest: usize) {
    let end = (0..=longest.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.truncate(end);
}

/// A field of the header: printable ASCII with no blank in it, `-` for nothing (RFC 5424 section 6).
fn word(text: &str, longest: usize) -> String {
    let plain: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if plain.is_empty() { "-".into() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, Mac};

    fn event(reason: Reason) -> Notice {
        let event = Event::new(Timestamp::from_secs(1_800_000_000), Door::Http, reason)
            .about(Mac::new([0x80, 0x5e, 0xc0, 0, 0, 1]));
        Notice::Event { sequence: 7, event: Box::new(event) }
    }

    #[test]
    fn a_message_is_one_line_with_its_header() {
        let text = event(Reason::Claimed).syslog("box.lan");
        assert_eq!(
            text,
            "<134>1 2027-01-15T08:00:00Z box.lan block66 - admin.claimed - The box was claimed: it has an \
             administrator now. mac=80:5e:c0:00:00:01"
        );
        let hostile = event(Reason::RenderFailed { what: format!("a\n<0>1 forged\r{}", "\u{e9}".repeat(3000)) });
        let text = hostile.syslog("box with blanks");
        assert!(text.starts_with("<132>1 ") && !text.contains(['\n', '\r']) && text.len() <= LONGEST, "{text}");
        assert!(text.contains(" boxwithblanks block66 "));
    }

    #[test]
    fn a_mail_says_what_began_and_what_is_over() {
        let at = Timestamp::from_secs(1_800_000_000);
        let notice = |begins, network: &str| Notice::Alarm {
            at,
            begins,
            reason: Reason::PoolExhausted { network: network.into() },
        };
        let one = Text::of(&[&notice(true, "office\r\nBcc: x@y")], "box.lan", Language::English);
        assert!(one.subject.starts_with("[box.lan] Alarm: ") && one.subject.contains("office  Bcc: x@y"), "{one:?}");
        assert!(!one.subject.contains(['\r', '\n']) && one.subject.chars().count() <= 120);
        assert!(one.body.starts_with("2027-01-15T08:00:00Z  Alarm: ") && one.body.lines().count() == 1, "{one:?}");
        let two = Text::of(&[&notice(true, "hall"), &notice(false, "hall")], "box.lan", Language::German);
        assert_eq!(two.subject, "[box.lan] Alarme: 2");
        assert!(two.body.contains("Z  Alarm: ") && two.body.contains("Z  Alarm vorbei: "), "{two:?}");
    }

    #[test]
    fn alarms_begin_and_end() {
        let at = Timestamp::from_secs(1_800_000_000);
        let reason = Reason::PoolExhausted { network: "office".into() };
        let begins = Notice::Alarm { at, begins: true, reason: reason.clone() };
        assert!(begins.syslog("b").starts_with("<129>1 ") && begins.syslog("b").contains("Alarm: "));
        assert_eq!(begins.json("b")["kind"], "alarm");
        let over = Notice::Alarm { at, begins: false, reason };
        assert_eq!(
            (over.json("b")["kind"].clone(), over.json("b")["code"].clone()),
            ("alarm-over".into(), "dhcp.pool-exhausted".into())
        );
    }
}
