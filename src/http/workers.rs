use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads that connections are served on. Clones share them; they end when the last one is dropped.
///
/// There is one for each core, with a reactor of its own, and a connection stays where it began: no request wakes
/// another thread than the one that answers it.
#[derive(Clone)]
pub struct Workers(Arc<Threads>);

struct Threads {
    handles: Vec<Handle>,
    next: AtomicUsize,
    _end: Option<DropGuard>,
}

impl Workers {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives no thread or no reactor.
    pub fn start() -> io::Result<Self> {
        let end = CancellationToken::new();
        let mut handles = Vec::new();
        for number in 0..thread::available_parallelism().map_or(1, usize::from) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let end = end.clone();
            thread::Builder::new().name(format!("http-{number}")).spawn(move || runtime.block_on(end.cancelled()))?;
        }
        Ok(Self(Arc::new(Threads { handles, next: AtomicUsize::new(0), _end: Some(end.drop_guard()) })))
    }

    /// None of its own: connections are served where they are accepted.
    pub fn here() -> Self {
        Self(Arc::new(Threads { handles: Vec::new(), next: AtomicUsize::new(0), _end: None }))
    }

    /// Where the next connection is served, in turn.
    pub(super) fn next(&self) -> Handle {
        let turn = self.0.next.fetch_add(1, Ordering::Relaxed);
        let handle = turn.checked_rem(self.0.handles.len()).and_then(|at| self.0.handles.get(at));
        handle.cloned().unwrap_or_else(Handle::current)
    }
}
