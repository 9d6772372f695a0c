//! PURE. What attributes are called. Two generations of names live side by side, and which platform wants which is
//! written down nowhere: the operator says so, and may name each one exactly as their platform lists it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::push::Push;
use crate::model::Secret;
use crate::partners::bria::Account;

/// Which names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generation {
    /// `account1.…`
    #[default]
    First,
    /// `account1Sip.…`
    Second,
}

/// Something that an attribute says of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// SIP user.
    User,
    /// SIP password.
    Password,
    /// Name for Digest.
    AuthUser,
    /// Name shown to others.
    Display,
    /// SIP domain.
    Domain,
    /// What the app calls the account.
    Label,
    /// Whether the app is woken.
    PushEnabled,
    /// How the registration is shared.
    PushMode,
    /// Where the push servers reach the SIP server.
    PushProxy,
    /// Whether the push server stands in for the app's NAT.
    PushNat,
    /// Seconds between registrations of the push server.
    PushRefresh,
    /// Whether the push server says "ringing".
    PushRinging,
}

impl Field {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 12] = [
        Self::Label,
        Self::User,
        Self::Password,
        Self::AuthUser,
        Self::Display,
        Self::Domain,
        Self::PushEnabled,
        Self::PushMode,
        Self::PushProxy,
        Self::PushNat,
        Self::PushRefresh,
        Self::PushRinging,
    ];

    /// Its usual name, with `N` for the number of the account; `None` where that generation has no such attribute.
    fn usual(self, generation: Generation) -> Option<&'static str> {
        use Generation::{First, Second};
        Some(match (self, generation) {
            (Self::User, First) => "accountN.credentials.username",
            (Self::User, Second) => "accountNSip.credentials.username",
            (Self::Password, First) => "accountN.credentials.password",
            (Self::Password, Second) => "accountNSip.credentials.password",
            (Self::AuthUser, First) => return None,
            (Self::AuthUser, Second) => "accountNSip.credentials.authorizationName",
            (Self::Display, First) => return None,
            (Self::Display, Second) => "accountNSip.credentials.displayName",
            (Self::Domain, First) => "accountN.credentials.domain",
            (Self::Domain, Second) => "accountNSip.domain",
            (Self::Label, First) => "accountN.accountName",
            (Self::Label, Second) => "accountNSip.accountName",
            (Self::PushEnabled, First) => "accountN.briaPush.enabled",
            (Self::PushEnabled, Second) => "accountNSip.briaPush.enabled",
            (Self::PushMode, First) => "accountN.briaPush.RegistrationMode",
            (Self::PushMode, Second) => "accountNSip.briaPush.RegistrationMode",
            (Self::PushProxy, First) => "accountN.briaPush.OutboundProxy",
            (Self::PushProxy, Second) => "accountNSip.briaPush.OutboundProxy",
            (Self::PushNat, First) => "accountN.briaPush.NATEmulation",
            (Self::PushNat, Second) => "accountNSip.briaPush.NATEmulation",
            (Self::PushRefresh, First) => "accountN.briaPush.RegistrationRefresh",
            (Self::PushRefresh, Second) => "accountNSip.briaPush.RegistrationRefresh",
            (Self::PushRinging, First) => "accountN.push.AutoSend180",
            (Self::PushRinging, Second) => "accountNSip.push.AutoSend180",
        })
    }
}

/// Names as an operator has set them: with `N` where the number of the account stands.
pub(super) type Names = BTreeMap<Field, String>;

/// The most accounts that have attributes.
pub(super) const ACCOUNTS: usize = 5;

/// An attribute with its value, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What the platform calls it.
    pub name: String,
    /// Its value.
    pub value: Secret,
}

/// The name of a field of account `number` (1 to 5).
pub(super) fn name(field: Field, number: usize, generation: Generation, names: &Names) -> Option<String> {
    let pattern = names.get(&field).map(String::as_str).or_else(|| field.usual(generation))?;
    // Of several N the first one is the number: "accountN.briaPush.NATEmulation".
    Some(pattern.replacen('N', &number.to_string(), 1)).filter(|name| !name.is_empty())
}

/// Whether an operator's name can be one.
pub(super) fn is_name(name: &str) -> bool {
    name.is_empty() || name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// What an account is, as attributes of its user.
pub(super) fn of_account(account: &Account, number: usize, generation: Generation, names: &Names) -> Vec<Attribute> {
    let said = |field: Field| -> Option<Secret> {
        let plain = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Secret::new);
        match field {
            Field::User => plain(&account.user),
            Field::Password => Some(account.password.clone()),
            Field::AuthUser => plain(&account.auth_user),
            Field::Display => plain(&account.display),
            Field::Domain => plain(&account.domain),
            Field::Label => plain(&account.label),
            _ => None,
        }
    };
    collect(said, number, generation, names)
}

/// The push settings, as attributes of a profile.
pub(super) fn of_push(push: &Push, number: usize, generation: Generation, names: &Names) -> Vec<Attribute> {
    let flag = |on: bool| Secret::new(if on { "1" } else { "0" });
    let said = |field: Field| -> Option<Secret> {
        match field {
            Field::PushEnabled => Some(flag(push.enabled)),
            _ if !push.enabled => None,
            Field::PushMode => Some(Secret::new(push.mode.number().to_string())),
            Field::PushProxy => Some(push.outbound_proxy.as_str()).filter(|proxy| !proxy.is_empty()).map(Secret::new),
            Field::PushNat => Some(flag(push.nat_emulation)),
            Field::PushRefresh => {
                Some(push.registration_refresh).filter(|s| *s > 0).map(|seconds| Secret::new(seconds.to_string()))
            }
            Field::PushRinging => Some(flag(push.auto_send_180)),
            _ => None,
        }
    };
    collect(said, number, generation, names)
}

fn collect(
    said: impl Fn(Field) -> Option<Secret>,
    number: usize,
    generation: Generation,
    names: &Names,
) -> Vec<Attribute> {
    let attribute =
        |field: Field| Some(Attribute { name: name(field, number, generation, names)?, value: said(field)? });
    Field::ALL.into_iter().filter_map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partners::stretto::Mode;

    fn pairs(attributes: &[Attribute]) -> Vec<(&str, &str)> {
        attributes.iter().map(|attribute| (attribute.name.as_str(), attribute.value.expose())).collect()
    }

    fn push() -> Push {
        Push {
            enabled: true,
            mode: Mode::Continuous,
            outbound_proxy: "sbc.example.com:5061".into(),
            registration_refresh: 600,
            auto_send_180: true,
            ..Push::default()
        }
    }

    /// Names as they were seen in the field, written down here by hand.
    #[test]
    fn both_generations_are_called_as_they_were_seen() {
        let account = Account::sample(1);
        assert_eq!(
            pairs(&of_account(&account, 1, Generation::First, &Names::new())),
            [
                ("account1.accountName", "Office 1"),
                ("account1.credentials.username", "201"),
                ("account1.credentials.password", "a-password"),
                ("account1.credentials.domain", "pbx.example.net"),
            ]
        );
        assert_eq!(
            pairs(&of_account(&account, 2, Generation::Second, &Names::new())),
            [
                ("account2Sip.accountName", "Office 1"),
                ("account2Sip.credentials.username", "201"),
                ("account2Sip.credentials.password", "a-password"),
                ("account2Sip.credentials.authorizationName", "auth-201"),
                ("account2Sip.credentials.displayName", "Ann Example"),
                ("account2Sip.domain", "pbx.example.net"),
            ]
        );
        assert_eq!(
            pairs(&of_push(&push(), 1, Generation::First, &Names::new())),
            [
                ("account1.briaPush.enabled", "1"),
                ("account1.briaPush.RegistrationMode", "2"),
                ("account1.briaPush.OutboundProxy", "sbc.example.com:5061"),
                ("account1.briaPush.NATEmulation", "0"),
                ("account1.briaPush.RegistrationRefresh", "600"),
                ("account1.push.AutoSend180", "1"),
            ]
        );
    }

    #[test]
    fn an_operator_names_them_as_the_platform_does() {
        let names = Names::from([
            (Field::PushEnabled, "bria.push.enabled".to_owned()),
            (Field::PushProxy, "AccountNSip.briaPush.OutboundProxy".to_owned()),
            (Field::PushNat, String::new()),
        ]);
        let made = of_push(&push(), 3, Generation::First, &names);
        let made: Vec<&str> = made.iter().map(|attribute| attribute.name.as_str()).collect();
        assert!(made.contains(&"bria.push.enabled") && made.contains(&"Account3Sip.briaPush.OutboundProxy"));
        assert!(!made.iter().any(|name| name.contains("NATEmulation")), "an empty name leaves it out");
        assert!(is_name("accountN.x-y_z") && !is_name("a b") && !is_name("a&b=c"));
        let off = of_push(&Push { enabled: false, ..push() }, 1, Generation::First, &Names::new());
        assert_eq!(pairs(&off), [("account1.briaPush.enabled", "0")]);
    }
}
