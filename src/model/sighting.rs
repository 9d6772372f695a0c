use std::net::IpAddr;

use super::{Door, Mac, Timestamp};

/// That a device was there, and what it said about itself. Each field is a claim, not evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Hardware address, from a packet, a path or a User-Agent.
    pub mac: Option<Mac>,
    /// Folder name of the brand it claims to be of.
    pub brand: Option<String>,
    /// Model it claims to be.
    pub model: Option<String>,
    /// Firmware version it claims to run.
    pub firmware: Option<String>,
    /// Address it spoke from.
    pub address: Option<IpAddr>,
    /// Where it knocked.
    pub door: Door,
    /// When.
    pub at: Timestamp,
}
