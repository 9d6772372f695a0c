//! What may be asked of the steward, and whether it makes sense. PURE: nothing is looked at here but the words.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where bundles lie that were uploaded.
pub const UPDATES: &str = "/var/lib/block66-updates";

/// Longest request, in bytes.
pub const LONGEST: usize = 4096;

/// One of the few things that only root may do. The list is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Tell which version runs, and how the other one is.
    Status {},
    /// Give an interface another address. It is taken back after a minute unless it is confirmed.
    Address {
        /// Name of the interface, as `eth0`.
        interface: String,
        /// What it gets.
        setting: AddressSetting,
    },
    /// Keep the address that is on trial.
    ConfirmAddress {},
    /// Set the clock, in seconds since 1970. Refused while a time server keeps it.
    Time {
        /// The time.
        unix: i64,
    },
    /// Give the box another name.
    HostName {
        /// The name: one label of a host name.
        name: String,
    },
    /// Install a version beside the one that runs.
    Install {
        /// An address to stream it from, or the name of a file among the uploaded ones.
        from: String,
        /// Also when it is older than the one that runs.
        #[serde(default)]
        older: bool,
    },
    /// Start anew.
    Reboot {},
    /// Forget everything but the certificate authority, and start anew.
    FactoryReset {
        /// This box's serial number: then the authority is forgotten, too.
        #[serde(default)]
        wipe_all: Option<String>,
    },
}

/// How an interface gets its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AddressSetting {
    /// From a DHCP server.
    Dhcp,
    /// One that stays.
    Static {
        /// The address with the length of its subnet.
        #[schemars(with = "String")]
        address: Ipv4Net,
        /// Router to the rest of the world.
        gateway: Option<Ipv4Addr>,
        /// Resolvers.
        #[serde(default)]
        dns: Vec<Ipv4Addr>,
    },
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{says}")]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// Stable code.
    pub code: String,
    /// What is wrong, as a sentence.
    pub says: String,
}

impl Refusal {
    /// A refusal with its code.
    pub fn new(code: &str, says: impl Into<String>) -> Self {
        Self { code: code.to_owned(), says: says.into() }
    }
}

impl Request {
    /// Reads a request and checks everything that can be checked without looking at the box.
    ///
    /// # Errors
    /// When it is not one of the known, or asks for nonsense.
    pub fn read(line: &[u8]) -> Result<Self, Refusal> {
        let request: Self = serde_json::from_slice(line)
            .map_err(|error| Refusal::new("malformed", format!("The request cannot be read: {error}.")))?;
        request.check()?;
        Ok(request)
    }

    /// Whether it makes sense.
    ///
    /// # Errors
    /// With what does not.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::Status {} | Self::ConfirmAddress {} | Self::Reboot {} => Ok(()),
            Self::Address { interface, setting } => {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                if interface.is_empty() || interface.len() > 15 || !interface.chars().all(plain) || interface == "lo" {
                    return Err(Refusal::new("interface", format!("\"{interface}\" is no name of an interface.")));
                }
                setting.check()
            }
            // Until 2038 phones count in 31 bits.
            Self::Time { unix } if (1_735_689_600..2_147_483_647).contains(unix) => Ok(()),
            Self::Time { .. } => Err(Refusal::new("time", "That time is not in this age.")),
            Self::HostName { name } if is_label(name) => Ok(()),
            Self::HostName { name } => Err(Refusal::new(
                "host-name",
                format!("\"{name}\" is no host name: up to 63 letters, digits and hyphens, no hyphen at its ends."),
            )),
            Self::Install { from, .. } if is_address(from) || is_file_name(from) => Ok(()),
            Self::Install { .. } => Err(Refusal::new(
                "bundle",
                "A bundle is an address that begins with https:// or http://, or the name of an uploaded file.",
            )),
            Self::FactoryReset { wipe_all: Some(serial) } if !serial.chars().all(|c| c.is_ascii_alphanumeric()) => {
                Err(Refusal::new("serial", "That is no serial number."))
            }
            Self::FactoryReset { .. } => Ok(()),
        }
    }
}

impl AddressSetting {
    fn check(&self) -> Result<(), Refusal> {
        let Self::Static { address, gateway, dns } = self else { return Ok(()) };
        let own = address.addr();
        let usable = !(own.is_unspecified() || own.is_loopback() || own.is_multicast() || own.is_broadcast());
        let host = address.prefix_len() >= 31 || (own != address.network() && own != address.broadcast());
        if !usable || !host || !(8..=30).contains(&address.prefix_len()) {
            return Err(Refusal::new("address", format!("{address} is no address for a box in a subnet.")));
        }
        if let Some(gateway) = gateway.filter(|gateway| !address.contains(gateway) || *gateway == own) {
            return Err(Refusal::new("gateway", format!("The gateway {gateway} is not another device in {address}.")));
        }
        if dns.len() > 3 || dns.iter().any(|server| server.is_unspecified() || server.is_multicast()) {
            return Err(Refusal::new("dns", "Resolvers are up to three addresses of devices."));
        }
        Ok(())
    }

    /// What systemd-networkd reads of it. `None`: nothing, since the image gives each interface what DHCP says.
    pub fn as_network_file(&self, interface: &str) -> Option<String> {
        let Self::Static { address, gateway, dns } = self else { return None };
        let mut text = format!(
            "[Match]\nName={interface}\n\n[Network]\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\nMulticastDNS=yes\nLLMNR=no\n\
             ConfigureWithoutCarrier=no\n"
        );
        dns.iter().for_each(|server| text.push_str(&format!("DNS={server}\n")));
        if let Some(gateway) = gateway {
            text.push_str(&format!("Gateway={gateway}\n"));
        }
        text.push_str(&format!("\n[Address]\nAddress={address}\nDuplicateAddressDetection=ipv4\n"));
        Some(text)
    }
}

/// The address in such a file.
pub(super) fn address_in(network_file: &str) -> Option<Ipv4Net> {
    network_file.lines().find_map(|line| line.strip_prefix("Address=")?.parse().ok())
}

fn is_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn is_address(from: &str) -> bool {
    let rest = from.strip_prefix("https://").or_else(|| from.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && from.len() <= 500
        && from.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '`'))
}

/// A bare name: nothing that leads out of the folder, hides, or looks like an option.
fn is_file_name(from: &str) -> bool {
    from.len() <= 100
        && from.ends_with(".raucb")
        && from.starts_with(|c: char| c.is_ascii_alphanumeric())
        && from.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(line: &str) -> Result<(), String> {
        Request::read(line.as_bytes()).map(|_| ()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn takes_what_is_on_the_list() {
        for line in [
            r#"{"verb":"status"}"#,
            r#"{"verb":"reboot"}"#,
            r#"{"verb":"confirm-address"}"#,
            r#"{"verb":"address","interface":"eth0","setting":"dhcp"}"#,
            r#"{"verb":"address","interface":"eth0","setting":{"static":{"address":"10.66.0.1/24","gateway":"10.66.0.254","dns":["10.66.0.254"]}}}"#,
            r#"{"verb":"time","unix":1795000000}"#,
            r#"{"verb":"host-name","name":"block66-berlin"}"#,
            r#"{"verb":"install","from":"block66-1.2.0-x86_64.raucb"}"#,
            r#"{"verb":"install","from":"https://updates.example.net/b.raucb?x=1","older":true}"#,
            r#"{"verb":"factory-reset"}"#,
            r#"{"verb":"factory-reset","wipe_all":"525400aabbcc"}"#,
        ] {
            assert_eq!(code(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for (line, expected) in [
            ("", "malformed"),
            (r#"{"verb":"shell","command":"id"}"#, "malformed"),
            (r#"{"verb":"reboot","when":"now"}"#, "malformed"),
            (r#"{"verb":"address","interface":"../x","setting":"dhcp"}"#, "interface"),
            (r#"{"verb":"address","interface":"eth0\nName=*","setting":"dhcp"}"#, "interface"),
            (r#"{"verb":"address","interface":"lo","setting":"dhcp"}"#, "interface"),
            (r#"{"verb":"address","interface":"e","setting":{"static":{"address":"10.66.0.0/24"}}}"#, "address"),
            (r#"{"verb":"address","interface":"e","setting":{"static":{"address":"127.0.0.1/8"}}}"#, "address"),
            (
                r#"{"verb":"address","interface":"e","setting":{"static":{"address":"10.66.0.1/24","gateway":"10.67.0.1"}}}"#,
                "gateway",
            ),
            (
                r#"{"verb":"address","interface":"e","setting":{"static":{"address":"10.66.0.1/24","gateway":"10.66.0.1"}}}"#,
                "gateway",
            ),
            (r#"{"verb":"time","unix":0}"#, "time"),
            (r#"{"verb":"time","unix":9999999999}"#, "time"),
            (r#"{"verb":"host-name","name":"-x"}"#, "host-name"),
            (r#"{"verb":"host-name","name":"a b"}"#, "host-name"),
            (r#"{"verb":"install","from":"/etc/passwd"}"#, "bundle"),
            (r#"{"verb":"install","from":"../b.raucb"}"#, "bundle"),
            (r#"{"verb":"install","from":"--conf=x.raucb"}"#, "bundle"),
            (r#"{"verb":"install","from":"https://"}"#, "bundle"),
            (r#"{"verb":"install","from":"https://a b"}"#, "bundle"),
            (r#"{"verb":"install","from":"ftp://a/b.raucb"}"#, "bundle"),
            (r#"{"verb":"factory-reset","wipe_all":"x y"}"#, "serial"),
        ] {
            assert_eq!(code(line), Err(expected.to_owned()), "{line}");
        }
    }

    #[test]
    fn an_address_is_written_as_networkd_reads_it() {
        let line = r#"{"static":{"address":"10.66.0.1/24","gateway":"10.66.0.254","dns":["9.9.9.9"]}}"#;
        let setting: AddressSetting = serde_json::from_str(line).unwrap();
        let text = setting.as_network_file("eth0").unwrap();
        for expected in ["Name=eth0\n", "Gateway=10.66.0.254\n", "DNS=9.9.9.9\n", "Address=10.66.0.1/24\n"] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(!text.contains("DHCP="));
        assert_eq!(address_in(&text), "10.66.0.1/24".parse().ok());
        assert_eq!(AddressSetting::Dhcp.as_network_file("eth0"), None, "the image's own says so for all of them");
    }
}
