//! Handing on what happens: to counters, and to the queue of each target.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::tally::Tally;
use super::{Collector, Hook, Mail, Notice, Outlets, Settings, hook, mail, phone_log, syslog};
use crate::journal::Live;
use crate::model::Reason;
use crate::pki::roots;

/// Messages that wait for one target.
const QUEUE: usize = 1000;
/// How often alarms are looked at.
const LOOK: Duration = Duration::from_secs(3);

/// What is served: whoever is told, and the taking of phones' own lines.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Collector(Collector),
    Hook(Hook),
    Mail(Mail),
    PhoneLog(u16),
}

/// A target that is served.
struct Way {
    target: Target,
    /// By which it trusts the other side.
    authorities: Option<String>,
    /// What waits for it; nothing ever does for phones' own lines.
    queue: mpsc::Sender<Arc<Notice>>,
    task: AbortHandle,
}

impl Target {
    fn of(settings: &Settings) -> Vec<Self> {
        let collectors = settings.syslog.iter().cloned().map(Self::Collector);
        let hooks = settings.webhooks.iter().cloned().map(Self::Hook);
        let mail = settings.mail.clone().map(Self::Mail);
        collectors.chain(hooks).chain(mail).chain(settings.phone_log_port.map(Self::PhoneLog)).collect()
    }

    /// By which it is counted.
    fn name(&self) -> String {
        match self {
            Self::Collector(collector) => collector.name(),
            Self::Hook(hook) => hook.name(),
            Self::Mail(mail) => mail.name(),
            Self::PhoneLog(port) => format!("phones at {port}"),
        }
    }

    fn wants(&self, notice: &Notice) -> bool {
        match (self, notice) {
            (Self::Collector(_), _) | (Self::Mail(_), Notice::Alarm { .. }) => true,
            (Self::Mail(_), Notice::Event { .. }) | (Self::PhoneLog(_), _) => false,
            (Self::Hook(hook), Notice::Event { .. }) => hook.wants(&notice.code()),
            (Self::Hook(hook), Notice::Alarm { .. }) => hook.alarms,
        }
    }
}

impl Outlets {
    /// Serves all outlets until `stop`; settings that change are in force at once.
    pub async fn run(&self, stop: CancellationToken) {
        let mut feed = self.0.on.journal.subscribe();
        let mut changed = self.0.settings.subscribe();
        let mut look = tokio::time::interval(LOOK);
        let mut standing: Vec<Reason> = Vec::new();
        let (mut tasks, mut ways, mut tally) = (JoinSet::new(), Vec::new(), Tally::default());
        let settings = changed.borrow_and_update().clone();
        self.change(&mut tasks, &mut ways, (&settings, &standing)).await;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                news = feed.recv() => match news {
                    Ok(Live::Event { sequence, event }) => {
                        let told = tally.take(sequence, event.count);
                        *self.counted().events.entry(event.reason.code()).or_default() += u64::from(told.times);
                        // Repeats are counted; they are told once.
                        if told.first {
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
                    self.change(&mut tasks, &mut ways, (&settings, &standing)).await;
                }
            }
        }
    }

    /// Serves the targets of these settings from now on. Those that are as they were go on; who is new is told what stands.
    async fn change(&self, tasks: &mut JoinSet<()>, ways: &mut Vec<Way>, (settings, standing): (&Settings, &[Reason])) {
        self.end_others(tasks, ways, settings).await;
        let new = self.open(tasks, ways, settings);
        for notice in self.turned(&[], standing) {
            self.hand_on(&new, notice);
        }
        ways.extend(new);
    }

    /// Ends what serves targets that are served no more, or otherwise. What waits for them is dropped.
    async fn end_others(&self, tasks: &mut JoinSet<()>, ways: &mut Vec<Way>, settings: &Settings) {
        let targets = Target::of(settings);
        let stays = |way: &mut Way| targets.contains(&way.target) && way.authorities == settings.authorities;
        let ended: Vec<Way> = ways.extract_if(.., |way| !stays(way)).collect();
        for way in &ended {
            way.task.abort();
            let waiting = way.queue.max_capacity() - way.queue.capacity();
            if waiting > 0 {
                self.count(&way.target.name(), |sent| sent.dropped += waiting as u64);
            }
        }
        // A port is free when its task is gone.
        while ended.iter().any(|way| !way.task.is_finished()) {
            tasks.join_next().await;
        }
    }

    /// Starts what serves the targets that have no way yet.
    fn open(&self, tasks: &mut JoinSet<()>, ways: &[Way], settings: &Settings) -> Vec<Way> {
        let tls = match roots::client(settings.authorities.as_deref()) {
            Ok(tls) => tls,
            Err(why) => {
                // They were checked before they were set.
                tracing::error!(%why, "outlets over TLS cannot be served");
                return Vec::new();
            }
        };
        let missing = Target::of(settings).into_iter().filter(|target| ways.iter().all(|way| way.target != *target));
        let open = |target: Target| {
            let (queue, waiting) = mpsc::channel(QUEUE);
            let (outlets, tls, authorities) = (self.clone(), tls.clone(), settings.authorities.clone());
            let task = match target.clone() {
                Target::Collector(collector) => tasks.spawn(syslog::send(outlets, collector, tls, waiting)),
                Target::Hook(hook) => tasks.spawn(hook::send(outlets, hook, tls, waiting)),
                Target::Mail(mail) => tasks.spawn(mail::send(outlets, mail, (tls, authorities.clone()), waiting)),
                Target::PhoneLog(port) => tasks.spawn(phone_log::take(outlets, port)),
            };
            Way { target, authorities, queue, task }
        };
        missing.map(open).collect()
    }

    /// Puts a notice into the queues of those who want it. A queue that is full drops it.
    fn hand_on(&self, ways: &[Way], notice: Notice) {
        let notice = Arc::new(notice);
        for way in ways {
            if way.target.wants(&notice) && way.queue.try_send(notice.clone()).is_err() {
                self.count(&way.target.name(), |sent| sent.dropped += 1);
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
