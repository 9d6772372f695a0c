use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Mac;

/// What DHCP does on every network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dhcp {
    /// The networks, by name.
    pub networks: Vec<DhcpNetwork>,
}

/// What DHCP does on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DhcpNetwork {
    /// Its name.
    pub network: String,
    /// What is configured: `auto`, `full`, `phones-only`, `inform-only` or `off`.
    pub mode: String,
    /// What is done now: `silent`, `inform-only`, `phones-only`, `full` or `stand-in`.
    pub now: String,
    /// Stable code of the reason.
    pub code: String,
    /// The reason in a sentence.
    pub says: String,
    /// Whether somebody has to act.
    pub alarm: bool,
    /// What to do, if something is to be done.
    pub advice: Option<String>,
    /// Whether the box may stand in for a server that is gone.
    pub may_take_over: bool,
    /// Other servers that were ever seen here.
    pub servers: Vec<DhcpServer>,
    /// Addresses that nobody gets because somebody uses them unasked.
    pub abandoned: Vec<Abandoned>,
    /// Brands on the list whose phones do not find the box this way, in a sentence each.
    pub lost: Vec<String>,
}

/// Another DHCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DhcpServer {
    /// Its address.
    pub address: String,
    /// When it was noticed.
    pub seen: String,
    /// Whether it answers when asked.
    pub answers: bool,
}

/// An address that is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Abandoned {
    /// The address.
    pub address: String,
    /// Who was found to use it.
    pub mac: Mac,
}

/// Devices that were noticed, and phones that were not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sightings {
    /// The devices, the latest first.
    pub seen: Vec<Seen>,
    /// Phones on the list that were noticed nowhere since the box started.
    pub missing: Vec<Missing>,
    /// What to say for `after` to go on with the devices; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<String>,
}

/// A device that was noticed on a LAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// Its hardware address.
    pub mac: Mac,
    /// Name of the network.
    pub network: String,
    /// The address that it uses.
    pub address: Option<String>,
    /// Vendor class that it sent.
    pub class: Option<String>,
    /// Brand that it seems to be of, as people call it.
    pub brand: Option<String>,
    /// Whether it is taken for a phone.
    pub phone: bool,
    /// What people call it, when it is on the list.
    pub listed: Option<String>,
    /// Whether it ever fetched anything from this box.
    pub came_to_us: bool,
    /// When it was noticed first.
    pub first: String,
    /// When it was noticed last.
    pub last: String,
}

/// A phone on the list that was not noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// Its hardware address.
    pub mac: Mac,
    /// What people call it.
    pub name: String,
}

/// What a client would be told by this box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Name of the network.
    pub network: String,
    /// What it is taken for, in a sentence.
    pub says: String,
    /// The answer to a DISCOVER.
    pub offer: ExplainedAnswer,
    /// The answer to an INFORM.
    pub inform: ExplainedAnswer,
    /// Options of its brand that it is not told, with the reasons.
    pub left_out: Vec<String>,
}

/// An answer that would be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedAnswer {
    /// What it is, or why there is none, in a sentence.
    pub says: String,
    /// The options in it.
    pub options: Vec<ExplainedOption>,
}

/// An option of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedOption {
    /// Its number.
    pub code: u8,
    /// Its value: text where it is text, else hexadecimal octets.
    pub value: String,
}

/// What the other DHCP servers tell phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Name of the network.
    pub network: String,
    /// The brands, by name.
    pub brands: Vec<AskedBrand>,
}

/// What the other DHCP servers tell phones of a brand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedBrand {
    /// The brand, as people call it.
    pub brand: String,
    /// Whether such a phone finds this box.
    pub finds_us: bool,
    /// What it gets, in a sentence for each server.
    pub says: Vec<String>,
}

/// Configuration for another DHCP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DhcpExport {
    /// What is to be put in there; what it cannot express stands in it as a comment.
    pub text: String,
}

/// Leases as another server keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeaseFile {
    /// Name of the network.
    pub network: String,
    /// The file.
    pub text: String,
}

/// What an import of leases did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeasesImported {
    /// Name of the network.
    pub network: String,
    /// Leases that were taken over.
    pub taken: usize,
    /// Leases that were not: one of this address or client runs here, or they are of another network.
    pub skipped: usize,
}

/// Leases of all networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// The leases, by network and address.
    pub leases: Vec<Lease>,
    /// What to say for `after` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<String>,
}

/// An address and who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Name of the network.
    pub network: String,
    /// The address.
    pub address: String,
    /// Who holds it.
    pub mac: Mac,
    /// What people call the phone that holds it.
    pub phone: Option<String>,
    /// Name that the client gave.
    pub host_name: Option<String>,
    /// Class that the client gave.
    pub vendor_class: Option<String>,
    /// `bound`, `released`, `declined` or `ended`.
    pub state: String,
    /// When it ends.
    pub expires: String,
}
