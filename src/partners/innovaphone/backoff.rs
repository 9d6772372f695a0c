//! PURE. How long to wait before a connection is tried again.

use std::time::Duration;

/// The first wait.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait before try number `attempt` (0 for the first): it doubles, and `random` takes up to half of it away, so
/// that many phones do not come back at one moment.
pub(super) fn wait(attempt: u32, random: u16) -> Duration {
    let whole = SHORTEST.saturating_mul(1_u32 << attempt.min(6)).min(LONGEST);
    whole - whole.mul_f64(f64::from(random) / f64::from(u16::MAX) / 2.0)
}

/// The wait before the first try of one of `count` phones when the box starts: so that they come one after the other,
/// fifty a second.
pub(super) fn spread(count: usize, random: u16) -> Duration {
    let whole = Duration::from_millis(20).saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)).min(LONGEST);
    whole.mul_f64(f64::from(random) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_differ() {
        assert_eq!([0, 1, 2, 5, 6, 40].map(|attempt| wait(attempt, 0).as_secs()), [1, 2, 4, 32, 60, 60]);
        assert_eq!(wait(6, u16::MAX), Duration::from_secs(30));
        assert!(wait(3, 1000) < wait(3, 0) && wait(3, u16::MAX) >= Duration::from_secs(4));
        assert_eq!([(1, 0), (1, u16::MAX), (300, u16::MAX)].map(|(n, r)| spread(n, r).as_millis()), [0, 20, 6000]);
        assert_eq!(spread(usize::MAX, u16::MAX), LONGEST);
    }
}
