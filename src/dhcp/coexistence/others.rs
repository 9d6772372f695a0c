use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::memory::{MOST, Memory};
use super::{DAY, MISSES, SEARCH};

/// The other servers that were heard, each for itself: that one of them answers, or ceases to, says nothing of the
/// next.
#[derive(Debug)]
pub(super) struct Others {
    /// How long a server may take to start.
    quiet_time: Duration,
    /// By their identifier, at most [`MOST`].
    heard: BTreeMap<Ipv4Addr, Heard>,
}

/// What is known of one of them.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// When it was heard last.
    at: Duration,
    /// Our probes since.
    silent_for: u32,
    /// Whether it answers probes: only then its silence means that it is gone.
    answers: bool,
    /// An address of our pool that it gave, and when it gave one last.
    gave: Option<(Ipv4Addr, Duration)>,
}

impl Others {
    /// None so far.
    pub(super) fn new(quiet_time: Duration) -> Self {
        Self { quiet_time, heard: BTreeMap::new() }
    }

    /// Those that were there before the restart, as if each was heard now: after a power cut the box is up long before
    /// a router, and for how long it was off no clock may know. Of those that had left, the ones that gave addresses of our
    /// pool: their clients still have these.
    pub(super) fn recalled(quiet_time: Duration, memory: &Memory, now: Duration) -> Self {
        let mut others = Self::new(quiet_time);
        for (server, known) in memory.servers.iter().filter(|(_, known)| !known.left || known.gave.is_some()) {
            let gave = known.gave.map(|address| (address, now));
            others.heard.insert(*server, Heard { at: now, silent_for: 0, answers: known.answers, gave });
        }
        others
    }

    /// Notes that a server is there. Where there are too many, the one goes that counts for the shortest.
    pub(super) fn hear(&mut self, server: Ipv4Addr, answers: bool, now: Duration) {
        let gave = self.heard.get(&server).and_then(|heard| heard.gave);
        let is_new = self.heard.insert(server, Heard { at: now, silent_for: 0, answers, gave }).is_none();
        if !is_new || self.heard.len() <= MOST {
            return;
        }
        let others = self.heard.iter().filter(|(other, _)| **other != server);
        if let Some(first) = others.min_by_key(|(_, heard)| self.counts_until(heard)).map(|(other, _)| *other) {
            self.heard.remove(&first);
        }
    }

    /// Notes that a server gave an address of our pool. Which one is told of it: the first, for as long as it gives
    /// any, since each change of what is told is an event.
    pub(super) fn gives(&mut self, server: Ipv4Addr, address: Ipv4Addr, now: Duration) -> Ipv4Addr {
        let Some(heard) = self.heard.get_mut(&server) else { return address };
        let told = heard.gave.map_or(address, |(first, _)| first);
        heard.gave = Some((told, now));
        told
    }

    /// Notes that a probe is sent.
    pub(super) fn probed(&mut self) {
        for heard in self.heard.values_mut() {
            heard.silent_for = heard.silent_for.saturating_add(1);
        }
    }

    /// Forgets one that is no server of other people's. Whether it had given an address of our pool.
    pub(super) fn forget(&mut self, server: Ipv4Addr) -> bool {
        self.heard.remove(&server).is_some_and(|heard| heard.gave.is_some())
    }

    /// Forgets what servers gave a day ago; these they are.
    pub(super) fn forget_overlaps(&mut self, now: Duration) -> Vec<Ipv4Addr> {
        let mut over = Vec::new();
        for (server, heard) in &mut self.heard {
            if heard.gave.take_if(|(_, at)| now >= *at + DAY).is_some() {
                over.push(*server);
            }
        }
        over
    }

    /// A server that gives addresses of our pool, and one of these.
    pub(super) fn overlap(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        self.heard.iter().find_map(|(server, heard)| heard.gave.map(|(address, _)| (*server, address)))
    }

    /// Whether none was heard.
    pub(super) fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// The one to be named of all that were heard.
    pub(super) fn any(&self) -> Option<Ipv4Addr> {
        self.named(|_| true)
    }

    /// The one to be named of those that may be there still.
    pub(super) fn here(&self, now: Duration) -> Option<Ipv4Addr> {
        self.named(|heard| !self.has_left(heard, now))
    }

    /// Those that are there no more.
    pub(super) fn left(&self, now: Duration) -> impl Iterator<Item = Ipv4Addr> {
        self.heard.iter().filter(move |(_, heard)| self.has_left(heard, now)).map(|(server, _)| *server)
    }

    /// When a server is to be asked once more, after a probe at `last` that it left unanswered: shortly before it
    /// counts as gone, however seldom probes are sent.
    pub(super) fn last_chance(&self, last: Duration) -> Option<Duration> {
        let awaited = self.heard.values().filter(|heard| heard.answers && heard.silent_for > 0);
        awaited.map(|heard| heard.at + self.quiet_time.saturating_sub(SEARCH)).filter(|at| *at > last).min()
    }

    /// By address among equals, not by who was heard last: of two servers that answer the same one is named each time.
    fn named(&self, counts: impl Fn(&Heard) -> bool) -> Option<Ipv4Addr> {
        let rank = |heard: &Heard| match (heard.answers, heard.silent_for > MISSES) {
            (true, false) => 0,
            (false, _) => 1,
            (true, true) => 2,
        };
        let counted = self.heard.iter().filter(|(_, heard)| counts(heard));
        counted.min_by_key(|(server, heard)| (rank(heard), **server)).map(|(server, _)| *server)
    }

    /// Not while it may be starting anew, nor soon where its silence says nothing.
    fn has_left(&self, heard: &Heard, now: Duration) -> bool {
        let unanswered = !heard.answers || heard.silent_for > MISSES;
        unanswered && now >= heard.at + self.patience(heard)
    }

    fn patience(&self, heard: &Heard) -> Duration {
        if heard.answers { self.quiet_time } else { DAY }
    }

    /// Until when it matters at least that it was heard.
    fn counts_until(&self, heard: &Heard) -> Duration {
        let overlaps = heard.gave.map_or(Duration::ZERO, |(_, at)| at + DAY);
        overlaps.max(heard.at + self.patience(heard))
    }
}
