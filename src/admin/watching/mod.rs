//! For those who watch the box: news as they happen, and counters.

mod live;
mod metrics;

pub(super) use live::{MOST_STREAMS, message};
