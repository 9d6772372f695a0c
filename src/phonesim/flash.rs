//! What outlasts a power cut: settings, CAs, and which files were applied.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::file::File;
use crate::model::Secret;

/// The flash memory. Each change of it is whole or not at all.
#[derive(Debug, Clone, Default)]
pub(super) struct Flash {
    settings: BTreeMap<String, String>,
    /// Installed CAs, DER.
    pub(super) authorities: Vec<Vec<u8>>,
    /// MD5 of the common and own file that were applied completely \[facts: B1.3\].
    pub(super) applied: Option<[u8; 16]>,
    /// URLs of everything named by a file that was fetched.
    pub(super) fetched: BTreeSet<String>,
    /// Whether the own file that is applied came over verified HTTPS, for a login.
    pub(super) by_login: bool,
}

/// Most CAs of its owner's that the phone takes \[facts: B1.6\].
pub(super) const MOST_AUTHORITIES: usize = 10;

const AUTHORITY_URL: &str = "static.trusted_certificates.url";

impl Flash {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn is_on(&self, key: &str) -> bool {
        self.get(key) == Some("1")
    }

    /// Takes a file's settings over; what it does not name stays as it is.
    pub(super) fn apply(&mut self, file: &File) {
        for (key, value) in &file.settings {
            match value {
                Some(value) => self.settings.insert(key.clone(), value.clone()),
                None => self.settings.remove(key),
            };
        }
    }

    pub(super) fn server_url(&self) -> Option<&str> {
        self.get("static.auto_provision.server.url")
    }

    pub(super) fn login(&self) -> Option<(String, String)> {
        let user = self.get("static.auto_provision.server.username")?;
        let password = self.get("static.auto_provision.server.password")?;
        Some((user.into(), password.into()))
    }

    /// How often the phone looks for new files by itself; never in the factory state \[assumed\].
    pub(super) fn polling(&self) -> Option<Duration> {
        if !self.is_on("static.auto_provision.repeat.enable") {
            return None;
        }
        let minutes: u64 = self.get("static.auto_provision.repeat.minutes")?.parse().ok()?;
        (minutes > 0).then(|| Duration::from_secs(minutes.saturating_mul(60)))
    }

    /// Options that the phone was told to read a URL from, besides 66 and 43 \[facts: B1.1\].
    pub(super) fn custom_options(&self) -> Vec<u8> {
        let list = self.get("static.auto_provision.dhcp_option.list_user_options").unwrap_or_default();
        list.split(',').filter_map(|code| code.trim().parse().ok()).filter(|code| *code >= 128).collect()
    }

    /// What the switches for certificates say, when it is not safe or not enough: in the factory state servers are
    /// checked, and against the built-in CAs alone (0) until a file says custom (1) or all (2)
    /// \[facts: B1.6, "enum meaning LIKELY"; factory value assumed to be the strictest\].
    pub(super) fn trust_fault(&self) -> Option<&'static str> {
        if self.get("static.security.trust_certificates") == Some("0") {
            return Some("static.security.trust_certificates = 0 switches the check of certificates off");
        }
        match self.get("static.security.ca_cert") {
            Some("1" | "2") => None,
            _ => Some("static.security.ca_cert is neither 1 nor 2: installed CAs are not used"),
        }
    }

    /// The accounts that are switched on and have a user and a server.
    pub(super) fn accounts(&self) -> Vec<Account> {
        let numbers: BTreeSet<u16> = self
            .settings
            .keys()
            .filter_map(|key| key.strip_prefix("account.")?.split('.').next()?.parse().ok())
            .collect();
        numbers
            .into_iter()
            .filter_map(|number| {
                let get = |key: &str| self.get(&format!("account.{number}.{key}"));
                (get("enable") == Some("1")).then_some(())?;
                let user = get("user_name")?.to_owned();
                Some(Account {
                    number,
                    auth_user: get("auth_name").unwrap_or(&user).into(),
                    password: Secret::new(get("password").unwrap_or_default()),
                    display: get("display_name").unwrap_or_default().into(),
                    server: get("sip_server.1.address")?.into(),
                    user,
                })
            })
            .collect()
    }

    pub(super) fn holding(&self) -> Holding {
        Holding {
            accounts: self.accounts(),
            authorities: self.authorities.clone(),
            server_url: self.server_url().map(str::to_owned),
            login: self.login().map(|(user, password)| (user, Secret::new(password))),
            polling: self.polling(),
        }
    }
}

/// The CA URLs of a file: one a line, and the key may stand there again \[facts: B1.6\].
pub(super) fn authority_urls(file: &File) -> impl Iterator<Item = &str> {
    values(file, |key| key == AUTHORITY_URL)
}

/// The URLs of everything else that a phone fetches because a file names it \[facts: B1.6, B1.9\].
pub(super) fn resource_urls(file: &File) -> impl Iterator<Item = &str> {
    values(file, |key| {
        matches!(key, "wallpaper_upload.url" | "ringtone.url" | "screensaver.upload_url")
            || key.starts_with("remote_phonebook.data.") && key.ends_with(".url")
            || key.starts_with("custom_softkey_") && key.ends_with(".url")
    })
}

fn values(file: &File, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let named = file.settings.iter().filter(move |(key, _)| wanted(key));
    named.filter_map(|(_, value)| value.as_deref()).filter(|value| !value.is_empty())
}

/// What a phone holds, for comparison with what the box believes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    /// The accounts that are switched on.
    pub accounts: Vec<Account>,
    /// Installed CAs, DER.
    pub authorities: Vec<Vec<u8>>,
    /// The provisioning URL that it learned.
    pub server_url: Option<String>,
    /// The HTTP login that it learned.
    pub login: Option<(String, Secret)>,
    /// How often it looks for its files by itself, in phone time.
    pub polling: Option<Duration>,
}

/// A SIP account that is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number on the phone, from 1.
    pub number: u16,
    /// User part of its address.
    pub user: String,
    /// Name for Digest.
    pub auth_user: String,
    /// Digest password.
    pub password: Secret,
    /// Name shown.
    pub display: String,
    /// SIP server.
    pub server: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phonesim::file::parse;

    fn flash(text: &str) -> Flash {
        let mut flash = Flash::default();
        flash.apply(&parse("a.cfg", format!("#!version:1.0.0.1\n{text}").as_bytes()).unwrap());
        flash
    }

    #[test]
    fn the_factory_state_has_nothing() {
        let flash = Flash::default();
        assert_eq!(flash.login(), None);
        assert_eq!(flash.polling(), None);
        assert!(flash.trust_fault().is_some());
        assert!(flash.accounts().is_empty() && flash.custom_options().is_empty());
    }

    #[test]
    fn acts_on_what_stands_there() {
        let mut flash = flash(
            "static.auto_provision.repeat.enable = 1\nstatic.auto_provision.repeat.minutes = 1440\n\
             static.auto_provision.dhcp_option.list_user_options = 160, 161,7\nstatic.security.ca_cert = 2\n\
             account.1.enable = 1\naccount.1.user_name = 200\naccount.1.sip_server.1.address = pbx\n\
             account.2.enable = 0\naccount.2.user_name = 201\naccount.2.sip_server.1.address = pbx\n\
             account.3.enable = 1\naccount.3.user_name = 202\n",
        );
        assert_eq!(flash.polling(), Some(Duration::from_secs(86_400)));
        assert_eq!(flash.custom_options(), [160, 161]);
        assert_eq!(flash.trust_fault(), None);
        assert_eq!(flash.accounts().iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["200"]);
        flash.apply(&parse("b.cfg", b"#!version:1.0.0.1\naccount.1.enable = %NULL%\n").unwrap());
        assert!(flash.accounts().is_empty());
        assert_eq!(flash.get("account.1.user_name"), Some("200"), "what a file does not name stays");
    }

    #[test]
    fn polling_needs_the_switch_and_a_number() {
        for text in ["static.auto_provision.repeat.minutes = 5", "static.auto_provision.repeat.enable = 1"] {
            assert_eq!(flash(text).polling(), None, "{text}");
        }
        let zero = "static.auto_provision.repeat.enable = 1\nstatic.auto_provision.repeat.minutes = 0";
        assert_eq!(flash(zero).polling(), None);
    }

    #[test]
    fn finds_what_a_file_names() {
        let file = parse(
            "a.cfg",
            b"#!version:1.0.0.1\nstatic.trusted_certificates.url = http://a/1\n\
              static.trusted_certificates.url = http://a/2\nwallpaper_upload.url = http://a/w.jpg\nringtone.url =\n\
              remote_phonebook.data.2.url = http://a/b.xml\nremote_phonebook.data.2.name = http://a/no\n",
        )
        .unwrap();
        assert_eq!(authority_urls(&file).collect::<Vec<_>>(), ["http://a/1", "http://a/2"]);
        assert_eq!(resource_urls(&file).collect::<Vec<_>>(), ["http://a/w.jpg", "http://a/b.xml"]);
    }
}
