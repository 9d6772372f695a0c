//! PURE. The push settings, as one form, and what keeps them from working.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// How the app and the maker's push servers share the registration at the SIP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// App and push server register in turn, each with a contact of its own.
    #[default]
    Standard,
    /// As one device: one contact for both.
    SingleDeviceEmulation,
    /// The push server stays registered all the time, beside the app.
    Continuous,
    /// One device, which whoever registers last takes over.
    SingleDeviceTakeover,
}

impl Mode {
    /// Its number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Standard => 0,
            Self::SingleDeviceEmulation => 1,
            Self::Continuous => 2,
            Self::SingleDeviceTakeover => 3,
        }
    }

    /// How many registrations of one account the SIP server must allow for it.
    pub fn needs(self) -> Registrations {
        match self {
            Self::Standard | Self::Continuous => Registrations::Many,
            Self::SingleDeviceEmulation | Self::SingleDeviceTakeover => Registrations::One,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard (0)",
            Self::SingleDeviceEmulation => "single device emulation (1)",
            Self::Continuous => "continuous (2)",
            Self::SingleDeviceTakeover => "single device takeover (3)",
        })
    }
}

/// How many registrations of one account the SIP server allows at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registrations {
    /// Several.
    #[default]
    Many,
    /// One: a new one takes the place of the old.
    One,
}

/// The form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Push {
    /// Whether the app sleeps and is woken.
    pub enabled: bool,
    /// How the registration is shared.
    pub mode: Mode,
    /// What the SIP server allows; the mode must agree.
    pub registrations: Registrations,
    /// Public address of the SIP server for the push servers alone, with or without a port; the app uses the domain.
    pub outbound_proxy: String,
    /// Whether the push server answers as if behind the app's NAT.
    pub nat_emulation: bool,
    /// Seconds between registrations of the push server; 0 leaves it to the platform.
    pub registration_refresh: u32,
    /// Whether the push server says "ringing" to the caller while the app wakes.
    pub auto_send_180: bool,
}

/// What keeps push from working, or may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The push servers, on the Internet, cannot reach the SIP server.
    #[error("the SIP domain {domain} is private, and no public outbound proxy is set: no push can ever arrive")]
    PrivateDomain {
        /// The domain.
        domain: String,
    },
    /// Nor can they reach this.
    #[error("the outbound proxy {proxy} is private: the push servers are on the Internet and cannot reach it")]
    PrivateProxy {
        /// The proxy.
        proxy: String,
    },
    /// The mode makes several registrations, and the server allows one.
    #[error(
        "{mode} makes several registrations of an account, and the SIP server allows one: take {} or {}",
        Mode::SingleDeviceEmulation,
        Mode::SingleDeviceTakeover
    )]
    ModeNeedsMany {
        /// The mode.
        mode: Mode,
    },
    /// The mode is for servers that allow one, and this one allows several: calls would ring twice.
    #[error(
        "{mode} is for SIP servers that allow one registration, and this one allows several: take {} or {}",
        Mode::Standard,
        Mode::Continuous
    )]
    ModeNeedsOne {
        /// The mode.
        mode: Mode,
    },
    /// Out of range.
    #[error("{seconds} seconds between registrations: it is 60 to 86400, or 0 to leave it to the platform")]
    RefreshOutOfRange {
        /// What is set.
        seconds: u32,
    },
    /// No host and port.
    #[error("\"{text}\" is no host name or address with an optional port from 1 to 65535, as in sbc.example.com:5061")]
    BadAddress {
        /// What is set.
        text: String,
    },
}

impl Warning {
    /// Its stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PrivateDomain { .. } => "private-domain",
            Self::PrivateProxy { .. } => "private-proxy",
            Self::ModeNeedsMany { .. } => "mode-needs-many",
            Self::ModeNeedsOne { .. } => "mode-needs-one",
            Self::RefreshOutOfRange { .. } => "refresh-out-of-range",
            Self::BadAddress { .. } => "bad-address",
        }
    }

    /// Whether what it is about cannot be sent at all.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::RefreshOutOfRange { .. } | Self::BadAddress { .. })
    }
}

impl Push {
    /// What keeps these settings from working with accounts of these SIP domains.
    pub fn check<'a>(&self, domains: impl IntoIterator<Item = &'a str>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let proxy = self.outbound_proxy.as_str();
        let proxy_host = host_of(proxy);
        if !proxy.is_empty() && proxy_host.is_none() {
            warnings.push(Warning::BadAddress { text: proxy.chars().take(80).collect() });
        }
        if self.registration_refresh != 0 && !(60..=86_400).contains(&self.registration_refresh) {
            warnings.push(Warning::RefreshOutOfRange { seconds: self.registration_refresh });
        }
        let mut domains: Vec<&str> = domains.into_iter().collect();
        domains.sort_unstable();
        domains.dedup();
        for domain in &domains {
            match host_of(domain) {
                None => warnings.push(Warning::BadAddress { text: domain.chars().take(80).collect() }),
                Some(host) if self.enabled && proxy.is_empty() && is_private(host) => {
                    warnings.push(Warning::PrivateDomain { domain: (*domain).to_owned() });
                }
                Some(_) => {}
            }
        }
        if !self.enabled {
            return warnings;
        }
        if proxy_host.is_some_and(is_private) {
            warnings.push(Warning::PrivateProxy { proxy: proxy.to_owned() });
        }
        match (self.mode.needs(), self.registrations) {
            (Registrations::Many, Registrations::One) => warnings.push(Warning::ModeNeedsMany { mode: self.mode }),
            (Registrations::One, Registrations::Many) => warnings.push(Warning::ModeNeedsOne { mode: self.mode }),
            _ => {}
        }
        warnings
    }
}

/// The host of `host`, `host:port` or `[address]:port`; `None` when it is none of them.
fn host_of(text: &str) -> Option<&str> {
    let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0);
    let is_name = |host: &str| {
        let label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        host.len() <= 253 && host.trim_end_matches('.').split('.').all(label)
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let fits = after.is_empty() || after.strip_prefix(':').is_some_and(port);
        return (fits && address.parse::<std::net::Ipv6Addr>().is_ok()).then_some(address);
    }
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some(text);
    }
    let (host, fits) = match text.split_once(':') {
        Some((host, digits)) => (host, port(digits)),
        None => (text, true),
    };
    (fits && is_name(host)).then_some(host)
}

/// Whether a host cannot be reached from the Internet, by its address or by its name.
fn is_private(host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_unspecified()
                    // Carrier-grade NAT (RFC 6598).
                    || a == 100 && (64..128).contains(&b)
            }
            IpAddr::V6(v6) => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.segments()[0] & 0xfe00 == 0xfc00
                    || v6.segments()[0] & 0xffc0 == 0xfe80
            }
        };
    }
    const PRIVATE: [&str; 9] =
        [".local", ".lan", ".internal", ".intranet", ".corp", ".home", ".home.arpa", ".localdomain", ".private"];
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.') || PRIVATE.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push() -> Push {
        Push { enabled: true, outbound_proxy: "sbc.example.com:5061".into(), ..Push::default() }
    }

    fn codes(push: &Push, domain: &str) -> Vec<&'static str> {
        push.check([domain]).iter().map(Warning::code).collect()
    }

    #[test]
    fn every_rule_broken_once_gives_its_warning() {
        assert_eq!(codes(&push(), "pbx.branch.local"), Vec::<&str>::new());
        assert_eq!(codes(&Push { outbound_proxy: String::new(), ..push() }, "10.0.0.5:5060"), ["private-domain"]);
        assert_eq!(codes(&Push { outbound_proxy: "192.168.1.9".into(), ..push() }, "10.0.0.5"), ["private-proxy"]);
        let one = Push { registrations: Registrations::One, ..push() };
        assert_eq!(codes(&one, "pbx.example.com"), ["mode-needs-many"]);
        assert_eq!(codes(&Push { mode: Mode::Continuous, ..one.clone() }, "pbx.example.com"), ["mode-needs-many"]);
        for mode in [Mode::SingleDeviceEmulation, Mode::SingleDeviceTakeover] {
            assert_eq!(codes(&Push { mode, ..push() }, "pbx.example.com"), ["mode-needs-one"]);
            assert_eq!(codes(&Push { mode, ..one.clone() }, "pbx.example.com"), Vec::<&str>::new());
        }
        assert_eq!(codes(&Push { registration_refresh: 59, ..push() }, "pbx.example.com"), ["refresh-out-of-range"]);
        assert_eq!(
            codes(&Push { registration_refresh: 86_401, ..push() }, "pbx.example.com"),
            ["refresh-out-of-range"]
        );
        for proxy in
            ["sbc.example.com:0", "sbc.example.com:65536", "sbc.example.com:+80", "sbc example", "sip:sbc", "a::b::c"]
        {
            let push = Push { outbound_proxy: proxy.into(), ..push() };
            assert_eq!(codes(&push, "pbx.example.com"), ["bad-address"], "{proxy}");
        }
        assert_eq!(codes(&Push::default(), "10.0.0.5"), Vec::<&str>::new(), "nothing is woken, nothing can fail");
    }

    #[test]
    fn private_is_what_the_internet_cannot_reach() {
        for host in [
            "10.1.2.3",
            "172.31.0.1",
            "192.168.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "pbx",
            "PBX.Branch.LOCAL",
            "pbx.home.arpa",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "pbx.example.com", "local.example.com"] {
            assert!(!is_private(host), "{host}");
        }
        for (text, host) in [("[2001:db8::1]:5061", "2001:db8::1"), ("2001:db8::1", "2001:db8::1"), ("a.b:5060", "a.b")]
        {
            assert_eq!(host_of(text), Some(host));
        }
    }

    #[test]
    fn warnings_say_what_to_do() {
        let broken = Push { registrations: Registrations::One, outbound_proxy: String::new(), ..push() };
        for warning in broken.check(["10.0.0.5"]) {
            let text = warning.to_string();
            assert!(text.len() > 40 && !text.ends_with('.'), "{text}");
        }
        let modes = [Mode::Standard, Mode::SingleDeviceEmulation, Mode::Continuous, Mode::SingleDeviceTakeover];
        assert_eq!(modes.map(Mode::number), [0, 1, 2, 3]);
    }
}
