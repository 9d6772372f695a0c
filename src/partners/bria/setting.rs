//! PURE. A setting as the client names it, and what a value may hold.

use std::fmt;

use super::known;

/// A setting of the client: `domain:section:name` and its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    name: String,
    value: String,
    /// Whether it holds for the session only and is never written to the computer's disk.
    pub in_memory: bool,
}

/// Why a setting cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Not `domain:section:name`.
    #[error("\"{0}\" is no name of a setting: it has three parts, as in proxies:proxy0:username")]
    Name(String),
    /// A name that some guides print and that no client reads.
    #[error("\"{0}\" is a misprint of old guides: the setting is called username")]
    Misprint(String),
    /// A double quote, which nothing can escape.
    #[error("the value of {0} holds a double quote, which this format has no way to write")]
    Quote(String),
    /// A line break or another control character, which would begin another setting.
    #[error("the value of {0} holds a line break or another control character")]
    Control(String),
    /// Longer than any value.
    #[error("the value of {0} is longer than {LONGEST} bytes")]
    TooLong(String),
    /// A value that a setting of this name never has.
    #[error("{name} is {wanted}")]
    Value {
        /// The setting.
        name: String,
        /// What it is.
        wanted: String,
    },
}

/// The longest value, in bytes.
pub(super) const LONGEST: usize = 1024;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 160;

impl Setting {
    /// A setting that can be sent: its name has three parts, its value cannot become another setting, and is one that
    /// the setting can have, where that is known.
    ///
    /// # Errors
    /// The first thing that is wrong. No error repeats the value, which may be a secret.
    pub fn new(name: &str, value: &str) -> Result<Self, Misfit> {
        let part =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./".contains(&b));
        let parts: Vec<&str> = name.split(':').collect();
        let [domain, section, leaf] = parts[..] else { return Err(Misfit::Name(shown(name))) };
        if name.len() > LONGEST_NAME || ![domain, section, leaf].into_iter().all(part) {
            return Err(Misfit::Name(shown(name)));
        }
        if domain == "proxies" && leaf == "user_name" {
            return Err(Misfit::Misprint(name.to_owned()));
        }
        sound(name, value)?;
        if let Some(wanted) = known::misfit(domain, section, leaf, value) {
            return Err(Misfit::Value { name: name.to_owned(), wanted });
        }
        Ok(Self { name: name.to_owned(), value: value.to_owned(), in_memory: false })
    }

    /// The same, for the session only.
    #[must_use]
    pub fn in_memory(self) -> Self {
        Self { in_memory: true, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it is the password of an account.
    pub fn is_account_password(&self) -> bool {
        self.name.starts_with("proxies:") && self.name.ends_with(":password")
    }

    /// The number of the account that it is about.
    pub fn account(&self) -> Option<usize> {
        self.name.strip_prefix("proxies:proxy")?.split(':').next()?.parse().ok()
    }
}

/// Whether a value can stand between double quotes on a line of its own.
pub(super) fn sound(name: &str, value: &str) -> Result<(), Misfit> {
    if value.len() > LONGEST {
        return Err(Misfit::TooLong(shown(name)));
    }
    if value.contains('"') {
        return Err(Misfit::Quote(shown(name)));
    }
    if value.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(Misfit::Control(shown(name)));
    }
    Ok(())
}

/// A name as it may stand in a message.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
}

impl fmt::Debug for Setting {
    /// Any value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=\"••••••\"", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_three_parts() {
        for name in ["proxies:proxy0:username", "feature:auto_update:anything_new", "codecs:g711a:priority"] {
            assert_eq!(Setting::new(name, "1").unwrap().name(), name);
        }
        for name in ["", "a", "a:b", "a:b:c:d", "a::c", "a:b:c d", "a:b:c\"", "a:b:\u{e4}", "a:b:c\r\n"] {
            assert!(matches!(Setting::new(name, "1"), Err(Misfit::Name(_))), "{name:?}");
        }
        let misprint = Setting::new("proxies:proxy0:user_name", "201");
        assert!(matches!(misprint, Err(Misfit::Misprint(_))));
    }

    #[test]
    fn no_value_becomes_another_setting() {
        let misfit = |value: &str| Setting::new("ui:x:y", value).unwrap_err();
        assert!(matches!(misfit("a\"b"), Misfit::Quote(_)));
        for value in ["a\r\nb", "a\nb", "a\0", "\u{2028}", "\u{85}"] {
            assert!(matches!(misfit(value), Misfit::Control(_)), "{value:?}");
        }
        assert!(matches!(misfit(&"x".repeat(LONGEST + 1)), Misfit::TooLong(_)));
        assert_eq!(Setting::new("ui:x:y", "Zoë \\ 'x' = 1; [a]").unwrap().value(), "Zoë \\ 'x' = 1; [a]");
    }

    #[test]
    fn no_value_is_printed() {
        let setting = Setting::new("proxies:proxy0:password", "hunter2").unwrap();
        assert!(!format!("{setting:?}").contains("hunter2"));
        let misfit = Setting::new("proxies:proxy0:password", "hunter2\"").unwrap_err();
        assert!(!format!("{misfit} {misfit:?}").contains("hunter2"));
    }
}
