//! PURE. What an administrator sets about the redirection service.

use serde::{Deserialize, Serialize};

/// Which of the service's interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// The oldest: XML-RPC, with user and password.
    XmlRpc,
    /// REST, version 1: an access key, and a signature over each call.
    #[default]
    Rest,
    /// The cloud management service, version 2: a token for a client's name and secret.
    Cloud,
}

/// The account, and what phones are told there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Which interface.
    pub interface: Interface,
    /// Where it is, when that is not the maker's address.
    pub service: Option<String>,
    /// Further authorities that it may have its certificate from; PEM.
    pub authorities: Option<String>,
    /// User, access key or client's name; the secret that belongs to it is kept apart.
    pub account: String,
    /// What the box is called there: at most 20 characters, and nobody else's in the world.
    pub server_name: String,
    /// Where phones find the box, as `https://prov.branch.example/p/`.
    pub url: String,
    /// Whether each phone's own login is left there, too. The service then can ask for the phone's secrets.
    pub logins: bool,
    /// Folder name of the brand whose phones are registered.
    pub brand: Option<String>,
}

impl Settings {
    /// Where the service is.
    pub fn address(&self) -> String {
        let usual = match self.interface {
            Interface::XmlRpc | Interface::Rest => "https://api-dm.yealink.com:8443",
            Interface::Cloud => "https://eu-api.ymcs.yealink.com",
        };
        self.service.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// Whether these can be used.
    ///
    /// # Errors
    /// What is wrong, in a sentence without its full stop.
    pub fn check(&self) -> Result<(), String> {
        let plain = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_graphic());
        if !plain(&self.account, 128) {
            return Err("the account has at most 128 characters and no blank".into());
        }
        if !plain(&self.server_name, 20) {
            return Err("the name of the box there has at most 20 characters and no blank".into());
        }
        let rest = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://")).unwrap_or_default();
        if !self.url.is_empty() && (rest.len() < 2 || !plain(&self.url, 200) || rest.contains('@')) {
            return Err("the address for phones is a URL without a login, as https://prov.branch.example/p/".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_would_not_take_is_refused() {
        let right = Settings {
            account: "key".into(),
            server_name: "branch-7".into(),
            url: "https://a/p/".into(),
            ..Settings::default()
        };
        assert_eq!(right.check(), Ok(()));
        assert!(Settings { server_name: "x".repeat(21), ..right.clone() }.check().is_err());
        assert!(Settings { url: "https://u:p@a/p/".into(), ..right.clone() }.check().is_err());
        assert!(Settings { url: "ftp://a/p/".into(), ..right.clone() }.check().is_err());
        assert_eq!(right.address(), "https://api-dm.yealink.com:8443");
    }
}
