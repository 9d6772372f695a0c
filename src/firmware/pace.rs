use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

/// Holds a flow of bytes to a rate, for all who share it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When what was let through so far is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    /// What may go out at once after a rest.
    const BURST: Duration = Duration::from_millis(100);

    /// Waits until `bytes` more may go at `rate` bytes a second; at once when there is no rate.
    pub(crate) async fn take(&self, bytes: usize, rate: Option<u64>) {
        let Some(rate) = rate.filter(|rate| *rate > 0) else { return };
        let cost = Duration::from_secs_f64(bytes as f64 / rate as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let from = paid.map_or(now, |paid| paid.max(now.checked_sub(Self::BURST).unwrap_or(now)));
            *paid.insert(from + cost)
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_rate_over_all_who_share_it() {
        let (pace, began) = (std::sync::Arc::new(Pace::default()), Instant::now());
        let flow = |pace: std::sync::Arc<Pace>| async move {
            for _ in 0..100 {
                pace.take(1000, Some(10_000)).await;
            }
        };
        tokio::join!(flow(pace.clone()), flow(pace.clone()));
        assert!((19_900..20_200).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        pace.take(1 << 40, None).await;
        assert!(began.elapsed() < Duration::from_secs(21));
    }
}
