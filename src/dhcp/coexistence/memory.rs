use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// The most servers that are remembered of one LAN.
const MOST: usize = 8;

/// What was ever seen on a LAN. It outlives every restart: after a power cut the box is up long before the router.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Memory {
    /// Other servers by their identifier.
    #[serde(default)]
    pub servers: BTreeMap<Ipv4Addr, Server>,
    /// Whether the box was the LAN's only server already.
    #[serde(default)]
    pub served: bool,
}

/// Another DHCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Server {
    /// When it was noticed first, or noticed again after a day.
    pub seen: Timestamp,
    /// Whether it answers probes: only then its silence means that it is gone.
    pub answers: bool,
}

impl Memory {
    /// Notes a server. Whether this is worth storing.
    pub(super) fn note(&mut self, server: Ipv4Addr, answers: bool, wall: Timestamp) -> bool {
        const DAY: i64 = 86_400_000;
        if let Some(known) = self.servers.get_mut(&server) {
            let old = wall.millis().saturating_sub(known.seen.millis()) > DAY;
            let learned = answers && !known.answers;
            known.answers |= answers;
            known.seen = if old { wall } else { known.seen };
            return old || learned;
        }
        if self.servers.len() >= MOST
            && let Some(oldest) = self.servers.iter().min_by_key(|(_, known)| known.seen).map(|(server, _)| *server)
        {
            self.servers.remove(&oldest);
        }
        self.servers.insert(server, Server { seen: wall, answers });
        true
    }

    /// The server that was noticed last.
    pub(super) fn last(&self) -> Option<Ipv4Addr> {
        self.servers.iter().max_by_key(|(_, known)| (known.answers, known.seen)).map(|(server, _)| *server)
    }
}
