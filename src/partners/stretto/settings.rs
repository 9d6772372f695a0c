//! PURE. What an administrator sets about the tenant.

use serde::{Deserialize, Serialize};

use super::attribute::{Generation, Names, is_name};
use super::push::Push;

/// Which tenant, which group, and what its users get.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the platform, as `https://stretto.example.com`; without one, nothing is written anywhere.
    pub platform: Option<String>,
    /// User of its management interface. Its password is kept apart.
    pub user: String,
    /// Further authorities that the platform may have its certificate from; PEM.
    pub authorities: Option<String>,
    /// Whether the method stands in the query, too, for platforms that read it there.
    pub tunnelled: bool,
    /// The group; users sign in as `user@group`.
    pub group: String,
    /// The profile.
    pub profile: String,
    /// What the platform calls the bundle of a new user, where it wants one.
    pub service_level: Option<String>,
    /// Which names attributes have.
    pub generation: Generation,
    /// Names that differ from those, with `N` for the number of the account; an empty one leaves its attribute out.
    pub names: Names,
    /// The push settings.
    pub push: Push,
    /// Whether clients that sign in at the box are told the push settings, too. Experimental: no document says that
    /// they look for them there.
    pub deliver: bool,
}

impl Settings {
    /// Whether these can be used; what may still keep push from working are warnings of [`Push::check`].
    ///
    /// # Errors
    /// What is wrong, in a sentence without its full stop.
    pub fn check(&self) -> Result<(), String> {
        let is_word = |text: &str, most: usize| {
            text.len() <= most && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if !is_word(&self.group, 128) || !is_word(&self.profile, 64) {
            return Err("group and profile are letters, digits, dots, dashes and underscores".into());
        }
        if self.user.len() > 128 || self.user.chars().any(char::is_control) {
            return Err("the user of the management interface has at most 128 characters".into());
        }
        if self.service_level.as_ref().is_some_and(|level| !is_word(level, 64)) {
            return Err("the service level is one word".into());
        }
        if let Some(wrong) = self.names.values().find(|name| !is_name(name)) {
            return Err(format!("\"{}\" is no name of an attribute", wrong.chars().take(60).collect::<String>()));
        }
        if let Some(error) = self.push.check([]).into_iter().find(super::push::Warning::is_error) {
            return Err(error.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partners::stretto::Field;

    #[test]
    fn what_cannot_be_sent_is_refused() {
        let right = Settings { group: "branch.example".into(), profile: "phones".into(), ..Settings::default() };
        assert_eq!(right.check(), Ok(()));
        assert!(Settings { group: "a b".into(), ..right.clone() }.check().is_err());
        assert!(Settings { names: Names::from([(Field::Domain, "a=b".into())]), ..right.clone() }.check().is_err());
        let push = Push { registration_refresh: 5, ..Push::default() };
        assert!(Settings { push, ..right.clone() }.check().is_err());
        let stored = serde_json::to_value(&right).unwrap();
        assert_eq!(serde_json::from_value::<Settings>(stored).unwrap(), right);
        let named: Settings = serde_json::from_str(r#"{"names":{"push-enabled":"bria.push.enabled"}}"#).unwrap();
        assert_eq!(named.names[&Field::PushEnabled], "bria.push.enabled");
    }
}
