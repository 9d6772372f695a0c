//! Roll-outs of firmware: kept running, and given the way to tell phones.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::doors::Doors;
use super::supervision::Supervisor;
use crate::brands::Told;
use crate::firmware::{Library, Rollouts, Tell};
use crate::sip::{Refusal, Sip};

/// How often a phone that is being told something else is told.
const TRIES: u32 = 4;
/// How long to wait in between.
const PAUSE: Duration = Duration::from_secs(10);

impl Doors {
    /// Drives roll-outs.
    pub(super) fn roll_out(&self, parts: &mut JoinSet<()>, supervisor: &Supervisor, library: &Library, sip: Sip) {
        let tell = by_sip(sip);
        let foundations = (self.store.clone(), self.journal.clone(), self.clock.clone());
        let (library, stop) = (library.clone(), supervisor.stop.clone());
        parts.spawn(supervisor.clone().keep("roll-outs".to_owned(), move || {
            let rollouts = Rollouts::new(library.clone(), foundations.clone(), tell.clone());
            let stop = stop.clone();
            async move {
                tokio::select! {
                    never = rollouts.run() => match never {},
                    () = stop.cancelled() => Ok(()),
                }
            }
        }));
    }
}

/// Here, and nowhere else, phones are told that their file has changed because of a roll-out. One that cannot be told
/// comes when its own timetable says so.
fn by_sip(sip: Sip) -> Tell {
    Arc::new(move |mac| {
        let sip = sip.clone();
        tokio::spawn(async move {
            for _ in 0..TRIES {
                match sip.tell(mac, Told::Resync).await {
                    Err(Refusal::Busy(_)) => tokio::time::sleep(PAUSE).await,
                    Err(refusal) => return tracing::debug!(%mac, %refusal, "its turn in a roll-out, and not told"),
                    Ok(()) => return,
                }
            }
        });
    })
}
