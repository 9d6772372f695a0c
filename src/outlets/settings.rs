use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mail::Mail;
use crate::pki::roots;

/// Where news of the box go, and whether phones' own are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Collectors of syslog.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub syslog: Vec<Collector>,
    /// Webhooks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<Hook>,
    /// Where alarms are mailed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<Mail>,
    /// UDP port on which phones' own syslog is taken, usually 514; off without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_log_port: Option<u16>,
    /// Certificate authorities, besides the public ones, that collectors, webhooks and the mail server may have theirs
    /// from; PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
}

/// A collector of syslog (RFC 5424).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collector {
    /// Name or address.
    pub host: String,
    /// Port; without one the usual one of the transport.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How messages travel.
    #[serde(default)]
    pub transport: Transport,
}

/// How syslog travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// A datagram each (RFC 5426).
    #[default]
    Udp,
    /// Octet-counted (RFC 6587 section 3.4.1).
    Tcp,
    /// The same over TLS (RFC 5425).
    Tls,
}

impl Transport {
    /// The port that is registered for it; for TCP, which has none, the one that everybody uses.
    pub const fn usual_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 514,
            Self::Tls => 6514,
        }
    }

    /// Its name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Where JSON is posted; `http` or `https`.
    pub url: String,
    /// Beginnings of the codes of events that it is told of, as `admin.` or `tls.too-old`; none for no events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Whether it is told of alarms that begin and end.
    #[serde(default)]
    pub alarms: bool,
}

impl Settings {
    /// The name of the setting in the store.
    pub(super) const KEY: &'static str = "outlets";
    /// Most collectors, and most webhooks.
    pub const MOST: usize = 8;
    const LONGEST: usize = 512;

    /// Whether these can be used.
    ///
    /// # Errors
    /// The field, and what is wrong with it in a sentence.
    pub fn check(&self) -> Result<(), (String, String)> {
        let wrong = |field: String, what: &str| Err((field, what.to_owned()));
        if self.syslog.len() > Self::MOST {
            return wrong("syslog".into(), "There can be eight collectors.");
        }
        if self.webhooks.len() > Self::MOST {
            return wrong("webhooks".into(), "There can be eight webhooks.");
        }
        for (at, collector) in self.syslog.iter().enumerate() {
            if !is_host(&collector.host) {
                return wrong(format!("syslog.{at}.host"), "This is neither a name nor an address.");
            }
            if collector.port == Some(0) {
                return wrong(format!("syslog.{at}.port"), "A port is 1 to 65535.");
            }
        }
        for (at, hook) in self.webhooks.iter().enumerate() {
            if hook.url.len() > Self::LONGEST || Place::read(&hook.url).is_none() {
                return wrong(format!("webhooks.{at}.url"), "This is no http or https URL without a login in it.");
            }
            if hook.events.iter().any(|code| code.is_empty() || code.len() > 64) || hook.events.len() > 64 {
                return wrong(format!("webhooks.{at}.events"), "Codes of events have 1 to 64 letters, as \"admin.\".");
            }
        }
        if let Some((field, what)) = self.mail.as_ref().and_then(|mail| mail.check().err()) {
            return wrong(format!("mail.{field}"), what);
        }
        if self.phone_log_port == Some(0) {
            return wrong("phone_log_port".into(), "A port is 1 to 65535.");
        }
        roots::client(self.authorities.as_deref())
            .map(drop)
            .map_err(|error| ("authorities".into(), format!("It cannot be used: {error}.")))
    }
}

impl Collector {
    /// Name and transport, by which it is counted.
    pub(super) fn name(&self) -> String {
        format!("{}:{}/{}", self.host, self.at(), self.transport.word())
    }

    pub(super) fn at(&self) -> u16 {
        self.port.unwrap_or(self.transport.usual_port())
    }
}

impl Hook {
    /// Whether it is told of an event with this code.
    pub(super) fn wants(&self, code: &str) -> bool {
        self.events.iter().any(|begins| code.starts_with(begins.as_str()))
    }

    /// The URL without what follows its host, which may be a secret of its owner's.
    pub(super) fn name(&self) -> String {
        Place::read(&self.url).map_or_else(String::new, |place| format!("{}:{}/webhook", place.host, place.port))
    }
}

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) authority: String,
    pub(super) path: String,
}

impl Place {
    pub(super) fn read(url: &str) -> Option<Self> {
        let uri: hyper::Uri = url.parse().ok()?;
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        (!host.is_empty()).then(|| Self { secure, host, port, authority: authority.to_string(), path })
    }
}

pub(super) fn is_host(host: &str) -> bool {
    (1..=253).contains(&host.len()) && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_that_is_wrong() {
        let of = |text: &str| serde_json::from_str::<Settings>(text).unwrap().check().map_err(|(field, _)| field);
        assert_eq!(of("{}"), Ok(()));
        assert_eq!(of(r#"{"syslog":[{"host":"log.lan"},{"host":"10.0.0.1","port":6514,"transport":"tls"}]}"#), Ok(()));
        assert_eq!(of(r#"{"syslog":[{"host":"log lan"}]}"#), Err("syslog.0.host".into()));
        assert_eq!(
            of(r#"{"webhooks":[{"url":"https://a/x"},{"url":"https://u:p@a/x"}]}"#),
            Err("webhooks.1.url".into())
        );
        assert_eq!(of(r#"{"webhooks":[{"url":"file:///etc/passwd"}]}"#), Err("webhooks.0.url".into()));
        assert_eq!(of(r#"{"webhooks":[{"url":"https://a/x","events":[""]}]}"#), Err("webhooks.0.events".into()));
        assert_eq!(of(r#"{"phone_log_port":0}"#), Err("phone_log_port".into()));
        let mail = |more: &str| {
            of(&format!(r#"{{"mail":{{"host":"mx.lan","from":"box@a.example","to":["b@a.example"]{more}}}}}"#))
        };
        assert_eq!(mail(""), Ok(()));
        assert_eq!(mail(r#","login":{"user":"box","password":"secret"}"#), Ok(()));
        assert_eq!(mail(r#","security":"none""#), Ok(()));
        let open = r#","security":"none","login":{"user":"box","password":"secret"}"#;
        assert_eq!(mail(open), Err("mail.login".into()), "no password is sent in the clear");
        assert_eq!(mail(r#","language":"klingon""#), Err("mail.language".into()));
        assert_eq!(of(r#"{"mail":{"host":"mx.lan","from":"box","to":["b@a"]}}"#), Err("mail.from".into()));
        assert_eq!(of(r#"{"mail":{"host":"mx.lan","from":"a@b","to":[]}}"#), Err("mail.to".into()));
        assert_eq!(of(r#"{"mail":{"host":"mx lan","from":"a@b","to":["a@b"]}}"#), Err("mail.host".into()));
        let hostile = r#"{"mail":{"host":"mx.lan","from":"a@b","to":["a@b","c@d>\r\nRCPT TO:<e@f"]}}"#;
        assert_eq!(of(hostile), Err("mail.to.1".into()));
        assert_eq!(of(r#"{"authorities":"x"}"#), Ok(()), "no certificate in it, and none that is wrong");
    }

    #[test]
    fn a_webhook_is_told_of_what_it_asks_for() {
        let hook = Hook {
            url: "https://a:8443/secret".into(),
            events: vec!["admin.".into(), "tls.too-old".into()],
            alarms: true,
        };
        assert!(hook.wants("admin.claimed") && hook.wants("tls.too-old") && !hook.wants("tls.failed"));
        assert_eq!(hook.name(), "a:8443/webhook");
    }
}
