use std::io;
use std::time::Duration;

use super::{Server, TICK, memory_key};
use crate::dhcp::coexistence::Coexistence;
use crate::dhcp::engine::Conduct;
use crate::dhcp::question::{Question, Wish};
use crate::model::{Door, Event, Reason};
use crate::store::{self, Store, Write};

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
        if now >= self.remember_at {
            self.remember(now)?;
        }
        if self.standing.as_ref() == Some(&standing) {
            self.segments.conduct(standing.conduct);
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

    /// A server that was seen must be known after a power cut: it is stored before anything is said. Where it cannot be,
    /// it is tried again from time to time.
    fn remember(&mut self, now: Duration) -> io::Result<()> {
        let key = memory_key(&self.config);
        let Some(stored) = store_memory(&mut self.coexistence, &self.parts.store, key)? else { return Ok(()) };
        let failed_before = !self.remember_at.is_zero();
        self.remember_at = stored.as_ref().map_or_else(|_| now + TICK, |()| Duration::ZERO);
        if let Err(error) = stored
            && !failed_before
        {
            tracing::error!(network = self.config.name, %error, "another DHCP server could not be noted yet");
        }
        let memory = self.coexistence.memory().clone();
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

/// Stores what was seen on the LAN, if that is news, and says what came of it. What could not be stored stays news.
fn store_memory(
    coexistence: &mut Coexistence,
    store: &Store,
    key: String,
) -> io::Result<Option<Result<(), store::Error>>> {
    let Some(memory) = coexistence.take_memory() else { return Ok(None) };
    let value = serde_json::to_value(memory).map_err(io::Error::other)?;
    let stored = store.commit(vec![Write::PutSetting { key, value }]).wait();
    if stored.is_err() {
        coexistence.memory_not_stored();
    }
    Ok(Some(stored))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::path::Path;

    use super::*;
    use crate::config::Mode;
    use crate::dhcp::coexistence::{Memory, Setting};
    use crate::model::{Id, Now, Timestamp};
    use crate::store::samples;
    use crate::sys::clock::Clock;

    fn open(directory: &Path) -> Store {
        let clock = Clock::new(Timestamp::default());
        let options = samples::options(directory, clock);
        Store::open(options).unwrap().0
    }

    #[test]
    fn a_server_that_could_not_be_noted_is_noted_later() {
        let directory = tempfile::tempdir().unwrap();
        let setting = Setting {
            network: "office".into(),
            mode: Mode::Auto,
            pool: None,
            further_pools: Vec::new(),
            static_address: true,
            own: Ipv4Addr::new(10, 66, 0, 1),
            box_id: Id::from_bytes([5; 16]),
            probe_interval: Duration::from_secs(120),
            quiet_time: Duration::from_secs(300),
        };
        let mut coexistence = Coexistence::new(setting, Memory::default(), Duration::ZERO);
        let router = Ipv4Addr::new(10, 66, 0, 254);
        let now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(1), trusted: true };
        coexistence.hear_named(router, now);
        let store = open(directory.path());
        store.close();
        let mut remember = |store: &Store| store_memory(&mut coexistence, store, "servers".into()).unwrap();
        assert_eq!(remember(&store), Some(Err(store::Error::Closed)));
        drop(store);
        let store = open(directory.path());
        assert_eq!(remember(&store), Some(Ok(())));
        let memory: Memory = serde_json::from_value(store.setting("servers").unwrap()).unwrap();
        assert!(memory.servers.contains_key(&router));
        assert_eq!(remember(&store), None, "once it is stored, it is no news");
    }
}
