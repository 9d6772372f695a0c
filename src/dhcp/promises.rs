//! Replies that promise a lease, and wait until it is stored.

use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::reply::Reply;
use crate::model::Event;
use crate::store::{Error, Ticket};

/// The most commits that are under way at once.
const MOST: usize = 64;

/// What leaves once a commit is durable.
#[derive(Debug)]
pub(super) struct Promise {
    pub(super) replies: Vec<Reply>,
    pub(super) events: Vec<Event>,
}

/// Commits under way, in their order, with what waits for each. The loop goes on deciding meanwhile: on a slow disk
/// whatever comes during one sync is stored by the next.
#[derive(Debug)]
pub(super) struct Promises {
    waiting: VecDeque<(Ticket, Promise)>,
    bell: UnixStream,
    ringer: Arc<Ringer>,
    waker: Waker,
}

/// Makes the bell readable when a ticket is answered.
#[derive(Debug)]
struct Ringer {
    rope: UnixStream,
    rung: AtomicBool,
}

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // It fails when nobody listens any more.
            let _ = (&self.rope).write(&[0]);
        }
    }
}

impl Promises {
    pub(super) fn new() -> io::Result<Self> {
        let (bell, rope) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        rope.set_nonblocking(true)?;
        let ringer = Arc::new(Ringer { rope, rung: AtomicBool::new(false) });
        let waker = Waker::from(ringer.clone());
        Ok(Self { waiting: VecDeque::new(), bell, ringer, waker })
    }

    /// Readable when [`Promises::kept`] may have something.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Whether no further commit should be begun now.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST
    }

    /// Adds what waits for a commit.
    pub(super) fn add(&mut self, ticket: Ticket, promise: Promise) {
        self.waiting.push_back((ticket, promise));
    }

    /// Lets a promise that needs no commit of its own wait for all that are under way; gives it back if there is none.
    pub(super) fn join(&mut self, promise: Promise) -> Option<Promise> {
        let Some((_, last)) = self.waiting.back_mut() else { return Some(promise) };
        last.replies.extend(promise.replies);
        last.events.extend(promise.events);
        None
    }

    /// The next promise whose commit is durable by now, if there is one.
    ///
    /// # Errors
    /// When the commit failed. What waited for it is dropped, and what was decided after it was decided in the belief
    /// that it had not: [`Promises::give_up`] must follow.
    pub(super) fn kept(&mut self) -> Option<Result<Promise, Error>> {
        let (ticket, _) = self.waiting.front_mut()?;
        match Pin::new(ticket).poll(&mut Context::from_waker(&self.waker)) {
            Poll::Pending => None,
            Poll::Ready(stored) => {
                let (_, promise) = self.waiting.pop_front()?;
                Some(stored.map(|()| promise))
            }
        }
    }

    /// Silences the bell, before [`Promises::kept`] is asked: whatever is answered afterwards rings it again.
    pub(super) fn listen(&self) {
        // Read first: a ring in between is not heard, and its ticket is found answered.
        let _ = (&self.bell).read(&mut [0; 16]);
        self.ringer.rung.store(false, Ordering::SeqCst);
    }

    /// Waits for the next promise, as [`Promises::kept`] tells it.
    pub(super) fn wait(&mut self) -> Option<Result<Promise, Error>> {
        let (ticket, promise) = self.waiting.pop_front()?;
        Some(ticket.wait().map(|()| promise))
    }

    /// Waits until no commit is under way, and drops everything that waited.
    pub(super) fn give_up(&mut self) {
        while self.wait().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::*;
    use crate::model::Timestamp;
    use crate::store::{Store, samples};
    use crate::sys::clock::Clock;

    fn store(directory: &tempfile::TempDir) -> Store {
        let options = samples::options(directory.path(), Clock::new(Timestamp::default()));
        Store::open(options).unwrap().0
    }

    fn setting(number: u8) -> Vec<crate::store::Write> {
        vec![crate::store::Write::PutSetting { key: "a".into(), value: number.into() }]
    }

    fn promise() -> Promise {
        Promise { replies: Vec::new(), events: Vec::new() }
    }

    #[test]
    fn the_bell_rings_for_each_commit() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        let mut promises = Promises::new().unwrap();
        for round in 0..200 {
            for number in 0..3 {
                promises.add(store.commit(setting(number)), promise());
            }
            let mut kept = 0;
            while kept < 3 {
                promises.listen();
                while let Some(stored) = promises.kept() {
                    stored.unwrap();
                    kept += 1;
                }
                if kept < 3 {
                    let mut bell = [PollFd::new(promises.bell(), PollFlags::POLLIN)];
                    let rung = poll(&mut bell, PollTimeout::from(10_000_u16)).unwrap();
                    assert_eq!(rung, 1, "round {round}: {kept} of 3, and no bell");
                }
            }
        }
    }

    #[test]
    fn a_failed_commit_is_told_and_the_rest_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(&directory);
        let mut promises = Promises::new().unwrap();
        promises.add(store.commit(setting(1)), promise());
        assert!(matches!(promises.wait(), Some(Ok(_))));
        store.close();
        for _ in 0..MOST {
            assert!(!promises.is_full());
            promises.add(store.commit(setting(2)), promise());
        }
        assert!(promises.is_full());
        assert!(matches!(promises.kept(), Some(Err(Error::Closed))));
        promises.give_up();
        assert!(promises.kept().is_none());
    }
}
