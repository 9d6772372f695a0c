use serde::{Deserialize, Serialize};

/// A raw setting of one brand, as its own files write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// Folder name of the brand whose phones it is for.
    pub brand: Box<str>,
    /// Name of the setting in the brand's own words.
    pub name: Box<str>,
    /// Its value, as text. It counts as secret.
    pub value: Box<str>,
}

impl Override {
    /// The longest name, in bytes.
    pub const LONGEST_NAME: usize = 128;
    /// The longest value, in bytes.
    pub const LONGEST_VALUE: usize = 1024;

    /// Whether name and value could stand in a file at all: what a brand's format cannot hold is found when a file is
    /// made.
    pub fn is_sound(&self) -> bool {
        Self::is_name(&self.name)
            && self.value.len() <= Self::LONGEST_VALUE
            && !self.value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
    }

    /// Whether this could be the name of a setting: visible ASCII and blanks within, without what ends a name in any
    /// format that has such names.
    pub fn is_name(name: &str) -> bool {
        (1..=Self::LONGEST_NAME).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@[]$% ".contains(&b))
            && !name.ends_with(' ')
            && name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'@' | b'$'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_early() {
        for name in ["account.1.enable", "P271", "voip/line/0/id", "Dial_Plan_1_", "linekey.1.type", "@LineKey_1"] {
            assert!(Override::is_name(name), "{name}");
        }
        for name in ["", "a=b", "a ", " a", "a\"b", "<a", "a>", "a\nb", "#a", ";a", "[a", "-a", "ä", &"x".repeat(129)]
        {
            assert!(!Override::is_name(name), "{name:?}");
        }
        let sound = |value: &str| Override { brand: "b".into(), name: "n".into(), value: value.into() }.is_sound();
        assert!(sound("x = \"y\"") && sound(""));
        assert!(!sound("a\nb = 1") && !sound(&"x".repeat(1025)));
    }
}
