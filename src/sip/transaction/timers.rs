use std::time::Duration;

/// The base values of all timers (RFC 3261 table 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Estimated round trip.
    pub t1: Duration,
    /// The longest pause between retransmissions of a request other than INVITE.
    pub t2: Duration,
    /// The longest that a message stays in the network.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// Timers B, F, H and J: how long a transaction waits for the other side.
    pub fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// Timer D: how long answers to an INVITE may still come; at least 32 seconds.
    pub fn linger(&self) -> Duration {
        Duration::from_secs(32)
    }
}

/// When a transaction wants to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Next {
    /// When it sends again what it sent, and the pause after that.
    pub(super) again: Option<(Duration, Duration)>,
    /// When its state ends.
    pub(super) end: Option<Duration>,
}

impl Next {
    /// The earlier of both.
    pub fn at(&self) -> Option<Duration> {
        [self.again.map(|(at, _)| at), self.end].into_iter().flatten().min()
    }
}
