//! The file as people write it. Unknown keys are refused; every value remembers where it stands.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::Deserialize;
use toml::Spanned;

use super::Mode;
use crate::model::Policy;
use crate::partners::gateway_snmp::{Digest, Privacy};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct File {
    pub(super) data_directory: Option<PathBuf>,
    pub(super) socket: Option<PathBuf>,
    #[serde(rename = "box")]
    pub(super) identity: Option<Identity>,
    pub(super) listen: Option<Listen>,
    #[serde(default)]
    pub(super) network: Vec<Spanned<Network>>,
    pub(super) sip: Option<Sip>,
    pub(super) policy: Option<Policy>,
    pub(super) log: Option<Log>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) names: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Listen {
    pub(super) http: Option<SocketAddr>,
    pub(super) http_alternate: Option<SocketAddr>,
    pub(super) tftp: Option<SocketAddr>,
    pub(super) https: Option<SocketAddr>,
    pub(super) ntp: Option<SocketAddr>,
    pub(super) sip: Option<SocketAddr>,
    pub(super) sips: Option<SocketAddr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Sip {
    pub(super) proxy: Option<Spanned<String>>,
    pub(super) registrar: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) realms: Vec<String>,
    pub(super) resync_on_change: Option<bool>,
    pub(super) snmp: Option<Spanned<Snmp>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Snmp {
    pub(super) version: String,
    pub(super) community: Option<String>,
    pub(super) user: Option<String>,
    pub(super) digest: Option<Digest>,
    pub(super) password: Option<String>,
    pub(super) privacy: Option<Privacy>,
    pub(super) privacy_password: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Network {
    pub(super) name: Option<Spanned<String>>,
    pub(super) interface: Spanned<String>,
    pub(super) subnet: Spanned<Ipv4Net>,
    pub(super) gateway: Option<Spanned<Ipv4Addr>>,
    #[serde(default)]
    pub(super) dns: Vec<Ipv4Addr>,
    pub(super) domain: Option<Spanned<String>>,
    pub(super) vlan: Option<Spanned<u16>>,
    pub(super) dhcp: Option<Dhcp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Dhcp {
    pub(super) mode: Option<Spanned<Mode>>,
    pub(super) pool: Option<Spanned<String>>,
    pub(super) lease_time: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) reservation: Vec<Reservation>,
    #[serde(default)]
    pub(super) relays: Vec<Ipv4Addr>,
    pub(super) voice_vlan: Option<Spanned<u16>>,
    pub(super) probe_interval: Option<Spanned<String>>,
    pub(super) quiet_time: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) subnet: Vec<Subnet>,
    #[serde(default)]
    pub(super) option: Vec<Spanned<CustomOption>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Subnet {
    pub(super) subnet: Spanned<Ipv4Net>,
    pub(super) pool: Spanned<String>,
    pub(super) gateway: Spanned<Ipv4Addr>,
    pub(super) dns: Option<Vec<Ipv4Addr>>,
    pub(super) vlan: Option<Spanned<u16>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CustomOption {
    pub(super) code: u8,
    #[serde(rename = "type")]
    pub(super) kind: OptionKind,
    pub(super) value: toml::Value,
    pub(super) brand: Option<String>,
    pub(super) model: Option<String>,
    pub(super) mac: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OptionKind {
    Ip,
    IpList,
    Text,
    U8,
    U16,
    U32,
    Hex,
    Bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Reservation {
    pub(super) mac: Spanned<String>,
    pub(super) address: Spanned<Ipv4Addr>,
    pub(super) host_name: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Log {
    pub(super) filter: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) format: Format,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}
