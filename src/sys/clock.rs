//! The one place where a clock is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Now, Timestamp};

/// The clock of the box. Clones share one floor and one judgement of the clock.
///
/// A box with no clock battery boots in 1970. The wall clock is therefore never taken below a floor: the build
/// date, raised to the last time that was stored. It is trusted only when something vouches for it.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    floor: Arc<AtomicI64>,
    trusted: Arc<AtomicBool>,
}

impl Clock {
    /// A clock that never shows less than `floor`, and that nobody vouches for yet.
    pub fn new(floor: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            floor: Arc::new(AtomicI64::new(floor.millis())),
            trusted: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The time for one decision.
    pub fn now(&self) -> Now {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let system = i64::try_from(system.as_millis()).unwrap_or(i64::MAX);
        let floor = self.floor.load(Ordering::Relaxed);
        Now {
            monotonic: self.started.elapsed(),
            wall: Timestamp::from_millis(system.max(floor)),
            trusted: system >= floor && self.trusted.load(Ordering::Relaxed),
        }
    }

    /// Raises the floor; a lower one changes nothing.
    pub fn raise_floor(&self, floor: Timestamp) {
        self.floor.fetch_max(floor.millis(), Ordering::Relaxed);
    }

    /// Something vouches for the wall clock: a clock chip, NTP, or the administrator.
    pub fn vouch(&self) {
        self.trusted.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_less_than_its_floor() {
        let far = Timestamp::from_secs(4_000_000_000);
        let clock = Clock::new(Timestamp::default());
        assert!(clock.now().wall < far);
        clock.vouch();
        assert!(clock.now().trusted);
        clock.raise_floor(far);
        clock.raise_floor(Timestamp::default());
        assert_eq!(clock.now().wall, far);
        assert!(!clock.now().trusted, "a clock below its floor is wrong, whoever vouched for it");
    }
}
