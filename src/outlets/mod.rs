//! What leaves the box for others to see: events by syslog, events and alarms by webhook, alarms by mail, counters for
//! metrics; and what phones say of themselves by syslog, which comes in.
//!
//! ```text
//!  journal ── live feed ──┬─ counts by code ── /metrics
//!  store, DHCP ── alarms ─┤
//!                         ├─ queue ─ collector (UDP, TCP, TLS)
//!                         ├─ queue ─ webhook, again and again with growing pauses
//!                         └─ queue ─ mail of alarms, several in one, in the same way
//!  phones ── UDP ── lines kept for each phone
//! ```
//!
//! Nothing here holds up a door. The feed of the journal is bounded, and so is the queue of each target: what does not
//! fit is dropped and counted.

mod feed;
mod hook;
mod mail;
mod message;
mod phone_log;
mod settings;
mod spoken;
mod syslog;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use mail::{Mail, MailLogin, Security};
pub use message::Notice;
pub use phone_log::{Line, MOST_LINES};
pub use settings::{Collector, Hook, Settings, Transport};

use self::phone_log::PhoneLogs;
use crate::journal::Journal;
use crate::model::{Mac, Reason};
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// What outlets stand on.
#[derive(Clone)]
pub struct Foundations {
    /// Settings.
    pub store: Store,
    /// What happens.
    pub journal: Journal,
    /// The time.
    pub clock: Clock,
    /// Name of the box, as collectors see it.
    pub name: String,
    /// What needs somebody to act.
    pub alarms: Arc<dyn Fn() -> Vec<Reason> + Send + Sync>,
    /// The phone on the list that is at an address of a network that is served.
    pub phone_at: Arc<dyn Fn(IpAddr) -> Option<Mac> + Send + Sync>,
}

/// The outlets of this box. Clones share them.
#[derive(Clone)]
pub struct Outlets(Arc<Inner>);

struct Inner {
    on: Foundations,
    settings: watch::Sender<Settings>,
    counts: Mutex<Counts>,
    logs: Mutex<PhoneLogs>,
}

/// What was counted since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events by their code.
    pub events: BTreeMap<String, u64>,
    /// News of the journal that came faster than they could be handed on.
    pub missed: u64,
    /// What became of messages, by target.
    pub targets: BTreeMap<String, Sent>,
    /// Lines of phones' own syslog that were kept.
    pub lines: u64,
    /// Lines that were not: from strangers, too fast, or no text.
    pub lines_dropped: u64,
}

/// What became of messages to one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Sent, and taken where that can be known.
    pub sent: u64,
    /// Dropped: the queue was full, or the target refused.
    pub dropped: u64,
    /// Attempts that failed and were made again.
    pub failed: u64,
}

impl Outlets {
    /// Outlets on these foundations; [`Outlets::run`] serves them.
    pub fn new(on: Foundations) -> Self {
        let set = on.store.setting(Settings::KEY).and_then(|value| serde_json::from_value(value).ok());
        let mut set: Settings = set.unwrap_or_default();
        if let Some(login) = set.mail.as_mut().and_then(|mail| mail.login.as_mut()) {
            login.password = on.store.secret(MailLogin::KEY).unwrap_or_default();
        }
        let (settings, _) = watch::channel(set);
        Self(Arc::new(Inner { on, settings, counts: Mutex::default(), logs: Mutex::default() }))
    }

    /// What an administrator has set.
    pub fn settings(&self) -> Settings {
        self.0.settings.borrow().clone()
    }

    /// These settings with the password of the mail server that is kept for the same user of the same server, where
    /// they name none.
    pub fn with_kept_password(&self, mut settings: Settings) -> Settings {
        let kept = self.settings().mail;
        if let (Some(mail), Some(kept)) = (&mut settings.mail, kept)
            && mail.host == kept.host
            && let (Some(login), Some(kept)) = (&mut mail.login, kept.login)
            && login.password.is_empty()
            && login.user == kept.user
        {
            login.password = kept.password;
        }
        settings
    }

    /// Sets it, from now on.
    ///
    /// # Errors
    /// It cannot be stored.
    pub async fn set(&self, settings: Settings) -> Result<(), store::Error> {
        let value = serde_json::to_value(&settings).unwrap_or_default();
        let key = MailLogin::KEY.into();
        let password = match settings.mail.as_ref().and_then(|mail| mail.login.as_ref()) {
            Some(login) => Write::PutSecret { key, value: login.password.clone() },
            None => Write::DeleteSecret(key),
        };
        self.0.on.store.commit(vec![Write::PutSetting { key: Settings::KEY.into(), value }, password]).await?;
        self.0.settings.send_replace(settings);
        Ok(())
    }

    /// What was counted since the start.
    pub fn counts(&self) -> Counts {
        self.counted().clone()
    }

    /// What a phone said by syslog, oldest first.
    pub fn phone_log(&self, mac: Mac) -> Vec<Line> {
        self.logs().of(mac)
    }

    fn counted(&self) -> MutexGuard<'_, Counts> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> MutexGuard<'_, PhoneLogs> {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, target: &str, change: impl FnOnce(&mut Sent)) {
        let mut counts = self.counted();
        match counts.targets.get_mut(target) {
            Some(sent) => change(sent),
            None => change(counts.targets.entry(target.to_owned()).or_default()),
        }
    }
}

impl std::fmt::Debug for Outlets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outlets").field("settings", &self.settings()).finish_non_exhaustive()
    }
}
