//! Handing on what happens: to counters, and to the queue of each target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Hook, Notice, Outlets, Settings, hook, mail, phone_log, syslog};
use crate::journal::Live;
use crate::model::Reason;
use crate::pki::roots;

/// Messages that wait for one target.
const QUEUE: usize = 1000;
/// How often alarms are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// What a target is told of.
enum Wants {
    Everything,
    Alarms,
    /// What the webhook says.
    Some(Hook),
}

/// A target with the way to it.
struct Way {
    name: String,
    wants: Wants,
    queue: mpsc::Sender<Arc<Notice>>,
}

impl Outlets {
    /// Serves all outlets until `stop`; settings that change are in force at once.
    pub async fn run(&self, stop: CancellationToken) {
        let mut feed = self.0.on.journal.subscribe();
        let mut changed = self.0.settings.subscribe();
        let mut look = tokio::time::interval(LOOK);
        let mut standing: Vec<Reason> = Vec::new();
        let (mut tasks, mut ways) = self.open(&changed.borrow_and_update().clone());
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                news = feed.recv() => match news {
                    Ok(Live::Event { sequence, event }) => {
                        *self.counted().events.entry(event.reason.code()).or_default() += 1;
                        // Repeats are counted; they are told once.
                        if event.count == 1 {
                            self.hand_on(&ways, Notice::Event { sequence, event: Box::new(event) });
                        }
                    }
                    Ok(Live::Journey { .. }) => {}
                    Err(RecvError::Lagged(missed)) => self.counted().missed += missed,
                    Err(RecvError::Closed) => break,
                },
                _ = look.tick() => {
                    let now = (self.0.on.alarms)();
                    for notice in self.turned(&standing, &now) {
                        self.hand_on(&ways, notice);
                    }
                    standing = now;
                }
                _ = changed.changed() => {
                    let settings = changed.borrow_and_update().clone();
                    drop(tasks);
                    (tasks, ways) = self.open(&settings);
                }
            }
        }
        drop(tasks);
    }

    /// Starts what serves each target, and the taking of phones' own lines.
    fn open(&self, settings: &Settings) -> (JoinSet<()>, Vec<Way>) {
        let (mut tasks, mut ways) = (JoinSet::new(), Vec::new());
        let tls = match roots::client(settings.authorities.as_deref()) {
            Ok(tls) => tls,
            Err(why) => {
                // They were checked before they were set.
                tracing::error!(%why, "outlets over TLS cannot be served");
                return (tasks, ways);
            }
        };
        for collector in &settings.syslog {
            let (queue, waiting) = mpsc::channel(QUEUE);
            ways.push(Way { name: collector.name(), wants: Wants::Everything, queue });
            tasks.spawn(syslog::send(self.clone(), collector.clone(), tls.clone(), waiting));
        }
        for hook in &settings.webhooks {
            let (queue, waiting) = mpsc::channel(QUEUE);
            ways.push(Way { name: hook.name(), wants: Wants::Some(hook.clone()), queue });
            tasks.spawn(hook::send(self.clone(), hook.clone(), tls.clone(), waiting));
        }
        if let Some(mail) = &settings.mail {
            let (queue, waiting) = mpsc::channel(QUEUE);
            ways.push(Way { name: mail.name(), wants: Wants::Alarms, queue });
            tasks.spawn(mail::send(self.clone(), mail.clone(), settings.authorities.clone(), waiting));
        }
        if let Some(port) = settings.phone_log_port {
            tasks.spawn(phone_log::take(self.clone(), port));
        }
        (tasks, ways)
    }

    /// Puts a notice into the queues of those who want it. A queue that is full drops it.
    fn hand_on(&self, ways: &[Way], notice: Notice) {
        let notice = Arc::new(notice);
        for way in ways {
            let wanted = match (&way.wants, &*notice) {
                (Wants::Everything, _) | (Wants::Alarms, Notice::Alarm { .. }) => true,
                (Wants::Alarms, Notice::Event { .. }) => false,
                (Wants::Some(hook), Notice::Event { .. }) => hook.wants(&notice.code()),
                (Wants::Some(hook), Notice::Alarm { .. }) => hook.alarms,
            };
            if wanted && way.queue.try_send(notice.clone()).is_err() {
                self.count(&way.name, |sent| sent.dropped += 1);
            }
        }
    }

    /// The alarms that began and those that are over.
    fn turned(&self, before: &[Reason], now: &[Reason]) -> Vec<Notice> {
        let at = self.0.on.clock.now().wall;
        let key = |reason: &Reason| serde_json::to_string(reason).unwrap_or_default();
        let (had, have): (BTreeSet<String>, BTreeSet<String>) =
            (before.iter().map(key).collect(), now.iter().map(key).collect());
        let begun = now.iter().filter(|reason| !had.contains(&key(reason))).map(|reason| (true, reason));
        let over = before.iter().filter(|reason| !have.contains(&key(reason))).map(|reason| (false, reason));
        begun.chain(over).map(|(begins, reason)| Notice::Alarm { at, begins, reason: reason.clone() }).collect()
    }
}
