use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the box is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Host name of the box.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since the program started.
    pub uptime_seconds: u64,
    /// What its clock says, RFC 3339 in UTC.
    pub time: String,
    /// Whether something vouches for that clock.
    pub time_trusted: bool,
    /// Time zone of the branch, as `Europe/Berlin`: the one that is set for its first organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether an administrator has claimed it.
    pub claimed: bool,
    /// What is needed to claim it. Only over the local socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_code: Option<String>,
    /// How it is, in one word.
    pub health: Health,
    /// How it is, in one sentence.
    pub says: String,
    /// What is wrong with the box itself.
    pub alarms: Vec<Alarm>,
    /// Addresses under which it can be reached.
    pub addresses: Vec<String>,
    /// The networks it serves.
    pub networks: Vec<Network>,
    /// How many phones stand how.
    pub phones: Counts,
    /// Its certificate authority.
    pub authority: Authority,
}

/// How the box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing to be done.
    Good,
    /// Something waits for an administrator.
    Attention,
    /// The box itself has a fault.
    Fault,
}

/// Whether the box does what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vitals {
    /// Host name of the box, which stands in its certificate.
    pub name: String,
    /// Port of the page.
    pub https: u16,
    /// What does not answer, in sentences. With none, the box does what it is for.
    pub faults: Vec<String>,
}

/// The appliance around the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Appliance {
    /// Its versions; `None` where Block66 runs as a program in somebody else's system.
    pub standing: Option<crate::steward::Standing>,
    /// The update that is or was installed.
    pub update: Update,
}

/// How far an update is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Update {
    /// Whether one is being installed.
    pub running: bool,
    /// How far, of 100.
    pub percent: u8,
    /// What is being done, or how it ended.
    pub says: String,
    /// Whether it ended badly.
    pub failed: bool,
}

/// Something that is wrong with the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// Stable code.
    pub code: String,
    /// What is wrong, as a sentence.
    pub says: String,
    /// What to do first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Where on the page it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// What on the page ends an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The path.
    pub at: String,
    /// Whether it is a button, which sends a form there, and no link.
    pub form: bool,
    /// What stands on it.
    pub label: String,
}

/// A network that the box serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The interface it is on.
    pub interface: String,
    /// Its addresses.
    pub subnet: String,
    /// What DHCP does there: `off` or `full`.
    pub dhcp: String,
    /// The same in a sentence.
    pub says: String,
    /// Addresses that may be given.
    pub pool_size: u32,
    /// Addresses that are given.
    pub leases: u32,
}

/// How many phones stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All that are on the list.
    pub total: usize,
    /// Those that need somebody to act.
    pub attention: usize,
    /// Those that have begun.
    pub on_the_way: usize,
    /// Those that were never heard of.
    pub not_seen: usize,
    /// Those that have all they should have.
    pub in_service: usize,
}

/// The certificate authority of the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authority {
    /// SHA-256 of the root certificate, `AA:BB:…`.
    pub fingerprint: String,
    /// The same in words, to be read aloud.
    pub words: String,
    /// From when the root is valid.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
    /// The root certificate. Absent where only its name matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
}

/// What the box's clock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// The time, RFC 3339 in UTC.
    pub time: String,
    /// Whether something vouches for it.
    pub trusted: bool,
}

/// How SIP fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SipStatus {
    /// What came in and was dropped since the box started, by why.
    pub dropped: BTreeMap<String, u64>,
}

/// The campaigns that are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Campaigns {
    /// The newest first.
    pub campaigns: Vec<crate::sip::CampaignView>,
}
