use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Error;
use super::record::Part;
use super::shared::Shared;
use super::snapshot::{Header, Slots};

/// Time until a snapshot that failed is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Takes the snapshots, on a thread of its own: the writer never waits for them.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    due: Arc<(Mutex<Due>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// When which snapshot is to be taken, at the latest.
#[derive(Debug, Default)]
struct Due {
    documents: Option<Instant>,
    leases: Option<Instant>,
    stop: bool,
}

impl Keeper {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>, documents: Slots, leases: Slots) -> Result<Self, Error> {
        let due = Arc::new((Mutex::new(Due::default()), Condvar::new()));
        let thread = std::thread::Builder::new()
            .name("store-snapshots".into())
            .spawn({
                let (shared, due) = (shared.clone(), due.clone());
                move || run(&shared, &due, documents, leases)
            })
            .map_err(|e| Error::Io { doing: "starting the thread of snapshots".into(), what: e.to_string() })?;
        Ok(Self { shared, due, thread: Some(thread) })
    }

    /// Something of this part was stored: a snapshot will be taken in time.
    pub(super) fn changed(&self, part: Part) {
        let limits = &self.shared.limits;
        let mut due = locked(&self.due.0);
        let (slot, within) = match part {
            Part::Documents => (&mut due.documents, limits.documents_saved_within),
            Part::Leases => (&mut due.leases, limits.leases_saved_within),
            Part::Events => return,
        };
        if slot.is_none() {
            *slot = Instant::now().checked_add(within);
            self.due.1.notify_one();
        }
    }

    /// A snapshot of this part ought to have been taken before: one is taken now.
    pub(super) fn overdue(&self, part: Part) {
        let mut due = locked(&self.due.0);
        let slot = match part {
            Part::Documents => &mut due.documents,
            Part::Leases => &mut due.leases,
            Part::Events => return,
        };
        *slot = Some(Instant::now());
        self.due.1.notify_one();
    }

    /// Takes the snapshots that are due or will be, and ends the thread.
    pub(super) fn stop(mut self) {
        locked(&self.due.0).stop = true;
        self.due.1.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn locked(due: &Mutex<Due>) -> MutexGuard<'_, Due> {
    due.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(shared: &Shared, due: &(Mutex<Due>, Condvar), mut documents: Slots, mut leases: Slots) {
    loop {
        let (mut saves_documents, mut saves_leases) = (false, false);
        let stop = {
            let mut waiting = locked(&due.0);
            loop {
                let now = Instant::now();
                let ripe = |at: &mut Option<Instant>, stop| at.take_if(|at| stop || *at <= now).is_some();
                let stop = waiting.stop;
                saves_documents |= ripe(&mut waiting.documents, stop);
                saves_leases |= ripe(&mut waiting.leases, stop);
                if stop || saves_documents || saves_leases {
                    break stop;
                }
                let next = waiting.documents.into_iter().chain(waiting.leases).min();
                let span = next.map_or(Duration::from_secs(3600), |next| next.saturating_duration_since(now));
                waiting = due.1.wait_timeout(waiting, span).unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        let later = Instant::now().checked_add(RETRY);
        if saves_documents && failed(Part::Documents, save(shared, Part::Documents, &mut documents)) {
            locked(&due.0).documents = later;
        }
        if saves_leases && failed(Part::Leases, save(shared, Part::Leases, &mut leases)) {
            locked(&due.0).leases = later;
        }
        if stop {
            return;
        }
    }
}

fn failed(part: Part, result: io::Result<()>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(?part, %error, "no snapshot could be written; it will be tried again");
    }
    result.is_err()
}

/// Writes a snapshot of what is stored now.
pub(super) fn save(shared: &Shared, part: Part, slots: &mut Slots) -> io::Result<()> {
    let (header, records) = {
        let view = shared.view();
        let time = shared.clock.certain();
        (Header::new(shared.schema, view.generation, time, view.next_event(), &shared.check), view.records(part))
    };
    slots.write(header, &records, shared.limits.room_to_write)
}
