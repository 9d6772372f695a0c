//! Which part the box plays on a LAN: decided from what is configured, what is heard, and what was ever heard there.
//!
//! ```text
//!   answers to our probes ─┐
//!   others' packets ───────┤                        ┌─ conduct ── engine
//!   memory of this LAN ────┼── Coexistence::decide ─┼─ one sentence why, alarm ── page
//!   configuration ─────────┤                        └─ whether to probe now ── link
//!   take-over, time ───────┘
//! ```
//! The rules: never compete with another server; never serve by oneself where one was ever seen; step down at once
//! when one turns up; of two boxes one serves, and never both.

mod marker;
mod memory;
mod others;
mod reasons;
#[cfg(test)]
mod rival_tests;
mod setting;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::time::Duration;

pub use marker::{Marker, Part};
pub use memory::{Memory, Server};
pub use setting::Setting;

use self::others::Others;
use super::engine::Conduct;
use super::server_id::is_a_hosts;
use crate::config::Mode;
use crate::model::{Id, Now, Reason, Timestamp};

/// How long `auto` searches before it answers anything.
const SEARCH: Duration = Duration::from_secs(10);
/// How long a mode that an administrator confirmed searches: long enough to hear another box that starts in the same
/// second, too short for a client to notice.
const SHORT_SEARCH: Duration = Duration::from_secs(2);
/// Between probes while searching, and after a probe that a known server left unanswered.
const EAGER: Duration = Duration::from_millis(2500);
/// Between the probes of the short search.
const HASTY: Duration = Duration::from_millis(700);
/// Probes that a server leaves unanswered before it counts as gone.
const MISSES: u32 = 3;
/// For how long it counts that a server gave an address of our pool, and that one is there which answers no probe: its
/// silence says nothing.
const DAY: Duration = Duration::from_secs(86_400);

/// A message of another DHCP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its server identifier.
    pub server: Ipv4Addr,
    /// The address that it gives or confirms; null in a NAK.
    pub given: Ipv4Addr,
    /// Whether it answers a probe of ours.
    pub to_us: bool,
}

/// What is done now, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What the server does.
    pub conduct: Conduct,
    /// Why, in a code and one sentence.
    pub reason: Reason,
    /// Whether somebody has to act.
    pub alarm: bool,
    /// Whether an administrator may let the box stand in for a server that is gone.
    pub may_take_over: bool,
}

/// Another box on the LAN.
#[derive(Debug, Clone, Copy)]
struct Peer {
    id: Id,
    address: Ipv4Addr,
    /// Our probes since it was heard last.
    silent_for: u32,
}

/// The decision which part to play, with what it is made from. Time is the monotonic clock's.
#[derive(Debug)]
pub struct Coexistence {
    setting: Setting,
    memory: Memory,
    memory_changed: bool,
    /// Whether somebody administers the box.
    claimed: bool,
    /// Since when it is searched.
    since: Duration,
    last_probe: Option<Duration>,
    /// Whether a probe is out to which no server has answered.
    awaiting: bool,
    /// Probes in a row without an answer of a server.
    misses: u32,
    /// The servers that were heard since the start, and those that were there before it: except in `auto`, which waits
    /// for these in a way of its own.
    others: Others,
    peer: Option<Peer>,
    /// Whether the other box goes first.
    yields: bool,
    taken_over: bool,
    /// What was decided last.
    conduct: Conduct,
}

impl Coexistence {
    /// Begins to search, knowing what was ever seen on this LAN.
    pub fn new(setting: Setting, mut memory: Memory, now: Duration) -> Self {
        // An administrator who mends an overlap gives the box another pool.
        let memory_changed = memory.keep_overlaps(|address| setting.gives(address));
        let others = match setting.mode {
            Mode::Auto => Others::new(setting.quiet_time),
            _ => Others::recalled(setting.quiet_time, &memory, now),
        };
        Self {
            setting,
            memory,
            memory_changed,
            claimed: false,
            since: now,
            last_probe: None,
            awaiting: false,
            misses: 0,
            others,
            peer: None,
            yields: false,
            taken_over: false,
            conduct: Conduct::Silent,
        }
    }

    /// Notes whether somebody administers the box.
    pub fn claimed(&mut self, claimed: bool) {
        self.claimed = claimed;
    }

    /// Notes a message of a DHCP server. Our own do not count, nor do those of another box: its ACKs carry no marker,
    /// and which of the two serves is settled by what it says of itself.
    pub fn hear(&mut self, answer: &Answer, now: Now) {
        if !self.is_foreign(answer.server) {
            return;
        }
        self.present(answer.server, answer.to_us, now);
        if self.setting.gives(answer.given) {
            let told = self.others.gives(answer.server, answer.given, now.monotonic);
            self.memory_changed |= self.memory.note_gave(answer.server, Some(told));
        }
    }

    /// Notes that a client named a server in a REQUEST.
    pub fn hear_named(&mut self, server: Ipv4Addr, now: Now) {
        if self.is_foreign(server) {
            self.present(server, false, now);
        }
    }

    /// Notes the marker of another box, in a probe or an OFFER of it. Whether it wants to know of us: then a
    /// marker of ours is due.
    pub fn hear_box(&mut self, marker: &Marker, address: Ipv4Addr, now: Now) -> bool {
        if marker.id == self.setting.box_id {
            return false;
        }
        let overlapped = self.setting.mode != Mode::Auto && self.is_no_server(address);
        let ours = self.part();
        let yields = match (marker.part, ours) {
            (Part::Guest, _) => false,
            (Part::Serving, Part::Candidate | Part::Guest) => true,
            (Part::Candidate, Part::Serving) => false,
            // Neither came first: the lower id does.
            (Part::Candidate, Part::Guest) if !self.yields => false,
            _ => marker.id < self.setting.box_id,
        };
        // Whom the box yields to is asked by nobody else's word to go on.
        if yields || !self.yields || self.peer.is_none_or(|peer| peer.id == marker.id) {
            self.yields = yields;
            self.peer = Some(Peer { id: marker.id, address, silent_for: 0 });
        }
        if marker.part == Part::Serving && self.setting.mode == Mode::Auto {
            self.remember(address, true, now.wall);
            self.misses = 0;
            self.awaiting = false;
            self.others.hear(address, true, now.monotonic);
        }
        if overlapped {
            self.overlap_ended(now.monotonic);
        }
        marker.asks
    }

    /// An administrator wants the box to stand in for a server that is gone.
    ///
    /// # Errors
    /// With the reason why not, as it stands.
    pub fn take_over(&mut self, now: Duration, has_leases: bool) -> Result<(), Reason> {
        let standing = self.decide(now, has_leases);
        if !standing.may_take_over {
            return Err(standing.reason);
        }
        self.taken_over = true;
        Ok(())
    }

    /// Whether a probe is to be sent now; counts it as sent.
    pub fn probe(&mut self, now: Duration) -> bool {
        if self.is_mute() || now < self.due() {
            return false;
        }
        if self.awaiting {
            self.misses = self.misses.saturating_add(1);
        }
        self.awaiting = true;
        self.others.probed();
        if let Some(peer) = &mut self.peer {
            peer.silent_for = peer.silent_for.saturating_add(1);
            if peer.silent_for > MISSES {
                // It is gone: whoever waited for it searches anew before it does anything.
                self.since = if self.yields { now } else { self.since };
                self.yields = false;
                self.peer = None;
            }
        }
        self.last_probe = Some(now);
        true
    }

    /// When [`Coexistence::probe`] or [`Coexistence::decide`] is to be called next, at the latest.
    pub fn next(&self, now: Duration) -> Duration {
        let waits = [self.since + self.search(), self.since + self.setting.quiet_time];
        let probe = if self.is_mute() { now + self.setting.probe_interval } else { self.due() };
        waits.into_iter().filter(|at| *at > now).fold(probe, Duration::min)
    }

    /// What is sent so that another box knows this one.
    pub fn marker(&self, asks: bool) -> Marker {
        Marker { id: self.setting.box_id, part: self.part(), asks }
    }

    /// What is to be stored of this LAN, if it changed since the last call.
    pub fn take_memory(&mut self) -> Option<&Memory> {
        std::mem::take(&mut self.memory_changed).then_some(&self.memory)
    }

    /// Notes that what [`Coexistence::take_memory`] gave could not be stored: it gives it again.
    pub fn memory_not_stored(&mut self) {
        self.memory_changed = true;
    }

    /// Every server that was ever seen on this LAN.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Decides what to do from now on. `has_leases`: whether leases of ours still run.
    pub fn decide(&mut self, now: Duration, has_leases: bool) -> Standing {
        let over = self.others.forget_overlaps(now);
        for server in &over {
            self.memory_changed |= self.memory.note_gave(*server, None);
        }
        if !over.is_empty() {
            self.overlap_ended(now);
        }
        for server in self.others.left(now) {
            self.memory_changed |= self.memory.note_left(server);
        }
        let standing = self.judge(now, has_leases);
        self.conduct = standing.conduct;
        if self.setting.mode == Mode::Auto
            && matches!(standing.conduct, Conduct::Full { .. })
            && !std::mem::replace(&mut self.memory.served, true)
        {
            self.memory_changed = true;
        }
        standing
    }

    fn judge(&self, now: Duration, has_leases: bool) -> Standing {
        let setting = &self.setting;
        match setting.mode {
            Mode::Off => return self.says(Conduct::Silent, self.off()),
            Mode::Auto if setting.pool.is_none() && !self.claimed => {
                return self.says(Conduct::Silent, self.unclaimed());
            }
            Mode::InformOnly => return self.says(Conduct::InformOnly, self.inform_only()),
            Mode::Auto | Mode::PhonesOnly | Mode::Full => {}
        }
        if setting.pool.is_some() && !setting.static_address {
            return self.says(Conduct::InformOnly, self.own_address_leased()).alarming(setting.mode != Mode::Auto);
        }
        if self.is_searching(now) {
            return self.says(Conduct::Silent, self.searching());
        }
        if let Some(peer) = self.peer.filter(|_| self.yields) {
            return self.says(Conduct::InformOnly, self.other_box(peer.address)).alarming(true);
        }
        match setting.mode {
            Mode::PhonesOnly => match self.others.overlap() {
                Some((server, address)) => {
                    self.says(Conduct::InformOnly, self.pool_overlaps(server, address)).alarming(true)
                }
                None => self.says(Conduct::PhonesOnly, self.phones_only()),
            },
            Mode::Full => match self.others.here(now) {
                Some(server) => self.says(Conduct::Full { sole: false }, self.not_alone(server)).alarming(true),
                None => self.says(Conduct::Full { sole: true }, self.full()),
            },
            Mode::Auto | Mode::Off | Mode::InformOnly => self.judge_auto(now, has_leases),
        }
    }

    fn judge_auto(&self, now: Duration, has_leases: bool) -> Standing {
        let gone = self.is_gone(now);
        if let Some(server) = self.others.any().filter(|_| !gone) {
            let reason = if has_leases { self.stepping_down(server) } else { self.beside(server) };
            return self.says(Conduct::InformOnly, reason);
        }
        if let Some(server) = self.memory.last() {
            if self.taken_over {
                return self.says(Conduct::StandIn, self.standing_in(server)).alarming(true);
            }
            let silent = self.misses >= MISSES && now >= self.since + self.setting.quiet_time;
            let may_take_over = self.setting.pool.is_some() && (gone || silent);
            let reason = if gone { self.server_gone(server) } else { self.server_awaited(server) };
            return Standing { may_take_over, ..self.says(Conduct::InformOnly, reason).alarming(gone) };
        }
        if self.setting.pool.is_none() {
            return self.says(Conduct::InformOnly, self.nothing_to_give());
        }
        if now < self.since + self.setting.quiet_time && !self.memory.served {
            return self.says(Conduct::InformOnly, self.waits());
        }
        self.says(Conduct::Full { sole: true }, self.sole())
    }

    fn says(&self, conduct: Conduct, reason: Reason) -> Standing {
        Standing { conduct, reason, alarm: false, may_take_over: false }
    }

    /// A server is there. Whatever was taken over is its again.
    fn present(&mut self, server: Ipv4Addr, answers: bool, now: Now) {
        self.misses = 0;
        self.awaiting = false;
        self.taken_over = false;
        self.remember(server, answers, now.wall);
        self.others.hear(server, self.memory.answers(server), now.monotonic);
    }

    /// What was taken for a server of other people's is a box. Whether it had given an address of our pool.
    fn is_no_server(&mut self, address: Ipv4Addr) -> bool {
        self.memory_changed |= self.memory.note_left(address) | self.memory.note_gave(address, None);
        self.others.forget(address)
    }

    /// Another box may have waited for the same end of an overlap: where it kept this one from serving, who serves is
    /// found out anew.
    fn overlap_ended(&mut self, now: Duration) {
        if self.setting.mode == Mode::PhonesOnly && !self.yields && self.others.overlap().is_none() {
            self.since = now;
        }
    }

    fn remember(&mut self, server: Ipv4Addr, answers: bool, wall: Timestamp) {
        self.memory_changed |= self.memory.note(server, answers, wall);
    }

    /// Whether an address is another server's, and not that of a box. What can be nobody's is no server's.
    fn is_foreign(&self, server: Ipv4Addr) -> bool {
        let is_peer = self.peer.is_some_and(|peer| peer.address == server);
        server != self.setting.own && is_a_hosts(server) && !is_peer
    }

    /// Nothing at all is sent, not even probes.
    fn is_mute(&self) -> bool {
        self.setting.mode == Mode::Off
            || self.setting.mode == Mode::Auto && self.setting.pool.is_none() && !self.claimed
    }

    fn search(&self) -> Duration {
        match self.setting.mode {
            Mode::Auto => SEARCH,
            Mode::Full | Mode::PhonesOnly => SHORT_SEARCH,
            Mode::InformOnly | Mode::Off => Duration::ZERO,
        }
    }

    fn is_searching(&self, now: Duration) -> bool {
        now < self.since + self.search()
    }

    /// Whether some server has ever answered a probe, so that silence means something.
    fn expects_answer(&self) -> bool {
        self.memory.servers.values().any(|server| server.answers)
    }

    /// Whether the servers that answer probes have ceased to. After a power cut they get the time to start.
    fn is_gone(&self, now: Duration) -> bool {
        let in_time = !self.others.is_empty() || now >= self.since + self.setting.quiet_time;
        self.misses >= MISSES && self.expects_answer() && in_time
    }

    /// When the next probe is to be sent: soon while searching and while somebody who should have answered has not.
    fn due(&self) -> Duration {
        let Some(last) = self.last_probe else { return Duration::ZERO };
        let server_misses = self.awaiting && self.misses < MISSES && self.expects_answer();
        let box_misses = self.peer.is_some_and(|peer| peer.silent_for > 0);
        let wait = if self.is_searching(last) {
            if self.search() == SHORT_SEARCH { HASTY } else { EAGER }
        } else if server_misses || box_misses {
            EAGER.min(self.setting.probe_interval)
        } else {
            self.setting.probe_interval
        };
        self.others.last_chance(last).map_or(last + wait, |chance| chance.min(last + wait))
    }

    /// The part that is told to other boxes.
    fn part(&self) -> Part {
        if self.conduct.gives_addresses() {
            return Part::Serving;
        }
        let setting = &self.setting;
        let may = match setting.mode {
            Mode::Full => true,
            Mode::PhonesOnly => self.others.overlap().is_none(),
            Mode::Auto => self.memory.last().is_none(),
            Mode::InformOnly | Mode::Off => false,
        };
        if may && !self.yields && setting.pool.is_some() && setting.static_address {
            Part::Candidate
        } else {
            Part::Guest
        }
    }
}

impl Standing {
    fn alarming(self, alarm: bool) -> Self {
        Self { alarm, ..self }
    }
}
