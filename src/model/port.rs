use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A port of a gateway, for an analogue phone or fax machine. What is missing is as the settings of the topic
/// `analogue` say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnaloguePort {
    /// Place on the gateway, from 1.
    pub number: u16,
    /// The line behind it, from 1; without one the port is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u8>,
    /// How the caller's number is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<CallerId>,
    /// How faxes travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax: Option<Fax>,
}

impl AnaloguePort {
    /// The most ports of one gateway.
    pub const MOST: usize = 24;

    /// Whether place and line are within bounds.
    pub fn is_sound(&self) -> bool {
        (1..=Self::MOST).contains(&usize::from(self.number)) && self.line.is_none_or(|line| line > 0)
    }
}

/// How an analogue phone is shown the caller's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallerId {
    /// Not at all.
    Off,
    /// As in North America (GR-30).
    Bellcore,
    /// As in most of Europe (ETSI EN 300 659).
    Etsi,
    /// As tones.
    Dtmf,
    /// As in Japan.
    Ntt,
}

impl CallerId {
    /// The word for it, as stored and as templates see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Bellcore => "bellcore",
            Self::Etsi => "etsi",
            Self::Dtmf => "dtmf",
            Self::Ntt => "ntt",
        }
    }
}

/// How faxes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fax {
    /// Like speech.
    Off,
    /// As data (ITU-T T.38).
    T38,
    /// As sound in an uncompressed codec.
    Passthrough,
}

impl Fax {
    /// The word for it, as stored and as templates see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::T38 => "t38",
            Self::Passthrough => "passthrough",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_is_stored_and_bounds_are_kept() {
        for id in [CallerId::Off, CallerId::Bellcore, CallerId::Etsi, CallerId::Dtmf, CallerId::Ntt] {
            assert_eq!(serde_json::to_value(id).unwrap(), serde_json::json!(id.word()));
        }
        for fax in [Fax::Off, Fax::T38, Fax::Passthrough] {
            assert_eq!(serde_json::to_value(fax).unwrap(), serde_json::json!(fax.word()));
        }
        let port = AnaloguePort { number: 24, line: Some(1), caller_id: None, fax: None };
        assert!(port.is_sound());
        assert!(!AnaloguePort { number: 25, ..port.clone() }.is_sound());
        assert!(!AnaloguePort { line: Some(0), ..port }.is_sound());
    }
}
