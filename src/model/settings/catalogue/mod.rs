//! Every setting of the neutral model, a file a topic.

mod access;
mod action;
mod analogue;
mod clock;
mod dect;
mod dialling;
mod directory;
mod features;
mod ldap;
mod line;
mod log;
mod network;
mod paging;
mod provisioning;
mod regional;
mod screen;
mod security;
mod sound;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::definition::{Definition, Kind};

/// Settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// The first part of their keys.
    pub name: &'static str,
    /// What they are about.
    pub meaning: &'static str,
    /// The settings.
    pub settings: &'static [Definition],
}

/// All topics, in the order in which they are shown.
pub const TOPICS: [Topic; 18] = [
    Topic {
        name: "regional",
        meaning: "Where the phone stands: language, time and tones.",
        settings: regional::SETTINGS,
    },
    Topic {
        name: "clock",
        meaning: "Where the phone takes the time from, where that is not the box.",
        settings: clock::SETTINGS,
    },
    Topic { name: "network", meaning: "VLANs, quality of service and ports.", settings: network::SETTINGS },
    Topic { name: "log", meaning: "Where the phone sends its log.", settings: log::SETTINGS },
    Topic { name: "access", meaning: "Who may change what on the phone itself.", settings: access::SETTINGS },
    Topic { name: "security", meaning: "What the phone makes of certificates.", settings: security::SETTINGS },
    Topic { name: "screen", meaning: "What the phone shows while nothing happens.", settings: screen::SETTINGS },
    Topic { name: "sound", meaning: "Ringing and loudness.", settings: sound::SETTINGS },
    Topic {
        name: "features",
        meaning: "What users may do, and what the phone does by itself.",
        settings: features::SETTINGS,
    },
    Topic { name: "dialling", meaning: "From digits to a call.", settings: dialling::SETTINGS },
    Topic { name: "paging", meaning: "Announcements to a group by multicast.", settings: paging::SETTINGS },
    Topic {
        name: "line",
        meaning: "How lines reach their server: for lines that do not say it themselves.",
        settings: line::SETTINGS,
    },
    Topic { name: "ldap", meaning: "A directory that the phone searches itself.", settings: ldap::SETTINGS },
    Topic { name: "directory", meaning: "Which phone books are shown.", settings: directory::SETTINGS },
    Topic {
        name: "action",
        meaning: "URLs that the phone fetches when something happens.",
        settings: action::SETTINGS,
    },
    Topic {
        name: "provisioning",
        meaning: "When the phone looks for a new configuration.",
        settings: provisioning::SETTINGS,
    },
    Topic { name: "dect", meaning: "DECT bases.", settings: dect::SETTINGS },
    Topic { name: "analogue", meaning: "Gateways with ports for analogue phones.", settings: analogue::SETTINGS },
];

static BY_KEY: LazyLock<BTreeMap<&'static str, &'static Definition>> =
    LazyLock::new(|| definitions().map(|definition| (definition.key, definition)).collect());

/// Every setting.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    TOPICS.iter().flat_map(|topic| topic.settings)
}

/// The setting of this key.
pub fn definition(key: &str) -> Option<&'static Definition> {
    BY_KEY.get(key).copied()
}

const fn define(key: &'static str, kind: Kind, meaning: &'static str, example: &'static str) -> Definition {
    Definition { key, kind, meaning, example }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_name_their_topic() {
        for topic in TOPICS {
            for definition in topic.settings {
                assert_eq!(definition.topic(), topic.name, "{}", definition.key);
                let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
                assert!(!definition.name().is_empty() && definition.name().bytes().all(plain), "{}", definition.key);
                assert!(!definition.meaning.is_empty() && !definition.example.is_empty(), "{}", definition.key);
            }
        }
        assert_eq!(BY_KEY.len(), definitions().count());
        assert!(definition("regional.language").is_some() && definition("regional.tongue").is_none());
    }
}
