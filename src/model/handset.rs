use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A cordless handset of a DECT base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Handset {
    /// Place at the base, from 1.
    pub number: u16,
    /// Identity of the handset (IPEI), where it is known: only this one may then take the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ipei: Option<Box<str>>,
    /// Name on its screen.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub name: Box<str>,
    /// The lines that it rings for and may use, from 1; the first is its usual one.
    pub lines: Vec<u8>,
}

impl Handset {
    /// The most handsets of one base.
    pub const MOST: usize = 250;

    /// Whether place, identity and texts are within bounds.
    pub fn is_sound(&self) -> bool {
        let ipei = |text: &str| (10..=13).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        self.number > 0
            && usize::from(self.number) <= Self::MOST
            && self.ipei.as_deref().is_none_or(ipei)
            && self.name.len() <= 64
            && !self.name.chars().any(char::is_control)
            && self.lines.len() <= 16
            && self.lines.iter().all(|line| *line > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept() {
        let handset = Handset { number: 1, ipei: Some("0281234567890".into()), name: "Hall".into(), lines: vec![1] };
        assert!(handset.is_sound());
        assert!(!Handset { number: 0, ..handset.clone() }.is_sound());
        assert!(!Handset { ipei: Some("028-1".into()), ..handset.clone() }.is_sound());
        assert!(!Handset { name: "a\nb".into(), ..handset.clone() }.is_sound());
        assert!(!Handset { lines: vec![0], ..handset }.is_sound());
    }
}
