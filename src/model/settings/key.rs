use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A key that can be given a task: on the phone itself or on an expansion module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// 0 is the phone itself, 1 its first expansion module.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub module: u8,
    /// Place on it, from 1, as the maker counts.
    pub position: u16,
    /// What it does.
    pub kind: KeyKind,
    /// The number it is about, the URL it opens, the tones it plays.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub value: Box<str>,
    /// What stands beside it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub label: Box<str>,
    /// The line it works on, from 1; else the phone's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u8>,
    /// What is dialled to pick up or to park, where that is not the value.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub extension: Box<str>,
}

fn is_zero(module: &u8) -> bool {
    *module == 0
}

impl Key {
    /// The most expansion modules of any phone.
    pub const MOST_MODULES: u8 = 8;
    /// The most keys of a phone or of a module, pages included.
    pub const MOST_POSITIONS: u16 = 200;

    /// Whether place and texts are within bounds.
    pub fn is_sound(&self) -> bool {
        let fits = |text: &str| text.len() <= 256 && !text.chars().any(char::is_control);
        self.module <= Self::MOST_MODULES
            && (1..=Self::MOST_POSITIONS).contains(&self.position)
            && self.line.is_none_or(|line| line > 0)
            && [&self.value, &self.label, &self.extension].into_iter().all(|text| fits(text))
    }

    /// Where it is.
    pub fn place(&self) -> (u8, u16) {
        (self.module, self.position)
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// Nothing: it hides what a level above gave this place.
    None,
    /// Takes and makes calls on a line.
    Line,
    /// Dials.
    SpeedDial,
    /// Shows whether somebody is busy, and dials or picks up.
    Blf,
    /// Shows those of a list that the server keeps.
    BlfList,
    /// Parks a call, or takes it back.
    Park,
    /// Takes a call that rings elsewhere.
    Pickup,
    /// Takes a call that rings in the group.
    GroupPickup,
    /// Forwards calls.
    Forward,
    /// Lets no call through.
    Dnd,
    /// Speaks to somebody whose phone answers by itself.
    Intercom,
    /// Speaks to a multicast group.
    Paging,
    /// Opens the mailbox.
    Voicemail,
    /// Makes a conference.
    Conference,
    /// Transfers a call.
    Transfer,
    /// Holds a call.
    Hold,
    /// Dials the last number again.
    Redial,
    /// Records a call.
    Record,
    /// Opens the phone book.
    Directory,
    /// Searches the LDAP directory.
    Ldap,
    /// Shows past calls.
    History,
    /// Plays tones.
    Dtmf,
    /// Dials these digits and waits for more.
    Prefix,
    /// Fetches a URL and shows nothing.
    Url,
    /// Opens a URL in the phone's XML browser.
    XmlBrowser,
    /// Signs a guest in.
    HotDesking,
    /// Joins or leaves a queue.
    Agent,
    /// Locks the phone.
    Lock,
    /// The brand's own number or word for a task stands in `value`, and what the task is about in `extension`.
    Custom,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 29] = [
        Self::None,
        Self::Line,
        Self::SpeedDial,
        Self::Blf,
        Self::BlfList,
        Self::Park,
        Self::Pickup,
        Self::GroupPickup,
        Self::Forward,
        Self::Dnd,
        Self::Intercom,
        Self::Paging,
        Self::Voicemail,
        Self::Conference,
        Self::Transfer,
        Self::Hold,
        Self::Redial,
        Self::Record,
        Self::Directory,
        Self::Ldap,
        Self::History,
        Self::Dtmf,
        Self::Prefix,
        Self::Url,
        Self::XmlBrowser,
        Self::HotDesking,
        Self::Agent,
        Self::Lock,
        Self::Custom,
    ];

    /// The word for it, as stored and as templates see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Line => "line",
            Self::SpeedDial => "speed-dial",
            Self::Blf => "blf",
            Self::BlfList => "blf-list",
            Self::Park => "park",
            Self::Pickup => "pickup",
            Self::GroupPickup => "group-pickup",
            Self::Forward => "forward",
            Self::Dnd => "dnd",
            Self::Intercom => "intercom",
            Self::Paging => "paging",
            Self::Voicemail => "voicemail",
            Self::Conference => "conference",
            Self::Transfer => "transfer",
            Self::Hold => "hold",
            Self::Redial => "redial",
            Self::Record => "record",
            Self::Directory => "directory",
            Self::Ldap => "ldap",
            Self::History => "history",
            Self::Dtmf => "dtmf",
            Self::Prefix => "prefix",
            Self::Url => "url",
            Self::XmlBrowser => "xml-browser",
            Self::HotDesking => "hot-desking",
            Self::Agent => "agent",
            Self::Lock => "lock",
            Self::Custom => "custom",
        }
    }

    /// The kind of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_is_stored() {
        for kind in KeyKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), serde_json::json!(kind.word()));
            assert_eq!(KeyKind::named(kind.word()), Some(kind));
        }
        assert_eq!(KeyKind::named("blfs"), None);
    }

    #[test]
    fn bounds_are_kept() {
        let key = |module, position, value: &str| Key {
            module,
            position,
            kind: KeyKind::Blf,
            value: value.into(),
            label: "".into(),
            line: None,
            extension: "".into(),
        };
        assert!(key(0, 1, "201").is_sound() && key(8, 200, "").is_sound());
        assert!(!key(9, 1, "").is_sound() && !key(0, 0, "").is_sound() && !key(0, 201, "").is_sound());
        assert!(!key(0, 1, "a\nb").is_sound() && !key(0, 1, &"x".repeat(257)).is_sound());
    }
}
