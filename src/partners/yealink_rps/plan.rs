//! PURE. What the service says about each phone, and what is to be done about it.

use std::collections::BTreeMap;

use crate::model::Mac;

/// Whose a phone is at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody's.
    Free,
    /// This account's, and where it sends the phone.
    Ours {
        /// Where; `None` when neither the service says it nor this box has sent it there.
        url: Option<String>,
        /// What the service calls the entry, where it has a name for it.
        entry: Option<String>,
    },
    /// Another account's: its owner has to let it go, or the maker.
    Theirs,
}

/// One change at the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Registers a phone.
    Register(Mac),
    /// Sends a phone of this account elsewhere.
    Update {
        /// The phone.
        mac: Mac,
        /// What the service calls its entry.
        entry: Option<String>,
    },
    /// Takes a phone out again.
    Remove(Mac),
}

/// What is to be done so that all of these phones are sent to `url`, or with `removal` none of them anywhere.
pub fn plan(claims: &BTreeMap<Mac, Claim>, url: &str, removal: bool) -> Vec<Step> {
    let step = |(mac, claim): (&Mac, &Claim)| match (claim, removal) {
        (Claim::Free, false) => Some(Step::Register(*mac)),
        (Claim::Ours { url: there, entry }, false) if there.as_deref() != Some(url) => {
            Some(Step::Update { mac: *mac, entry: entry.clone() })
        }
        (Claim::Ours { .. }, true) => Some(Step::Remove(*mac)),
        _ => None,
    };
    claims.iter().filter_map(step).collect()
}

impl Step {
    /// What it does, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Register(mac) => format!("register {mac}"),
            Self::Update { mac, .. } => format!("send {mac} to this box"),
            Self::Remove(mac) => format!("take {mac} out"),
        }
    }
}

impl Claim {
    /// Whose it is, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Free => "is nobody's there, as far as the service tells".into(),
            Self::Ours { url: Some(url), .. } => format!("is this account's, and is sent to {url}"),
            Self::Ours { url: None, .. } => "is this account's".into(),
            Self::Theirs => "is claimed by somebody else: its former owner has to let it go, or the maker".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_done() {
        let mac = |number| Mac::new([0x80, 0x5e, 0xc0, 0, 0, number]);
        let ours = |url: &str| Claim::Ours { url: Some(url.into()), entry: Some("e".into()) };
        let claims = BTreeMap::from([
            (mac(1), Claim::Free),
            (mac(2), ours("https://box/p/")),
            (mac(3), ours("https://old/p/")),
            (mac(4), Claim::Theirs),
            (mac(5), Claim::Ours { url: None, entry: None }),
        ]);
        let expected = [
            Step::Register(mac(1)),
            Step::Update { mac: mac(3), entry: Some("e".into()) },
            Step::Update { mac: mac(5), entry: None },
        ];
        assert_eq!(plan(&claims, "https://box/p/", false), expected);
        let removal = [2, 3, 5].map(|number| Step::Remove(mac(number)));
        assert_eq!(plan(&claims, "https://box/p/", true), removal);
    }
}
