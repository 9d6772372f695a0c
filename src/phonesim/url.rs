use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::Fault;

/// A URL that the phone can fetch: `http` or `https`, with an IP address as its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    pub(super) host: IpAddr,
    pub(super) port: u16,
    /// Begins with `/`.
    pub(super) path: String,
    /// User and password in front of the host \[facts\].
    pub(super) login: Option<(String, String)>,
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let bad = |why| Fault::BadUrl { url: text.chars().take(200).collect(), why };
        let (scheme, rest) = text
            .split_once("://")
            // A bare host means TFTP to these phones [facts].
            .ok_or_else(|| bad("there is no http:// or https:// in front, so the phone would try TFTP"))?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(bad("only http:// and https:// are known to this phone")),
        };
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(bad("it holds a space, a control character or a letter beyond ASCII"));
        }
        let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                (Some((user.to_owned(), password.to_owned())), place)
            }
            None => (None, authority),
        };
        let usual = if tls { 443 } else { 80 };
        let (host, port) = match place.parse::<SocketAddr>() {
            Ok(address) => (address.ip(), address.port()),
            Err(_) => {
                let bare = place.strip_prefix('[').and_then(|place| place.strip_suffix(']')).unwrap_or(place);
                (bare.parse().map_err(|_| bad("its host is not an IP address, and this phone has no DNS"))?, usual)
            }
        };
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { tls, host, port, path, login })
    }

    /// The URL of a file in the folder that this is the URL of, or of a file named by a URL of its own.
    pub(super) fn file(&self, name: &str) -> Result<Self, Fault> {
        if name.contains("://") {
            return Self::parse(name);
        }
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        Ok(Self { path: format!("{}{slash}{name}", self.path), ..self.clone() })
    }

    /// Where a redirect from here leads.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, Fault> {
        if location.starts_with('/') {
            return Ok(Self { path: location.to_owned(), ..self.clone() });
        }
        Self::parse(location)
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// As it stands in a Host header: the port is left out where it is the scheme's own (RFC 9110 section 7.2).
    pub(super) fn authority(&self) -> String {
        let host = match self.host {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        if self.port == if self.tls { 443 } else { 80 } { host } else { format!("{host}:{}", self.port) }
    }

    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(&self.path)
    }
}

impl fmt::Display for Url {
    /// Without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "https" } else { "http" }, self.authority(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_option_66_holds() {
        let url = Url::parse("http://10.66.0.1/p/").unwrap();
        assert_eq!(url.address(), "10.66.0.1:80".parse().unwrap());
        assert_eq!(url.file("a.cfg").unwrap().to_string(), "http://10.66.0.1/p/a.cfg");
        let url = Url::parse("https://me:se:cret@[fd66::1]:8443").unwrap();
        assert_eq!(url.login, Some(("me".into(), "se:cret".into())));
        assert_eq!(url.file("a.cfg").unwrap().to_string(), "https://[fd66::1]:8443/a.cfg");
        assert_eq!(url.redirected("/x?y=1").unwrap().to_string(), "https://[fd66::1]:8443/x?y=1");
        assert_eq!(Url::parse("https://10.66.0.1").unwrap().file("a").unwrap().path, "/a");
        assert_eq!(url.file("http://10.0.0.1:81/b.cfg").unwrap().authority(), "10.0.0.1:81");
    }

    #[test]
    fn says_what_is_wrong_with_others() {
        let wrong = [
            ("10.66.0.1", "TFTP"),
            ("ftp://10.66.0.1/", "only http"),
            ("http://box.local/", "no DNS"),
            ("http://10.66.0.1/a b", "space"),
            ("http://10.66.0.1:99999/", "no DNS"),
        ];
        for (text, why) in wrong {
            let fault = Url::parse(text).unwrap_err().to_string();
            assert!(fault.contains(why), "{text}: {fault}");
        }
    }
}
