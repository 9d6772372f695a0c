//! `block66.toml`: as written, as checked, and what is wrong with it.
//!
//! The file holds what the box needs before it can open its store, and whatever the installer wants to stand
//! fast; all other settings live in the store. A key that stands in the file wins.

mod check;
mod custom;
mod error;
mod written;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;

pub use error::{Error, Warning};

use crate::model::{Mac, Policy, Transport};
use crate::partners::gateway_snmp::Access;
use crate::sys::interfaces::Address;

/// A commented configuration with every key at its default, or with an example where it has none, as `block66 init`
/// writes it.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Where the configuration is looked for when the command line does not say.
pub const USUAL_PATH: &str = "/etc/block66/block66.toml";

/// The configuration, checked: whatever holds a `Config` may rely on what its fields promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where the store, the keys and the certificates are.
    pub data_directory: PathBuf,
    /// The local socket that the command line talks to.
    pub socket: PathBuf,
    /// Host name of the box.
    pub name: String,
    /// Fully qualified names of the box, for its certificate.
    pub names: Vec<String>,
    /// Addresses and ports of the listeners.
    pub listen: Listen,
    /// The networks that are served. Empty in the file: every network that the box has an address in, DHCP
    /// `auto` without a pool.
    pub networks: Vec<Network>,
    /// Phones over SIP.
    pub sip: Sip,
    /// Policy that holds for every organisation, when the file says so.
    pub policy: Option<Policy>,
    /// Logging.
    pub log: Log,
}

/// Addresses and ports of the listeners. Port 0 takes any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// Plain HTTP.
    pub http: SocketAddr,
    /// Plain HTTP once more, where some phones ask before they try TFTP; `None` when the file does not name it, and
    /// then it is [`Listen::USUAL_ALTERNATE`], if that can be had.
    pub http_alternate: Option<SocketAddr>,
    /// HTTPS: provisioning, page and API.
    pub https: SocketAddr,
    /// TFTP; `None` when the file does not name it, and then it is [`Listen::USUAL_TFTP`], if that can be had.
    pub tftp: Option<SocketAddr>,
    /// Time (SNTP).
    pub ntp: SocketAddr,
    /// SIP over UDP and TCP.
    pub sip: SocketAddr,
    /// SIP over TLS.
    pub sips: SocketAddr,
}

/// Phones over SIP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sip {
    /// The telephone system's proxy, where phones listen to nobody else.
    pub proxy: Option<(Transport, SocketAddr)>,
    /// The registrar of the phones' lines, to be asked where they are.
    pub registrar: Option<(Transport, SocketAddr)>,
    /// Realms in which phones may ask for the login of their line, besides the name of its server.
    pub realms: Vec<String>,
    /// Whether a phone whose settings changed is told at once; `None` leaves it to each phone's settings.
    pub resync_on_change: Option<bool>,
    /// How gateways are spoken to that are better told by SNMP.
    pub snmp: Option<Access>,
}

impl Listen {
    /// Where phones ask over TFTP.
    pub const USUAL_TFTP: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 69);

    /// Where phones ask that know no other port.
    pub const USUAL_ALTERNATE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 6970);
}

/// One LAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Name on the page; unique.
    pub name: String,
    /// Interface that it is on.
    pub interface: String,
    /// Its addresses.
    pub subnet: Ipv4Net,
    /// Router, told to DHCP clients. Never guessed.
    pub gateway: Option<Ipv4Addr>,
    /// Resolvers, told to DHCP clients. Never guessed.
    pub dns: Vec<Ipv4Addr>,
    /// Domain name, told to DHCP clients.
    pub domain: Option<String>,
    /// The VLAN that it is, as the switches tag it.
    pub vlan: Option<u16>,
    /// What DHCP does here.
    pub dhcp: Dhcp,
}

/// DHCP on one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dhcp {
    /// What it does.
    pub mode: Mode,
    /// Addresses it gives. There in mode `full`, and inside the subnet.
    pub pool: Option<Pool>,
    /// How long a lease lasts: 20 seconds to 365 days.
    pub lease_time: Duration,
    /// Addresses kept for single clients: inside the subnet, no MAC or address twice.
    pub reservations: Vec<Reservation>,
    /// Relay agents whose requests count, by the address that they give as theirs.
    pub relays: Vec<Ipv4Addr>,
    /// The VLAN that phones are sent into: one that the box serves, and never the one that they are in.
    pub voice_vlan: Option<u16>,
    /// How often other servers are searched for: 5 seconds to an hour.
    pub probe_interval: Duration,
    /// How long `auto` waits for a slow server before it is the server itself: 10 seconds to an hour.
    pub quiet_time: Duration,
    /// Further subnets: behind relays, or on the same wire.
    pub subnets: Vec<Subnet>,
    /// Options that the administrator sets, the narrowest last.
    pub options: Vec<CustomOption>,
}

/// A further subnet that is served through the same interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its addresses; none in common with another subnet.
    pub net: Ipv4Net,
    /// Addresses that it gives.
    pub pool: Pool,
    /// Router.
    pub gateway: Ipv4Addr,
    /// Resolvers.
    pub dns: Vec<Ipv4Addr>,
    /// The VLAN that it is, as the switches tag it.
    pub vlan: Option<u16>,
}

/// A DHCP option that the administrator sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomOption {
    /// Its number: none that the server itself must answer for.
    pub code: u8,
    /// Its value: 1 to 255 bytes.
    pub value: Vec<u8>,
    /// Who gets it.
    pub scope: Scope,
}

/// Who gets an option that the administrator sets; the order is from wide to narrow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everybody in the network.
    Network,
    /// Phones of a brand, by its folder name.
    Brand(String),
    /// Phones of a model, as the list of phones spells it.
    Model(String),
    /// One device.
    Phone(Mac),
}

/// What DHCP does on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Listens, never answers.
    Off,
    /// Finds out whether there is another server, and never competes with one.
    #[default]
    Auto,
    /// Gives no address, and tells recognised phones that ask by INFORM where their configuration is.
    InformOnly,
    /// Gives addresses of its own pool to recognised phones, and leaves everybody else to the other server.
    PhonesOnly,
    /// Is the DHCP server of the LAN.
    Full,
}

impl Mode {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Auto => "auto",
            Self::InformOnly => "inform-only",
            Self::PhonesOnly => "phones-only",
            Self::Full => "full",
        }
    }
}

/// Addresses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// The lowest.
    pub first: Ipv4Addr,
    /// The highest.
    pub last: Ipv4Addr,
}

/// An address that is one client's alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The client.
    pub mac: Mac,
    /// Its address, in the pool or outside.
    pub address: Ipv4Addr,
    /// Host name it is told.
    pub host_name: Option<String>,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter, as `info` or `block66::dhcp=debug,info`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Config {
    /// What holds where no file says otherwise: it listens, serves page, CA and time, and gives no address.
    pub fn safe_defaults() -> Self {
        let any = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        Self {
            data_directory: "/var/lib/block66".into(),
            socket: "/run/block66/block66.sock".into(),
            name: "block66".into(),
            names: Vec::new(),
            listen: Listen {
                http: any(80),
                http_alternate: None,
                https: any(443),
                tftp: None,
                ntp: any(123),
                sip: any(5060),
                sips: any(5061),
            },
            networks: Vec::new(),
            sip: Sip::default(),
            policy: None,
            log: Log { filter: "info".into(), json: false },
        }
    }

    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or says something that makes no sense, with file and line.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::Unreadable { path: path.to_owned(), why: error.to_string() })?;
        Self::parse(&text, path)
    }

    /// Checks `text`; errors name `path`.
    ///
    /// # Errors
    /// When it says something that makes no sense, with file and line.
    pub fn parse(text: &str, path: &Path) -> Result<(Self, Vec<Warning>), Error> {
        let written = toml::from_str(text).map_err(|error| error::from_toml(&error, text, path))?;
        check::check(written).map_err(|fault| error::at(&fault, text, path))
    }

    /// Where the file names no network, the one that the box has an address in is served on each interface, with DHCP
    /// `auto` and nothing that could be given away. A link-local address counts where there is no other.
    #[must_use]
    pub fn with_networks_found(mut self, addresses: &[Address]) -> Self {
        if self.networks.is_empty() {
            let found = addresses.iter().filter(|address| !address.loopback);
            let (passing, lasting): (Vec<_>, Vec<_>) = found.partition(|address| address.net.addr().is_link_local());
            for address in lasting.into_iter().chain(passing) {
                if !self.networks.iter().any(|network| network.interface == address.interface) {
                    self.networks.push(Network::found(&address.interface, address.net));
                }
            }
        }
        self
    }
}

impl Network {
    /// Every subnet that is served, the one in which the box has its address first.
    pub fn subnets(&self) -> impl Iterator<Item = Ipv4Net> {
        std::iter::once(self.subnet).chain(self.dhcp.subnets.iter().map(|further| further.net))
    }

    fn found(interface: &str, net: Ipv4Net) -> Self {
        Self {
            name: interface.to_owned(),
            interface: interface.to_owned(),
            subnet: net.trunc(),
            gateway: None,
            dns: Vec::new(),
            domain: None,
            vlan: None,
            dhcp: Dhcp::usual(),
        }
    }
}

impl Dhcp {
    /// The VLAN that a phone is sent into which asks from `source`, or by the relay at `relay`: none when it is in
    /// that VLAN already, where it would restart for ever.
    pub fn voice_vlan(&self, relay: Ipv4Addr, source: Ipv4Addr) -> Option<u16> {
        let vlan = self.voice_vlan?;
        let mut there = self.subnets.iter().filter(|subnet| subnet.vlan == Some(vlan));
        (!there.any(|subnet| subnet.net.contains(&relay) || subnet.net.contains(&source))).then_some(vlan)
    }

    /// Whether a subnet is on the wire of the box: no relay agent that is named stands in it.
    pub fn is_on_link(&self, net: &Ipv4Net) -> bool {
        !self.relays.iter().any(|relay| net.contains(relay))
    }

    /// Half a day: a phone that is moved frees its address by the next morning.
    pub const USUAL_LEASE: Duration = Duration::from_secs(12 * 3600);
    /// How often other servers are searched for.
    pub const USUAL_PROBE_INTERVAL: Duration = Duration::from_secs(120);
    /// Routers take three minutes to start.
    pub const USUAL_QUIET_TIME: Duration = Duration::from_secs(300);

    /// What holds when nobody says otherwise: nothing is there that could be given away.
    pub fn usual() -> Self {
        Self {
            mode: Mode::Auto,
            pool: None,
            lease_time: Self::USUAL_LEASE,
            reservations: Vec::new(),
            relays: Vec::new(),
            voice_vlan: None,
            probe_interval: Self::USUAL_PROBE_INTERVAL,
            quiet_time: Self::USUAL_QUIET_TIME,
            subnets: Vec::new(),
            options: Vec::new(),
        }
    }
}

impl Pool {
    /// How many addresses it has.
    pub fn size(&self) -> u32 {
        u32::from(self.last).saturating_sub(u32::from(self.first)).saturating_add(1)
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }
}

#[cfg(test)]
mod tests;
