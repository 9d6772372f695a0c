//! Roll-outs of firmware: kept running, and given the way to tell phones.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::doors::Doors;
use super::supervision::Supervisor;
use crate::firmware::{Library, Rollouts, Tell};

impl Doors {
    /// Drives roll-outs. Here, and nowhere else, phones are told that their file has changed because of one.
    pub(super) fn roll_out(&self, parts: &mut JoinSet<()>, supervisor: &Supervisor, library: &Library) {
        // There is no way to tell them yet: each comes when its own timetable says so.
        let tell: Tell = Arc::new(|mac| tracing::debug!(%mac, "its turn in a roll-out has come"));
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
