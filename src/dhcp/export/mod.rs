//! Configuration for somebody else's DHCP server, so that it points phones here.
//!
//! What a phone is told and who is told it comes from the brands; each target writes that in its server's language,
//! with values typed as that server wants them. What a server cannot express stands in its snippet as a comment:
//! nothing is said to more devices than it is for.

mod appliances;
mod dnsmasq;
mod isc;
mod kea;
mod mikrotik;
mod plan;
mod windows;

pub(super) use plan::sample as class_sample;

use crate::brands::Registry;
use crate::model::BoxAddress;

/// Whose configuration is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// dnsmasq: a file for its `conf-dir`.
    Dnsmasq,
    /// Kea: parts of `kea-dhcp4.conf`.
    Kea,
    /// ISC dhcpd: a file to include in `dhcpd.conf`.
    Isc,
    /// The DHCP server of Windows Server: a PowerShell script.
    Windows,
    /// RouterOS 7: commands.
    Mikrotik,
    /// FortiOS: commands.
    Fortigate,
    /// UniFi Network: what to enter on its page.
    Unifi,
    /// OPNsense: a file for its dnsmasq.
    Opnsense,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Dnsmasq,
        Self::Kea,
        Self::Isc,
        Self::Windows,
        Self::Mikrotik,
        Self::Fortigate,
        Self::Unifi,
        Self::Opnsense,
    ];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::Kea => "kea",
            Self::Isc => "isc",
            Self::Windows => "windows",
            Self::Mikrotik => "mikrotik",
            Self::Fortigate => "fortigate",
            Self::Unifi => "unifi",
            Self::Opnsense => "opnsense",
        }
    }

    /// The target of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

/// What the snippet is made from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Where the box is, as phones behind that server see it. The URLs are plain HTTP: another server does not know
    /// which phone has our CA.
    pub at: BoxAddress,
    /// Other ports at which the box answers phones: 69, 6970.
    pub also: Vec<u16>,
    /// The VLAN that phones are to be sent into, if any. Never one that they are in already.
    pub voice_vlan: Option<u16>,
}

/// The snippet for `target`. The same facts give the same text.
pub fn export(target: Target, registry: &Registry, facts: &Facts) -> String {
    let groups = plan::groups(registry, facts);
    match target {
        Target::Dnsmasq => dnsmasq::write(&groups),
        Target::Kea => kea::write(&groups),
        Target::Isc => isc::write(&groups),
        Target::Windows => windows::write(&groups),
        Target::Mikrotik => mikrotik::write(&groups),
        Target::Fortigate => appliances::fortigate(&groups),
        Target::Unifi => appliances::unifi(&groups),
        Target::Opnsense => dnsmasq::write_for_opnsense(&groups),
    }
}
