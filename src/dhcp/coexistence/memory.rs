use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// The most servers that are remembered of one LAN, and followed at once.
pub(super) const MOST: usize = 8;

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
    /// Whether it was found to be gone. Where that is not known it was there when the box went off.
    #[serde(default)]
    pub left: bool,
    /// An address of the box's pool that it gave, while that counts.
    #[serde(default)]
    pub gave: Option<Ipv4Addr>,
}

impl Memory {
    /// Notes a server. Whether this is worth storing: where as many are remembered as can be, another one that does not
    /// answer probes says nothing that is not known, and whoever makes up servers would have each of them written.
    pub(super) fn note(&mut self, server: Ipv4Addr, answers: bool, wall: Timestamp) -> bool {
        const DAY: i64 = 86_400_000;
        if let Some(known) = self.servers.get_mut(&server) {
            let old = wall.millis().saturating_sub(known.seen.millis()) > DAY;
            let learned = answers && !known.answers;
            known.answers |= answers;
            known.seen = if old { wall } else { known.seen };
            return std::mem::take(&mut known.left) || old || learned;
        }
        // Whoever names servers that do not exist cannot have those forgotten that matter.
        let matters = |known: &Server| {
            let overlaps = known.gave.is_some();
            (overlaps || !known.left, overlaps, known.answers, known.seen)
        };
        let mut news = true;
        if self.servers.len() >= MOST
            && let Some(least) = self.servers.iter().min_by_key(|(_, known)| matters(known)).map(|(server, _)| *server)
        {
            let replaced = self.servers.remove(&least);
            news = answers || replaced.is_some_and(|known| known.left);
        }
        self.servers.insert(server, Server { seen: wall, answers, left: false, gave: None });
        news
    }

    /// Notes that a server is there no more. Whether this is worth storing.
    pub(super) fn note_left(&mut self, server: Ipv4Addr) -> bool {
        self.servers.get_mut(&server).is_some_and(|known| !std::mem::replace(&mut known.left, true))
    }

    /// Notes which address of the box's pool a server gave, or that it gives none any more. Whether this is worth
    /// storing.
    pub(super) fn note_gave(&mut self, server: Ipv4Addr, gave: Option<Ipv4Addr>) -> bool {
        self.servers.get_mut(&server).is_some_and(|known| std::mem::replace(&mut known.gave, gave) != gave)
    }

    /// Forgets addresses that servers gave and that do not count any more. Whether there were any.
    pub(super) fn keep_overlaps(&mut self, counts: impl Fn(Ipv4Addr) -> bool) -> bool {
        let ended = self.servers.values_mut().filter_map(|known| known.gave.take_if(|address| !counts(*address)));
        ended.count() > 0
    }

    /// Whether a server has ever answered a probe.
    pub(super) fn answers(&self, server: Ipv4Addr) -> bool {
        self.servers.get(&server).is_some_and(|known| known.answers)
    }

    /// The server that was noticed last.
    pub(super) fn last(&self) -> Option<Ipv4Addr> {
        self.servers.iter().max_by_key(|(_, known)| (known.answers, known.seen)).map(|(server, _)| *server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_makes_up_servers_has_a_handful_of_them_written() {
        let mut memory = Memory::default();
        let wall = |second: u32| Timestamp::from_secs(1_790_000_000 + i64::from(second));
        let made_up = |number: u32| Ipv4Addr::from(0x0a42_0000 + number);
        let written = (0..10_000).filter(|number| memory.note(made_up(*number), false, wall(*number))).count();
        assert_eq!((written, memory.servers.len()), (MOST, MOST));
        assert!(memory.servers.contains_key(&made_up(9_999)), "the last one is known all the same");
        let real = Ipv4Addr::new(10, 66, 0, 1);
        assert!(memory.note(real, true, wall(10_000)), "one that answers probes is");
        assert!(memory.note_left(made_up(9_999)));
        assert!(memory.note(made_up(10_001), false, wall(10_001)), "and one in the place of another that is gone");
        assert!(memory.servers.contains_key(&real));
    }
}
