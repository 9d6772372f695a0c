use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::fold::is_once_more;
use crate::model::{Event, Reason};

/// Events that wait for the journal's thread, at most. The last quarter is kept for hand-outs of secrets.
const QUEUE: usize = 8192;
/// So many waiting events are taken whatever the pace.
const MANY: usize = 1024;
/// How far back a repeat is looked for among the events that wait.
const LOOK_BACK: usize = 16;

/// Events on their way to the journal's thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Event>,
    closed: bool,
    /// Whether the thread waits for the first event.
    idle: bool,
}

impl Queue {
    /// Takes an event. Never waits: when the queue is full the event is dropped and counted.
    pub(super) fn push(&self, event: Event) {
        let limit = if hands_out_secret(&event.reason) { QUEUE } else { QUEUE / 4 * 3 };
        let mut state = self.lock();
        if let Some(same) = state.same(&event) {
            same.count = same.count.saturating_add(event.count);
            same.last = event.last;
        } else if state.waiting.len() < limit && !state.closed {
            state.waiting.push_back(event);
            let ring = std::mem::take(&mut state.idle) || state.waiting.len() == MANY;
            drop(state);
            if ring {
                self.arrived.notify_one();
            }
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many events were lost.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Nothing more is to come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Waits for events, no longer than `most`, and takes those that came. None are taken before `not_before` unless
    /// they are many. `None` when the queue is closed and empty.
    pub(super) fn take(&self, not_before: Instant, most: Duration) -> Option<VecDeque<Event>> {
        let until = Instant::now() + most;
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due = !state.waiting.is_empty() && (now >= not_before || state.waiting.len() >= MANY);
            if due || state.closed || now >= until.max(not_before) {
                break;
            }
            state.idle = state.waiting.is_empty();
            let deadline = if state.idle { until.max(not_before) } else { not_before };
            let wait = self.arrived.wait_timeout(state, deadline.saturating_duration_since(now));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.idle = false;
        if state.closed && state.waiting.is_empty() {
            return None;
        }
        let count = state.waiting.len().min(MANY);
        Some(state.waiting.drain(..count).collect())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The same event of this minute, where it waits and nothing else about that phone came in between.
    fn same(&mut self, event: &Event) -> Option<&mut Event> {
        let latest = self.waiting.iter_mut().rev().take(LOOK_BACK).find(|earlier| earlier.mac == event.mac)?;
        is_once_more(latest, event).then_some(latest)
    }
}

pub(super) fn hands_out_secret(reason: &Reason) -> bool {
    matches!(reason, Reason::FirstContactGiven | Reason::Success { own_file: true, .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Door, Mac, Timestamp};

    fn knock(number: u16, reason: Reason) -> Event {
        let [high, low] = number.to_be_bytes();
        Event::new(Timestamp::from_secs(1), Door::Https, reason).about(Mac::new([2, 0, 0, 0, high, low]))
    }

    fn take(queue: &Queue) -> VecDeque<Event> {
        queue.take(Instant::now(), Duration::ZERO).unwrap()
    }

    #[test]
    fn what_waits_is_counted_and_the_order_about_one_phone_kept() {
        let queue = Queue::default();
        for reason in [Reason::CaGiven, Reason::CaGiven, Reason::WasReset, Reason::CaGiven] {
            queue.push(knock(1, reason));
            queue.push(knock(2, Reason::CaGiven));
        }
        let taken = take(&queue);
        let counts: Vec<(u32, bool)> =
            taken.iter().map(|event| (event.count, event.reason == Reason::CaGiven)).collect();
        assert_eq!(counts, [(2, true), (4, true), (1, false), (1, true)]);
        assert_eq!(take(&queue).len(), 0);
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_has_room_for_hand_outs_of_secrets() {
        let queue = Queue::default();
        for number in 0..7000 {
            queue.push(knock(number, Reason::CaGiven));
        }
        queue.push(knock(7000, Reason::FirstContactGiven));
        assert_eq!(queue.dropped(), 7000 - 6144);
        let mut left = 0;
        loop {
            match take(&queue).len() {
                0 => break,
                count => left += count,
            }
        }
        assert_eq!(left, 6145);
        queue.close();
        assert!(queue.take(Instant::now(), Duration::from_secs(60)).is_none());
    }

    #[test]
    fn the_pace_holds_unless_there_are_many() {
        let queue = Queue::default();
        queue.push(knock(1, Reason::CaGiven));
        let far = Instant::now() + Duration::from_secs(60);
        for number in 2..=MANY as u16 {
            queue.push(knock(number, Reason::CaGiven));
        }
        assert_eq!(queue.take(far, Duration::ZERO).unwrap().len(), MANY, "many do not wait");
        queue.push(knock(1, Reason::CaGiven));
        let begun = Instant::now();
        assert_eq!(queue.take(begun + Duration::from_millis(30), Duration::ZERO).unwrap().len(), 1);
        assert!(begun.elapsed() >= Duration::from_millis(30));
    }
}
