use std::collections::VecDeque;
use std::time::Duration;

/// That a phone fetched its own file with its own login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// When, on the monotonic clock.
    pub at: Duration,
    /// ETag of what it has now.
    pub revision: String,
}

/// When a phone looks for its files by itself, as it was seen to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Habit {
    /// The last fetches that nobody asked for, the newest last.
    seen: VecDeque<Duration>,
}

impl Habit {
    /// Fetches that are remembered.
    const DEPTH: usize = 4;
    /// How far a phone's timetable may be off.
    const SLACK: Duration = Duration::from_secs(15);

    /// Remembers a fetch.
    pub fn add(&mut self, at: Duration) {
        // One look for files may fetch the same file twice: with and without a login.
        if self.seen.back().is_some_and(|&last| at < last + Duration::from_millis(100)) {
            return;
        }
        if self.seen.len() == Self::DEPTH {
            self.seen.pop_front();
        }
        self.seen.push_back(at);
    }

    /// Whether a fetch at `at` was due anyway: the last ones came at even intervals, and this one falls on a multiple
    /// of the same after the last. A fifth of the interval to either side counts as the same moment, and never more
    /// than `SLACK`: else nothing that a phone does could prove anything on a day on which it looks by itself.
    pub fn expects(&self, at: Duration) -> bool {
        let seen: Vec<Duration> = self.seen.iter().copied().filter(|&seen| seen < at).collect();
        let [.., first, second, last] = seen.as_slice() else { return false };
        let (earlier, interval) = (*second - *first, *last - *second);
        let slack = (interval / 5).min(Self::SLACK);
        if interval.is_zero() || earlier.abs_diff(interval) > slack {
            return false;
        }
        let since = (at - *last).as_nanos();
        let over = since % interval.as_nanos();
        since + slack.as_nanos() >= interval.as_nanos()
            && (over <= slack.as_nanos() || over + slack.as_nanos() >= interval.as_nanos())
    }
}
