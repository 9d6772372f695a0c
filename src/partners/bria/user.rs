//! PURE. Who signs in, and with which SIP accounts.

use std::collections::BTreeMap;

use minijinja::{Value, context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::setting::{Misfit, Setting};
use super::template::ACCOUNTS;
use crate::model::settings::Resolved;
use crate::model::{Id, Line, Secret};

/// Somebody with an account on this box, apart from any phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct User {
    /// Identity, never reused.
    pub id: Id,
    /// What they type into the login dialog; unique, whatever its case.
    pub name: String,
    /// Their password, as an argon2 PHC string.
    #[serde(serialize_with = "expose", deserialize_with = "keep")]
    pub hash: Secret,
    /// Their SIP accounts, the first one first.
    pub accounts: Vec<Account>,
    /// What is set for them alone, by the client's own names.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Licence key for their client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// A SIP account as templates see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    /// What the client calls it.
    pub label: String,
    /// Name shown to those who are called.
    pub display: String,
    /// User part of the address of record.
    pub user: String,
    /// Name for Digest when it differs; else empty.
    #[serde(default)]
    pub auth_user: String,
    /// Digest password.
    #[serde(serialize_with = "expose", deserialize_with = "keep")]
    pub password: Secret,
    /// SIP domain, with its port where that is not the usual one.
    pub domain: String,
    /// Where SIP is sent in place of the domain; else empty.
    #[serde(default)]
    pub proxy: String,
    /// `automatic`, `udp`, `tcp` or `tls`.
    pub transport: String,
    /// Dialled for voice mail; else empty.
    #[serde(default)]
    pub voicemail: String,
}

/// Secrets are written as they are: what is made of this is encrypted as a whole.
fn expose<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

fn keep<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
    String::deserialize(from).map(Secret::new)
}

/// What is wrong with a user as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// The name.
    #[error("a user name has 1 to 64 letters, digits, dots, dashes and underscores, with no @ in it")]
    Name,
    /// No account, or too many.
    #[error("a user has 1 to {ACCOUNTS} accounts")]
    Accounts,
    /// A setting.
    #[error(transparent)]
    Setting(#[from] Misfit),
    /// The licence key.
    #[error("a licence key has 1 to 128 letters, digits and dashes")]
    Licence,
}

impl User {
    /// Whether all of it can be told to a client.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), Wrong> {
        if !is_name(&self.name) {
            return Err(Wrong::Name);
        }
        if !(1..=ACCOUNTS).contains(&self.accounts.len()) {
            return Err(Wrong::Accounts);
        }
        for (name, value) in &self.settings {
            Setting::new(name, value)?;
        }
        let plain = |key: &String| {
            (1..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if self.licence.as_ref().is_some_and(|key| !plain(key)) {
            return Err(Wrong::Licence);
        }
        Ok(())
    }
}

/// Whether somebody can be called so.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

impl Account {
    /// The account of a phone's line; `None` when nothing says which server it has.
    pub fn of_line(line: &Line, inherited: &Resolved<'_>) -> Option<Self> {
        let text = |key: &str| {
            let own = line.settings.get(key).and_then(|value| value.to_text());
            own.or_else(|| inherited.get(key).and_then(|value| value.to_text())).unwrap_or_default()
        };
        let server = if line.server.is_empty() { text("line.server") } else { line.server.clone() };
        let port = line.port.map_or_else(|| text("line.port"), |port| port.to_string());
        let transport = line.transport.map_or_else(|| text("line.transport"), |transport| transport.word().to_owned());
        let proxy = with_port(&text("line.outbound_proxy"), &text("line.outbound_proxy_port"));
        (!server.is_empty()).then(|| Self {
            label: if line.display.is_empty() { line.user.clone() } else { line.display.clone() },
            display: line.display.clone(),
            user: line.user.clone(),
            auth_user: line.auth_user.clone().unwrap_or_default(),
            password: line.password.clone(),
            domain: with_port(&server, &port),
            proxy,
            transport: if transport.is_empty() { "automatic".to_owned() } else { transport },
            voicemail: line.voicemail.clone().unwrap_or_else(|| text("line.voicemail")),
        })
    }

    /// One that templates are tried out with.
    pub(crate) fn sample(number: usize) -> Self {
        Self {
            label: format!("Office {number}"),
            display: "Ann Example".into(),
            user: format!("20{number}"),
            auth_user: format!("auth-20{number}"),
            password: Secret::new("a-password"),
            domain: "pbx.example.net".into(),
            proxy: "sbc.example.net:5060".into(),
            transport: "tls".into(),
            voicemail: "*97".into(),
        }
    }

    pub(super) fn to_value(&self) -> Value {
        context! {
            label => self.label.as_str(),
            display => self.display.as_str(),
            user => self.user.as_str(),
            auth_user => self.auth_user.as_str(),
            password => self.password.expose(),
            domain => self.domain.as_str(),
            proxy => self.proxy.as_str(),
            transport => self.transport.as_str(),
            voicemail => self.voicemail.as_str(),
        }
    }
}

fn with_port(host: &str, port: &str) -> String {
    match (host, port) {
        ("", _) | (_, "") => host.to_owned(),
        _ if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        _ => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Level;
    use crate::model::{Settings, Transport};

    fn line() -> Line {
        Line {
            user: "201".into(),
            auth_user: None,
            password: Secret::new("line-secret"),
            display: "Ann".into(),
            server: String::new(),
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Settings::NONE,
        }
    }

    #[test]
    fn a_line_becomes_an_account_with_what_it_inherits() {
        assert!(Account::of_line(&line(), Resolved::nothing()).is_none(), "nobody says which server");
        let office = Settings::NONE.with("line.server", "pbx.example").unwrap();
        let office = office.with("line.outbound_proxy", "sbc.example").unwrap();
        let office = office.with("line.outbound_proxy_port", "5070").unwrap().with("line.voicemail", "*97").unwrap();
        let inherited = Resolved::of([(Level::Organisation, &office)]);
        let account = Account::of_line(&line(), &inherited).unwrap();
        assert_eq!((account.domain.as_str(), account.proxy.as_str()), ("pbx.example", "sbc.example:5070"));
        assert_eq!((account.transport.as_str(), account.voicemail.as_str()), ("automatic", "*97"));
        let own = Line {
            server: "192.0.2.7".into(),
            port: Some(5061),
            transport: Some(Transport::Tls),
            voicemail: Some("600".into()),
            ..line()
        };
        let account = Account::of_line(&own, &inherited).unwrap();
        assert_eq!((account.domain.as_str(), account.transport.as_str()), ("192.0.2.7:5061", "tls"));
        assert_eq!(account.voicemail, "600");
        assert_eq!(with_port("2001:db8::7", "5060"), "[2001:db8::7]:5060");
    }

    #[test]
    fn what_no_client_could_be_told_is_refused() {
        let user = User {
            id: Id::from_bytes([1; 16]),
            name: "ann".into(),
            hash: Secret::new("$argon2id$"),
            accounts: vec![Account::sample(0)],
            settings: BTreeMap::from([("ui:a:b".into(), "1".into())]),
            licence: Some("ABC-123".into()),
        };
        assert_eq!(user.check(), Ok(()));
        for name in ["", "ann@branch", "a b", "Zoë", &"x".repeat(65)] {
            assert_eq!(User { name: name.into(), ..user.clone() }.check(), Err(Wrong::Name), "{name}");
        }
        assert_eq!(User { accounts: Vec::new(), ..user.clone() }.check(), Err(Wrong::Accounts));
        let settings = BTreeMap::from([("ui:a".to_owned(), "1".to_owned())]);
        assert!(matches!(User { settings, ..user.clone() }.check(), Err(Wrong::Setting(_))));
        assert_eq!(User { licence: Some("a\"b".into()), ..user.clone() }.check(), Err(Wrong::Licence));
        let stored = serde_json::to_string(&user).unwrap();
        assert_eq!(serde_json::from_str::<User>(&stored).unwrap(), user);
        assert!(!format!("{user:?}").contains("a-password"));
    }
}
