//! Waiting for what must come, with an end.

use std::time::{Duration, Instant};

/// How long it is before the next look.
const LOOK: Duration = Duration::from_millis(20);

/// Looks again and again until it is so, or `patience` is over; whether it came to be so.
pub(crate) fn wait_until(patience: Duration, mut so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !so() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::park_timeout(LOOK);
    }
    true
}
