use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Id, Mac, Outcome, Reason, Timestamp};

/// Where something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// UDP 67.
    Dhcp,
    /// Plain HTTP.
    Http,
    /// HTTPS, from the TLS handshake on.
    Https,
    /// UDP 69.
    Tftp,
    /// UDP 123.
    Ntp,
    /// Ports 5060 and 5061, and the SIP multicast group.
    Sip,
    /// The page, the API and the command line.
    Admin,
    /// The box itself: store, certificates, supervision.
    Box,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dhcp => "DHCP",
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tftp => "TFTP",
            Self::Ntp => "NTP",
            Self::Sip => "SIP",
            Self::Admin => "admin",
            Self::Box => "box",
        })
    }
}

/// Something that happened, with the reason. Equal events within a minute are one event with a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// When it happened first.
    pub at: Timestamp,
    /// When it happened last.
    pub last: Timestamp,
    /// How often it happened.
    pub count: u32,
    /// Where.
    pub door: Door,
    /// The phone it is about, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// Who spoke to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The organisation that the phone belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Id>,
    /// The file asked for, as asked, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// User-Agent or vendor class, as sent, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The account or the token of whoever did it, where somebody is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What happened and why.
    pub reason: Reason,
}

impl Event {
    /// An event at `door`, once, with nothing known yet but its reason.
    pub fn new(at: Timestamp, door: Door, reason: Reason) -> Self {
        Self {
            at,
            last: at,
            count: 1,
            door,
            mac: None,
            address: None,
            organisation: None,
            file: None,
            user_agent: None,
            by: None,
            reason,
        }
    }

    /// Says which phone it is about.
    #[must_use]
    pub fn about(mut self, mac: impl Into<Option<Mac>>) -> Self {
        self.mac = mac.into();
        self
    }

    /// Says who spoke to us.
    #[must_use]
    pub fn from_address(mut self, address: impl Into<Option<IpAddr>>) -> Self {
        self.address = address.into();
        self
    }

    /// Says whose phone it is.
    #[must_use]
    pub fn of(mut self, organisation: impl Into<Option<Id>>) -> Self {
        self.organisation = organisation.into();
        self
    }

    /// Says which file was asked for.
    #[must_use]
    pub fn for_file(mut self, file: &str) -> Self {
        self.file = Some(clean(file));
        self
    }

    /// Says what the phone called itself.
    #[must_use]
    pub fn by_agent(mut self, agent: Option<&str>) -> Self {
        self.user_agent = agent.map(clean);
        self
    }

    /// Says who did it.
    #[must_use]
    pub fn done_by(mut self, name: impl Into<Option<String>>) -> Self {
        self.by = name.into();
        self
    }

    /// Whether `other` is the same thing happening again.
    pub fn repeats(&self, other: &Self) -> bool {
        self.door == other.door
            && self.mac == other.mac
            && self.address == other.address
            && self.file == other.file
            && self.by == other.by
            && self.reason == other.reason
    }
}

/// Text from the network as it may stand in an event: printable, at most 200 characters.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// A step on a phone's way into service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// It got an address from us.
    Lease,
    /// It was given our CA.
    Ca,
    /// It fetched its own configuration over HTTPS with its own login.
    Configuration,
    /// It runs the firmware that it should.
    Firmware,
    /// It fetched every resource that its configuration names.
    Resources,
    /// All of the above.
    InService,
    /// It fetched again after a change.
    Resynced,
}

impl Step {
    /// All steps in the order of the journey.
    pub const ALL: [Self; 7] =
        [Self::Lease, Self::Ca, Self::Configuration, Self::Firmware, Self::Resources, Self::InService, Self::Resynced];
}

/// How a step went, last time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Light {
    /// When.
    pub at: Timestamp,
    /// Done, or failed, and why.
    pub outcome: Outcome,
    /// The reason in full, for the page's sentence.
    pub reason: Reason,
}

/// A phone's way into service: one light a step, absent while the step was not tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Journey {
    /// The lights.
    pub lights: BTreeMap<Step, Light>,
    /// ETag of the phone's own file that it fetched last with its own login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Firmware version that it said it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// The files that the phone's own file names, and whether it fetched each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resources: BTreeMap<Box<str>, bool>,
}
