//! What the store holds for it: the administrator's settings, and as secrets the app's password and each phone's part.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::configuration::Configuration;
use super::map::Owner;
use super::settings::Settings;
use crate::model::{Id, Mac, Phone, Secret};
use crate::store::{Store, Write};

/// Setting with the administrator's [`Settings`].
const SETTINGS: &str = "innovaphone.settings";
/// Secret with the app's password at the PBX.
const PASSWORD: &str = "innovaphone.password";
/// Beginning of the secrets that hold a phone's part each.
const PHONE: &str = "innovaphone.phone.";

/// What is kept of one phone: all of it encrypted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Where it connects.
    pub(super) devices: String,
    /// What Devices knows it by, once it was taken.
    #[serde(serialize_with = "expose", deserialize_with = "keep")]
    pub(super) password: Option<Secret>,
    /// What administrators of the device sign in with, where Devices deploys that.
    #[serde(serialize_with = "expose", deserialize_with = "keep")]
    pub(super) admin_password: Option<Secret>,
    user: String,
    name: String,
    #[serde(serialize_with = "expose", deserialize_with = "keep")]
    user_password: Option<Secret>,
    hwid: String,
    domain: String,
    host: String,
    /// The last one that was whole.
    pub(super) configuration: Configuration,
    /// The phone of the list that it is on, once it is on one.
    #[serde(default)]
    pub(super) phone: Option<Id>,
}

fn expose<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(to)
}

fn keep<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}

impl Kept {
    /// Of a phone that is asked for now.
    pub(super) fn new(devices: String, owner: Owner) -> Self {
        Self {
            devices,
            password: None,
            admin_password: None,
            user: owner.user,
            name: owner.name,
            user_password: Some(owner.password),
            hwid: owner.hwid,
            domain: owner.domain,
            host: owner.host,
            configuration: Configuration::default(),
            phone: None,
        }
    }

    /// Whether this phone of the list is the one that it is on.
    pub(super) fn is_on(&self, phone: &Phone) -> bool {
        match self.phone {
            Some(id) => id == phone.id,
            // As releases before kept it.
            None => !self.configuration.is_empty(),
        }
    }

    /// Whether the phone that it was on is gone: taken off the list, or another device in its place. `listed` is what the
    /// list has with its address now.
    pub(super) fn is_gone(&self, listed: Option<&Phone>) -> bool {
        let was_on_one = self.phone.is_some() || !self.configuration.is_empty();
        was_on_one && !listed.is_some_and(|phone| self.is_on(phone))
    }

    /// Whether it says the same as another, whatever the secrets in it were hidden with each time.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        let bare = |kept: &Self| Self { configuration: Configuration::default(), ..kept.clone() };
        let known = |kept: &Self| kept.configuration.known(&kept.password.clone().unwrap_or_default());
        bare(self) == bare(other) && known(self) == known(other)
    }

    /// Whose phone it is.
    pub(super) fn owner(&self) -> Owner {
        Owner {
            user: self.user.clone(),
            name: self.name.clone(),
            password: self.user_password.clone().unwrap_or_default(),
            hwid: self.hwid.clone(),
            domain: self.domain.clone(),
            host: self.host.clone(),
        }
    }

    pub(super) fn read(store: &Store, mac: Mac) -> Option<Self> {
        let text = store.secret(&key(mac))?;
        // The error may quote what it stumbled over, which is a secret.
        serde_json::from_str(text.expose())
            .inspect_err(|_| tracing::error!(%mac, "what is kept of it cannot be read"))
            .ok()
    }

    pub(super) fn written(&self, mac: Mac) -> Write {
        Write::PutSecret { key: key(mac), value: Secret::new(serde_json::to_string(self).unwrap_or_default()) }
    }
}

/// Forgets a phone's part.
pub(super) fn forgotten(mac: Mac) -> Write {
    Write::DeleteSecret(key(mac))
}

/// The phones of which something is kept.
pub(super) fn phones(store: &Store) -> Vec<Mac> {
    store.secret_names(PHONE).iter().filter_map(|name| name.strip_prefix(PHONE)?.parse().ok()).collect()
}

/// What is set.
pub(super) fn settings(store: &Store) -> Settings {
    store.setting(SETTINGS).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

/// Sets it.
pub(super) fn set(settings: &Settings) -> Write {
    Write::PutSetting { key: SETTINGS.into(), value: serde_json::to_value(settings).unwrap_or_default() }
}

/// The app's password; empty while nobody has set one, and then nobody logs in.
pub(super) fn password(store: &Store) -> Secret {
    store.secret(PASSWORD).unwrap_or_default()
}

/// Sets the app's password.
pub(super) fn set_password(password: Secret) -> Write {
    Write::PutSecret { key: PASSWORD.into(), value: password }
}

fn key(mac: Mac) -> String {
    format!("{PHONE}{}", mac.plain())
}
