//! After the store was put back from snapshots: how long leases and phones are reckoned with that it does not know.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Config;
use crate::store::{GAPS, Store, Write};

/// How often it is stored how long ago that was. What ran since is waited for again after a power cut.
const STEP: Duration = Duration::from_secs(3600);
/// A restore that is to be undone is undone within this time: what phones sent up is kept for it.
const UNDONE: Duration = Duration::from_secs(7 * 86_400);

/// How long something may be missed: leases for as long as they last.
pub(super) fn missed_for(config: &Config) -> Duration {
    config.networks.iter().map(|network| network.dhcp.lease_time).fold(UNDONE, Duration::max)
}

/// Counts the time in which the box runs, since the clock may be wrong, until nothing is `missed` any more.
pub(super) async fn count(store: Store, missed: Duration) {
    let Some(before) = store.gaps() else { return };
    let (began, mut since) = (Instant::now(), before);
    while since < missed {
        tokio::time::sleep(STEP.min(missed.saturating_sub(since))).await;
        since = before.saturating_add(began.elapsed());
        write(&store, Write::PutSetting { key: GAPS.into(), value: since.as_secs().into() }).await;
    }
    write(&store, Write::DeleteSetting(GAPS.into())).await;
}

async fn write(store: &Store, write: Write) {
    if let Err(error) = store.commit(vec![write]).await {
        tracing::warn!(%error, "it cannot be stored how long ago the store was put back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::samples;
    use crate::sys::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn what_is_left_is_counted_over_starts_and_then_over() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(samples::options(directory.path(), Clock::new(Timestamp::default()))).unwrap();
        count(store.clone(), UNDONE).await;
        assert_eq!(store.gaps(), None, "a store that misses nothing");
        store.commit(vec![Write::PutSetting { key: GAPS.into(), value: 0.into() }]).await.unwrap();
        let patience = std::time::Instant::now() + Duration::from_secs(20);
        let first_step = async {
            tokio::time::advance(STEP).await;
            while store.gaps() != Some(STEP) {
                assert!(std::time::Instant::now() < patience, "it is not stored: {:?}", store.gaps());
                tokio::task::yield_now().await;
            }
        };
        // The box is stopped as soon as that is stored.
        tokio::select! {
            biased;
            () = count(store.clone(), UNDONE) => panic!("it is over"),
            () = first_step => {}
        }
        let began = Instant::now();
        count(store.clone(), UNDONE).await;
        assert_eq!(store.gaps(), None);
        let left = UNDONE - STEP;
        assert!((left..left + Duration::from_secs(2)).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
}
