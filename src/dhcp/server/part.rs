use std::io;
use std::time::Duration;

use super::{Server, memory_key};
use crate::dhcp::engine::Conduct;
use crate::dhcp::question::{Question, Wish};
use crate::model::{Door, Event, Reason};
use crate::store::Write;

/// Name of the secret setting that a box with an administrator has.
const PASSWORD: &str = "admin.password";

/// Playing the part that is decided on.
impl Server {
    /// Sends a probe if one is due, decides, and acts on a change.
    pub(super) fn play(&mut self) -> io::Result<()> {
        let now = self.parts.clock.now().monotonic;
        if self.coexistence.probe(now) {
            self.send_marker(true);
        }
        let standing = self.coexistence.decide(now, self.segments.has_leases());
        let memory = self.coexistence.take_memory().cloned();
        if let Some(memory) = memory {
            self.remember(&memory)?;
        }
        if self.standing.as_ref() == Some(&standing) {
            return Ok(());
        }
        if standing.conduct != Conduct::Silent {
            self.link.answer()?;
        }
        // What was decided in the former part is said before anything is decided in the new one.
        self.settle();
        self.segments.conduct(standing.conduct);
        tracing::info!(network = self.config.name, conduct = ?standing.conduct, "{}", standing.reason.sentence());
        self.parts.journal.record(Event::new(self.parts.clock.now().wall, Door::Dhcp, standing.reason.clone()));
        let memory = self.coexistence.memory().clone();
        let shown = standing.clone();
        self.parts.control.show(&self.config.name, |view| {
            view.standing = Some(shown);
            view.memory = memory;
        });
        self.standing = Some(standing);
        Ok(())
    }

    /// Whether somebody administers the box.
    pub(super) fn is_claimed(&self) -> bool {
        self.parts.store.secret(PASSWORD).is_some()
    }

    /// A server that was seen must be known after a power cut: it is stored before anything is said.
    fn remember(&mut self, memory: &crate::dhcp::coexistence::Memory) -> io::Result<()> {
        let value = serde_json::to_value(memory).map_err(io::Error::other)?;
        let key = memory_key(&self.config);
        if let Err(error) = self.parts.store.commit(vec![Write::PutSetting { key, value }]).wait() {
            tracing::error!(network = self.config.name, %error, "another DHCP server could not be noted");
        }
        let memory = memory.clone();
        self.parts.control.show(&self.config.name, |view| view.memory = memory);
        Ok(())
    }

    /// Sends a DISCOVER of our own: other servers answer it, and other boxes read its marker.
    pub(super) fn send_marker(&mut self, asks: bool) {
        let question = Question {
            wish: Wish::Discover,
            xid: self.own_xid,
            mac: self.link.interface().mac(),
            client_id: self.own_name.clone(),
            class: None,
            requested: Vec::new(),
            marker: Some(self.coexistence.marker(asks)),
        };
        // The address is the box's own: by it the other box knows where this one is.
        if let Err(error) = self.link.ask(&question.bytes(), self.link.interface().address) {
            tracing::warn!(network = self.config.name, %error, "searching for other DHCP servers");
        }
    }

    /// An administrator wants the box to stand in.
    pub(super) fn take_over(&mut self) -> Result<(), Reason> {
        let now = self.parts.clock.now();
        self.coexistence.take_over(now.monotonic, self.segments.has_leases())?;
        let reason = Reason::TakenOver { network: self.config.name.clone() };
        self.parts.journal.record(Event::new(now.wall, Door::Admin, reason));
        Ok(())
    }

    /// When the first question that is open is given up.
    pub(super) fn next_answer(&self) -> Duration {
        self.asking.iter().map(|asking| asking.deadline).min().unwrap_or(Duration::MAX)
    }
}
