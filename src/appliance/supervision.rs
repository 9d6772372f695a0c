//! A part that dies is logged, counted and started again; the others go on.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::journal::Journal;
use crate::model::{Door, Event, Reason};
use crate::sys::clock::Clock;

/// Wait before the first new start of a part.
const SHORTEST: Duration = Duration::from_millis(250);
/// Wait before each new start of a part that keeps dying.
const LONGEST: Duration = Duration::from_secs(30);
/// A part that ran this long was well: the next wait is short again.
const WELL: Duration = Duration::from_secs(60);

/// Starts parts again, for as long as the box is up.
#[derive(Clone)]
pub(super) struct Supervisor {
    pub(super) stop: CancellationToken,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
}

impl Supervisor {
    /// Runs the part called `name` until the box stops: `start` makes it, first and after each death.
    pub(super) async fn keep<Part>(self, name: String, start: impl Fn() -> Part)
    where
        Part: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let mut times = 0;
        let mut wait = SHORTEST;
        loop {
            let started = Instant::now();
            let ended = tokio::spawn(start()).await;
            if self.stop.is_cancelled() {
                return;
            }
            times += 1;
            match ended {
                Ok(Ok(())) => tracing::error!(part = name, times, "a part ended by itself"),
                Ok(Err(error)) => tracing::error!(part = name, times, error = format!("{error:#}"), "a part failed"),
                Err(panic) => tracing::error!(part = name, times, %panic, "a part panicked"),
            }
            self.journal.record(Event::new(
                self.clock.now().wall,
                Door::Box,
                Reason::PartRestarted { part: name.clone(), times },
            ));
            wait = if started.elapsed() >= WELL { SHORTEST } else { wait };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.stop.cancelled() => return,
            }
            wait = (wait * 2).min(LONGEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::journal::Live;
    use crate::model::Timestamp;
    use crate::store::{Store, samples};

    #[tokio::test(start_paused = true)]
    #[allow(clippy::panic)] // the part that dies
    async fn a_part_that_dies_is_counted_and_started_again_with_a_growing_wait() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::default());
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        let (journal, writing) = Journal::open(store).unwrap();
        let mut news = journal.subscribe();
        let stop = CancellationToken::new();
        let starts = Arc::new(AtomicU32::new(0));
        let began = Instant::now();

        let supervisor = Supervisor { stop: stop.clone(), journal: journal.clone(), clock };
        supervisor
            .keep("door".into(), {
                let starts = starts.clone();
                let stop = stop.clone();
                move || {
                    let (start, stop) = (starts.fetch_add(1, Ordering::Relaxed), stop.clone());
                    async move {
                        match start {
                            0 => panic!("it died"),
                            1 => anyhow::bail!("its socket broke"),
                            2 => Ok(()),
                            _ => {
                                stop.cancel();
                                Ok(())
                            }
                        }
                    }
                }
            })
            .await;

        assert_eq!(starts.load(Ordering::Relaxed), 4);
        assert_eq!(began.elapsed().as_millis(), 250 + 500 + 1000);
        writing.close();
        let mut counted = Vec::new();
        while let Ok(Live::Event { event, .. }) = news.try_recv() {
            counted.push(event.reason);
        }
        let restarted = |times| Reason::PartRestarted { part: "door".into(), times };
        assert_eq!(counted, [restarted(1), restarted(2), restarted(3)]);
    }
}
