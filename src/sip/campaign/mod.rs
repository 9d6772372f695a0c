//! Telling many phones without waking the office or flooding the telephone system.
//!
//! A campaign is a list of phones and the pace at which they are told: at most so many at a time, so many a second with
//! a jitter, in the idle hours only, and no further when too many fail. It says who is next and is told what came of
//! it; it outlives a restart of the box as what [`Campaign::keep`] gives of it.

mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brands::Told;
use crate::model::{Id, Mac, Now, Outcome, Reason, Timestamp};

/// What is to be done, to whom, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Plan {
    /// What the phones are told.
    pub told: Told,
    /// The phones.
    pub phones: Vec<Mac>,
    /// How many are told at a time: 1 to 10,000.
    pub at_most: u32,
    /// How many are begun in a second, on average: 1 to 10,000.
    pub per_second: u32,
    /// The hours in which phones are begun; always when there are none.
    pub between: Option<Hours>,
    /// The share of failures, in percent of those that are over, beyond which no more phones are begun.
    pub stop_above: u8,
}

impl Plan {
    /// How many phones are told at a time unless it is said.
    pub const USUAL_AT_MOST: u32 = 10;
    /// How many are begun in a second unless it is said.
    pub const USUAL_PER_SECOND: u32 = 2;
    /// The share of failures unless it is said.
    pub const USUAL_STOP_ABOVE: u8 = 25;
    /// The most of both.
    pub const MOST: u32 = 10_000;
    /// The most phones: how far a campaign of more is could not be stored.
    pub const MOST_PHONES: usize = 40_000;

    /// Whether it makes sense.
    ///
    /// # Errors
    /// Which number is out of its range.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.phones.is_empty() {
            return Err("no phone is meant");
        }
        if self.phones.len() > Self::MOST_PHONES {
            return Err("a campaign has at most 40,000 phones");
        }
        if !(1..=Self::MOST).contains(&self.at_most) || !(1..=Self::MOST).contains(&self.per_second) {
            return Err("at-most and per-second are 1 to 10,000");
        }
        if self.stop_above > 100 {
            return Err("stop-above is a share in percent");
        }
        Ok(())
    }
}

/// Hours of each day, in the time of a place so many minutes east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hours {
    /// First minute of the day: 0 to 1439.
    pub from: u16,
    /// The minute at which they end; earlier than `from` when they span midnight.
    pub to: u16,
    /// Minutes east of UTC: -840 to 840.
    pub offset: i16,
}

const DAY: i64 = 24 * 60;

impl Hours {
    /// Reads `22:00-06:00`.
    pub fn read(text: &str, offset: i16) -> Option<Self> {
        let (from, to) = text.split_once('-')?;
        let minute = |text: &str| {
            let (hours, minutes) = text.trim().split_once(':')?;
            let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let hours = Self { from: minute(from)?, to: minute(to)?, offset };
        (hours.from != hours.to && (-840..=840).contains(&offset)).then_some(hours)
    }

    /// Whether `at` is in them.
    pub fn contain(&self, at: Timestamp) -> bool {
        let minute = (at.secs().div_euclid(60) + i64::from(self.offset)).rem_euclid(DAY);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

/// A campaign, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its identity.
    pub id: Id,
    /// What is to be done. Of one that goes on after a restart of the box it names the phones that were left.
    pub plan: Plan,
    /// When it began.
    pub begun: Timestamp,
    /// How it stands.
    pub state: State,
    /// How many phones it has.
    pub phones: usize,
    /// How many of them are over.
    pub over: usize,
    /// How often what came of these, by code.
    pub outcomes: BTreeMap<String, usize>,
    /// How many of these failed.
    pub failed: u32,
    /// Phones that are being told. After a restart of the box they are told again.
    running: BTreeSet<Mac>,
    /// Position in the plan of the next one to be begun.
    position: usize,
    /// When the next one may be begun, on the monotonic clock.
    next_at: Duration,
}

/// How a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It goes on.
    Running,
    /// Somebody stopped it.
    Stopped,
    /// Too many phones failed.
    Failing,
    /// All phones are over.
    Ended,
}

/// Phones of a campaign by how they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    /// Not begun yet.
    pub waiting: usize,
    /// Being told.
    pub running: usize,
    /// Over, and well.
    pub done: usize,
    /// Over, and not.
    pub failed: usize,
}

/// Phones that are over before the share of failures means anything.
const ENOUGH: usize = 10;
/// How far the pace is caught up with.
const CATCH_UP: Duration = Duration::from_millis(100);
/// How often it is looked whether the idle hours have come.
const GLANCE: Duration = Duration::from_secs(20);

impl Campaign {
    /// A campaign that begins now. A phone that is named twice is told once.
    pub fn new(id: Id, mut plan: Plan, now: Now) -> Self {
        plan.phones.sort_unstable();
        plan.phones.dedup();
        Self {
            id,
            phones: plan.phones.len(),
            plan,
            begun: now.wall,
            state: State::Running,
            over: 0,
            outcomes: BTreeMap::new(),
            failed: 0,
            running: BTreeSet::new(),
            position: 0,
            next_at: now.monotonic,
        }
    }

    /// How many phones stand how.
    pub fn tally(&self) -> Tally {
        let failed = usize::try_from(self.failed).unwrap_or(usize::MAX).min(self.over);
        let running = self.running.len();
        Tally { waiting: self.phones.saturating_sub(self.over + running), running, done: self.over - failed, failed }
    }

    /// When it wants to be asked again.
    pub fn next(&self, now: Now) -> Option<Duration> {
        if self.state != State::Running || self.is_full() || self.tally().waiting == 0 {
            return None;
        }
        Some(if self.is_idle_time(now) { self.next_at } else { now.monotonic + GLANCE })
    }

    fn is_full(&self) -> bool {
        self.running.len() >= usize::try_from(self.plan.at_most).unwrap_or(usize::MAX)
    }

    /// A clock that nobody vouches for says nothing of the hour.
    fn is_idle_time(&self, now: Now) -> bool {
        self.plan.between.is_none_or(|hours| now.trusted && hours.contain(now.wall))
    }

    /// The phones that are to be begun now. `dice` makes the jitter: any number.
    pub fn due(&mut self, now: Now, dice: u64) -> Vec<Mac> {
        let mut due = Vec::new();
        let interval = Duration::from_secs(1) / self.plan.per_second.max(1);
        let mut dice = dice;
        while self.state == State::Running && !self.is_full() && self.next_at <= now.monotonic && self.is_idle_time(now)
        {
            let Some(mac) = self.take_next() else { break };
            self.running.insert(mac);
            due.push(mac);
            // Between a half and one and a half of the interval, so that phones do not march in step.
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = u32::try_from(dice >> 33).unwrap_or_default() % 1000;
            // What was missed by a late look is caught up with, a little.
            self.next_at =
                self.next_at.max(now.monotonic.saturating_sub(CATCH_UP)) + interval / 2 + interval * share / 1000;
        }
        due
    }

    fn take_next(&mut self) -> Option<Mac> {
        let mac = *self.plan.phones.get(self.position)?;
        self.position += 1;
        Some(mac)
    }

    /// A phone that could not be begun, because it is being told something else, comes again later.
    pub fn put_back(&mut self, mac: Mac) {
        self.running.remove(&mac);
        // At the end of the list, so that it does not keep the others waiting.
        self.plan.phones.retain(|phone| *phone != mac);
        self.plan.phones.push(mac);
        self.position = self.position.saturating_sub(1);
    }

    /// Whether a phone is being told by this campaign.
    pub fn is_telling(&self, mac: Mac) -> bool {
        self.running.contains(&mac)
    }

    /// What came of a phone. Whether the campaign is over by that.
    pub fn settle(&mut self, mac: Mac, reason: &Reason) -> bool {
        if !self.running.remove(&mac) {
            return false;
        }
        self.failed += u32::from(matches!(reason.outcome(), Outcome::Failed | Outcome::Refused));
        *self.outcomes.entry(reason.code()).or_default() += 1;
        self.over += 1;
        if self.state != State::Running {
            return false;
        }
        let tally = self.tally();
        if tally.waiting == 0 && tally.running == 0 {
            self.state = State::Ended;
        } else if self.over >= ENOUGH && tally.failed * 100 > self.over * usize::from(self.plan.stop_above) {
            self.state = State::Failing;
        }
        self.state != State::Running
    }

    /// Begins no more phones. Those that are being told are waited for.
    pub fn stop(&mut self) -> bool {
        let was = self.state == State::Running;
        if was {
            self.state = State::Stopped;
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn now(millis: u64) -> Now {
        // 2026-01-01 00:00 UTC is where the day begins.
        let wall = Timestamp::from_secs(1_767_225_600).plus(Duration::from_millis(millis));
        Now { monotonic: Duration::from_millis(millis), wall, trusted: true }
    }

    pub(super) fn mac(number: u8) -> Mac {
        Mac::new([0x80, 0x5e, 0xc0, 0, 0, number])
    }

    pub(super) fn campaign(phones: u8, change: impl FnOnce(&mut Plan)) -> Campaign {
        let mut plan = Plan {
            told: Told::Resync,
            phones: (0..phones).map(mac).collect(),
            at_most: 100,
            per_second: 10,
            between: None,
            stop_above: 25,
        };
        change(&mut plan);
        Campaign::new(Id::new(now(0).wall, 1), plan, now(0))
    }

    pub(super) const DONE: Reason = Reason::SipResynced { seconds: 1 };

    #[test]
    fn it_keeps_its_pace_with_a_jitter() {
        let mut campaign = campaign(200, |_| {});
        let mut begun = Vec::new();
        for millis in 0..10_000 {
            if campaign.next(now(millis)).is_some_and(|at| at <= now(millis).monotonic) {
                begun.extend(campaign.due(now(millis), millis).into_iter().map(|_| millis));
            }
        }
        assert!((80..=100).contains(&begun.len()), "{} in ten seconds", begun.len());
        let gaps: Vec<u64> = begun.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| (50..=150).contains(gap)), "{gaps:?}");
        assert!(gaps.iter().max() > gaps.iter().min(), "in step: {gaps:?}");
    }

    #[test]
    fn no_more_than_so_many_at_a_time() {
        let mut campaign = campaign(10, |plan| (plan.at_most, plan.per_second) = (3, 10_000));
        assert_eq!(campaign.due(now(1000), 1).len(), 3);
        assert_eq!((campaign.next(now(1000)), campaign.due(now(2000), 1).len()), (None, 0));
        assert!(!campaign.settle(mac(0), &DONE));
        assert_eq!(campaign.due(now(3000), 1), [mac(3)]);
        assert_eq!(campaign.tally(), Tally { waiting: 6, running: 3, done: 1, failed: 0 });
    }

    #[test]
    fn it_ends_when_all_are_over() {
        let mut campaign = campaign(2, |plan| plan.phones.push(mac(1)));
        let due = campaign.due(now(5000), 1);
        let more = campaign.due(now(9000), 1);
        assert_eq!([due, more].concat(), [mac(0), mac(1)], "one that is named twice is told once");
        assert!(!campaign.settle(mac(9), &DONE), "a phone of nobody's");
        assert!(!campaign.settle(mac(0), &DONE));
        assert!(campaign.settle(mac(1), &Reason::SipNoAddress));
        assert_eq!((campaign.state, campaign.failed), (State::Ended, 1));
    }

    #[test]
    fn it_goes_no_further_when_too_many_fail() {
        let mut campaign = campaign(40, |plan| plan.per_second = 10_000);
        campaign.due(now(10_000), 1);
        for number in 0..20 {
            let reason = if number % 3 == 0 { Reason::SipNoAddress } else { DONE };
            let over = campaign.settle(mac(number), &reason);
            assert_eq!(over, number == 9, "four of ten are more than a quarter");
        }
        assert_eq!(campaign.state, State::Failing);
        assert!(campaign.due(now(20_000), 1).is_empty());
        assert_eq!(campaign.next(now(20_000)), None);
    }

    #[test]
    fn it_keeps_to_the_idle_hours_of_a_clock_that_is_right() {
        let hours = Hours::read("22:00-06:00", 60).unwrap();
        let at = |hour: i64, minute: i64| Timestamp::from_secs(1_767_225_600 + hour * 3600 + minute * 60);
        for (hour, minute, inside) in
            [(20, 59, false), (21, 0, true), (0, 0, true), (4, 59, true), (5, 0, false), (12, 0, false)]
        {
            assert_eq!(hours.contain(at(hour, minute)), inside, "{hour}:{minute} UTC is an hour later there");
        }
        assert!(Hours::read("08:00-12:00", 0).unwrap().contain(at(8, 0)));
        for text in ["", "22:00", "24:00-06:00", "22:60-06:00", "22:00-22:00", "a-b"] {
            assert_eq!(Hours::read(text, 0), None, "{text}");
        }
        let mut campaign = campaign(2, |plan| plan.between = Hours::read("00:01-06:00", 0));
        assert!(campaign.due(now(0), 1).is_empty());
        assert_eq!(campaign.next(now(0)), Some(GLANCE));
        let unsure = Now { trusted: false, ..now(120_000) };
        assert!(campaign.due(unsure, 1).is_empty());
        assert!(!campaign.due(now(120_000), 1).is_empty());
    }

    #[test]
    fn a_busy_phone_comes_last_and_a_stopped_campaign_begins_none() {
        let mut campaign = campaign(3, |plan| plan.per_second = 10_000);
        assert_eq!(campaign.due(now(0), 1), [mac(0)]);
        campaign.put_back(mac(0));
        assert_eq!(campaign.due(now(5000), 1), [mac(1), mac(2), mac(0)]);
        assert!(campaign.stop() && !campaign.stop());
        assert!(!campaign.settle(mac(1), &DONE));
        assert_eq!(campaign.state, State::Stopped);
    }
}
