//! PURE. What an administrator sets about the app. Whatever the documents leave open has the likeliest value here.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::map::SignIn;
use super::services;
use crate::model::Transport;

/// The app. Off until somebody switches it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Whether anybody is answered.
    pub enabled: bool,
    /// Name of the app: the last part of its URL, `https://<box>/innovaphone/<app>`.
    pub app: String,
    /// What people are shown when they choose who provisions a phone.
    pub title: String,
    /// Networks besides those of the phones from which PBX and users' service may connect.
    pub sources: Vec<Ipv4Net>,
    /// Whether connections without TLS are taken, and made: everything hidden in them can be found by who listens.
    pub plain: bool,
    /// Further authorities that Devices may have its certificate from; PEM.
    pub authorities: Option<String>,
    /// Where phones connect to Devices, when it is not to be asked for: `wss://…/sysclients`.
    pub devices: Option<String>,
    /// Names of the app objects that may bring phones; with none, whoever logged in.
    pub providers: Vec<String>,
    /// Name of the organisation that its phones belong to; the box's first one when left out.
    pub organisation: Option<String>,
    /// What a phone signs in at the PBX with.
    pub sign_in: SignIn,
    /// How SIP travels.
    pub transport: Option<Transport>,
    /// Seconds in which Devices must have configured a phone before it counts as failed.
    pub patience: u32,
    /// Seconds between pings; 0 for none.
    pub ping: u32,
    /// Whether the service is published in the spelling of one sketch of the documents as well.
    pub both_spellings: bool,
    /// Whether a KeepAlive is answered in kind.
    pub answer_keep_alive: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: false,
            app: "block66".into(),
            title: "Block66".into(),
            sources: Vec::new(),
            plain: false,
            authorities: None,
            devices: None,
            providers: Vec::new(),
            organisation: None,
            sign_in: SignIn::default(),
            transport: None,
            patience: 30,
            ping: 30,
            both_spellings: false,
            answer_keep_alive: false,
        }
    }
}

impl Settings {
    /// Whether these can be used.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its full stop.
    pub fn check(&self) -> Result<(), String> {
        let is_name = (1..=64).contains(&self.app.len())
            && self.app.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            return Err("the app's name is 1 to 64 small letters, digits and dashes".into());
        }
        if !(1..=64).contains(&self.title.chars().count()) || self.title.chars().any(char::is_control) {
            return Err("the title has 1 to 64 characters".into());
        }
        if let Some(devices) = &self.devices {
            let base = devices.strip_suffix("/sysclients").unwrap_or_default();
            let known = services::sysclients(&format!("{base}/x")).as_deref() == Some(devices.as_str());
            if !known || devices.starts_with("ws://") && !self.plain {
                return Err("the address for phones is wss://, a host and a path that ends with /sysclients".into());
            }
        }
        if !(5..=300).contains(&self.patience) || self.ping != 0 && !(5..=600).contains(&self.ping) {
            return Err("patience is 5 to 300 seconds, and pings are 5 to 600 seconds apart, or 0".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_refused() {
        let usual = Settings::default();
        assert_eq!(usual.check(), Ok(()));
        let devices = |url: &str| Settings { devices: Some(url.into()), ..Settings::default() };
        assert_eq!(devices("wss://ap.example.com/example.com/devices/sysclients").check(), Ok(()));
        for url in ["https://ap/x/sysclients", "wss://ap/x", "ws://ap/x/sysclients", "wss:///sysclients"] {
            assert!(devices(url).check().is_err(), "{url}");
        }
        assert!(Settings { app: "Block 66".into(), ..usual.clone() }.check().is_err());
        assert!(Settings { title: String::new(), ..usual.clone() }.check().is_err());
        assert!(Settings { patience: 1, ..usual.clone() }.check().is_err());
        let stored = serde_json::to_value(&usual).unwrap();
        assert_eq!(serde_json::from_value::<Settings>(stored).unwrap(), usual);
    }
}
