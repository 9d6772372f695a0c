//! What is said about a disk that took nothing once it can be written down.

use tokio::sync::watch;

use crate::journal::Journal;
use crate::model::{Door, Event, Reason};
use crate::store::{Hindrance, Refusal};

/// Records, whenever the disk takes something again, since when nothing could be stored. Ends with the store.
pub(super) async fn tell(mut refusal: watch::Receiver<Option<Refusal>>, journal: Journal) {
    while refusal.changed().await.is_ok() {
        let last = *refusal.borrow_and_update();
        if let Some(Refusal { why, since, until: Some(until) }) = last {
            let since = since.to_string();
            let reason = match why {
                Hindrance::Full => Reason::DiskHasRoom { since },
                Hindrance::ReadOnly => Reason::DiskWritable { since },
            };
            journal.record(Event::new(until, Door::Box, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::Live;
    use crate::model::Timestamp;
    use crate::store::{Store, samples};
    use crate::sys::clock::Clock;

    #[tokio::test]
    async fn the_end_of_a_full_disk_is_an_event_that_names_its_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(samples::options(directory.path(), Clock::new(Timestamp::default()))).unwrap();
        let (journal, _writing) = Journal::open(store).unwrap();
        let mut news = journal.subscribe();
        let (disk, seen) = watch::channel(None);
        let telling = tokio::spawn(tell(seen, journal));
        let since = Timestamp::from_secs(1_700_000_000);
        let until = since.plus(Duration::from_secs(60));
        let why = Hindrance::Full;
        disk.send_replace(Some(Refusal { why, since, until: None }));
        tokio::task::yield_now().await;
        disk.send_replace(Some(Refusal { why, since, until: Some(until) }));
        let told = tokio::time::timeout(Duration::from_secs(10), news.recv()).await.unwrap().unwrap();
        let Live::Event { event, .. } = told else { panic!("{told:?}") };
        assert_eq!(event.at, until);
        assert_eq!(
            event.reason.sentence(),
            "There is room on the disk again. Since 2023-11-14T22:13:20Z nothing could be stored, and no event was \
             recorded."
        );
        drop(disk);
        telling.await.unwrap();
    }
}
