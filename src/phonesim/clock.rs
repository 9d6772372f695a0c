//! The phone's own clock, and how fast its own waits pass.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::UnixTime;

use crate::model::Timestamp;

/// The clock on the phone's display. It has no battery: at each power-on it starts in 1970.
///
/// It runs at the speed of ours; only the phone's own waits are shortened by `pace`.
#[derive(Debug)]
pub(super) struct Clock {
    powered: Instant,
    /// Seconds since 1970 at `powered`.
    start: AtomicU64,
    pace: u32,
}

impl Clock {
    /// The shortest that a wait for somebody else's answer is made, however fast the phone's time passes.
    const PATIENCE: Duration = Duration::from_millis(400);

    pub(super) fn at_power_on(pace: u32) -> Self {
        Self { powered: Instant::now(), start: AtomicU64::new(0), pace: pace.max(1) }
    }

    /// How long a wait of the phone's own lasts for us.
    pub(super) fn wait(&self, span: Duration) -> Duration {
        span / self.pace
    }

    /// How long a wait for an answer lasts for us.
    pub(super) fn patience(&self, span: Duration) -> Duration {
        self.wait(span).max(Self::PATIENCE.min(span))
    }

    /// Seconds since 1970 by this phone.
    pub(super) fn unix(&self) -> u64 {
        self.start.load(Ordering::Relaxed).saturating_add(self.powered.elapsed().as_secs())
    }

    /// Sets the clock.
    pub(super) fn set(&self, unix: u64) {
        self.start.store(unix.saturating_sub(self.powered.elapsed().as_secs()), Ordering::Relaxed);
    }

    /// Whether somebody set it since power-on.
    pub(super) fn is_set(&self) -> bool {
        self.start.load(Ordering::Relaxed) != 0
    }

    pub(super) fn display(&self) -> String {
        Timestamp::from_secs(i64::try_from(self.unix()).unwrap_or(i64::MAX)).to_string()
    }
}

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.unix())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_in_1970_and_hastens_only_its_own_waits() {
        let clock = Clock::at_power_on(60);
        assert!(clock.display().starts_with("1970-01-01T00:00:0"));
        assert!(!clock.is_set());
        assert_eq!(clock.wait(Duration::from_secs(60)), Duration::from_secs(1));
        assert_eq!(clock.patience(Duration::from_secs(4)), Clock::PATIENCE);
        assert_eq!(clock.patience(Duration::from_secs(60)), Duration::from_secs(1));
        clock.set(1_700_000_000);
        assert!(clock.is_set());
        assert!(clock.display().starts_with("2023-11-14T22:13:2"));
    }
}
