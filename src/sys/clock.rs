//! The one place where a clock is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Now, Timestamp};

/// How far beyond the floor a clock chip is believed: one whose battery is empty says anything.
const CHIP: Duration = Duration::from_secs(5 * 365 * 86_400);

/// The clock of the box. Clones share one floor and one judgement of the clock.
///
/// A box with no clock battery boots in 1970, and one whose chip or time server is wrong may boot in 2050. The wall
/// clock is therefore never taken below a floor, the build date or the last time that was stored, from which it goes on
/// by itself, and never beyond what phones can count. It is trusted only when something vouches for it.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    built: Timestamp,
    floor: Arc<AtomicI64>,
    /// Milliseconds after the start at which the floor was raised.
    raised: Arc<AtomicI64>,
    trusted: Arc<AtomicBool>,
}

impl Clock {
    /// A clock that never shows less than `built`, and that nobody vouches for yet.
    pub fn new(built: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            built,
            floor: Arc::new(AtomicI64::new(built.millis())),
            raised: Arc::default(),
            trusted: Arc::default(),
        }
    }

    /// The time for one decision.
    pub fn now(&self) -> Now {
        let monotonic = self.started.elapsed();
        let (system, floor) = (self.system(), self.floor());
        let possible = self.is_possible(system);
        let since = monotonic.saturating_sub(Duration::from_millis(self.raised.load(Ordering::Relaxed).unsigned_abs()));
        Now {
            monotonic,
            wall: if possible { system } else { floor.plus(since) },
            trusted: possible && self.trusted.load(Ordering::Relaxed),
        }
    }

    /// What the system's clock says, be it possible or not.
    pub fn system(&self) -> Timestamp {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(system.as_millis()).unwrap_or(i64::MAX))
    }

    /// The latest time that is certain to have come: now where the clock is trusted, else the floor.
    pub fn certain(&self) -> Timestamp {
        let now = self.now();
        if now.trusted { now.wall } else { self.floor() }
    }

    /// Raises the floor; a lower one changes nothing.
    pub fn raise_floor(&self, floor: Timestamp) {
        if self.floor.fetch_max(floor.millis(), Ordering::Relaxed) < floor.millis() {
            self.raised.store(i64::try_from(self.started.elapsed().as_millis()).unwrap_or_default(), Ordering::Relaxed);
        }
    }

    /// A time server vouches for the wall clock.
    pub fn vouch(&self) {
        self.trusted.store(true, Ordering::Relaxed);
    }

    /// A clock chip vouches for the wall clock, unless it is below the floor or years beyond it.
    pub fn vouch_by_chip(&self) {
        let (system, floor) = (self.system(), self.floor());
        if system >= floor && system.since(floor) < CHIP {
            self.vouch();
        }
    }

    /// Somebody has compared the system's clock with their own. A floor beyond it was a mistake, and goes back to the
    /// build date. Whether the clock is trusted now: not when it is before that.
    pub fn vouch_in_person(&self) -> bool {
        let system = self.system();
        if system >= self.built && system < self.floor() {
            self.floor.store(self.built.millis(), Ordering::Relaxed);
        }
        // A clock that cannot be right is not trusted one day because it has come so far by itself.
        if self.is_possible(system) {
            self.vouch();
        }
        self.now().trusted
    }

    fn is_possible(&self, system: Timestamp) -> bool {
        system >= self.floor() && system <= Timestamp::LAST
    }

    fn floor(&self) -> Timestamp {
        Timestamp::from_millis(self.floor.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Timestamp = Timestamp::from_secs(2_100_000_000);

    #[test]
    fn never_shows_less_than_its_floor_and_goes_on_from_there() {
        let clock = Clock::new(Timestamp::default());
        assert!(clock.now().wall < FAR);
        clock.vouch();
        assert!(clock.now().trusted);
        clock.raise_floor(FAR);
        clock.raise_floor(Timestamp::default());
        let first = clock.now();
        assert!(first.wall >= FAR && first.wall < FAR.plus(Duration::from_secs(60)));
        assert!(!first.trusted, "a clock below its floor is wrong, whoever vouched for it");
        assert_eq!(clock.certain(), FAR);
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now().wall > first.wall, "what is to end in a while does end");
    }

    #[test]
    fn a_chip_that_is_years_off_is_not_believed() {
        let clock = Clock::new(Timestamp::from_secs(1_000_000_000));
        clock.vouch_by_chip();
        assert!(!clock.now().trusted);
        clock.raise_floor(Timestamp::from_millis(clock.system().millis() - 1000));
        clock.vouch_by_chip();
        assert!(clock.now().trusted);
        let clock = Clock::new(clock.system().plus(Duration::from_millis(50)));
        clock.vouch_by_chip();
        assert!(!clock.vouch_in_person());
        std::thread::sleep(Duration::from_millis(60));
        assert!(!clock.now().trusted, "nobody vouched for a clock that can be right");
    }

    #[test]
    fn a_person_undoes_a_floor_that_was_a_mistake() {
        let clock = Clock::new(Timestamp::default());
        clock.raise_floor(FAR);
        assert!(clock.vouch_in_person());
        assert!(clock.now().wall < FAR);
        assert!(!Clock::new(FAR).vouch_in_person(), "nothing was before the program");
    }
}
