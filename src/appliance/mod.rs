//! The composition root: the only place that knows every part of the box.
//!
//! Start: store → certificates → journal → what is missing → sockets → doors. Stop: doors, then the journal, then the
//! store, so that everything that was said is also written down.

mod cut_off;
mod disk;
mod doors;
mod first_start;
mod gaps;
mod given;
mod image;
mod leftovers;
mod listening;
mod over_tftp;
pub(crate) mod overlays;
mod put_back;
mod roll_out;
mod services;
mod supervision;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::doors::Doors;
use self::supervision::Supervisor;
use crate::backup::restore;
use crate::config::{Config, Network};
use crate::depot::{self, Depot};
use crate::journal::{self, Journal};
use crate::model::{Door, Event, Reason, Secret, Timestamp};
use crate::pki::{Authority, Certificates, Names};
use crate::store::{self, Disk, Store, Write};
use crate::sys::clock::Clock;
use crate::sys::{files, interfaces, service};

/// How long requests under way may take to end when the box stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How often addresses and certificates are looked at.
const CARE: Duration = Duration::from_secs(5);
/// How often the watchdog's question is asked while no service manager listens.
const IDLE: Duration = Duration::from_secs(3600);

/// The box, open for phones.
pub struct Appliance {
    directory: PathBuf,
    store: Store,
    journal: Journal,
    writing: journal::Running,
    stop: CancellationToken,
    restart: CancellationToken,
    parts: JoinSet<()>,
    setup_code: Option<Secret>,
    /// The networks that were found, when the configuration names none.
    found: Option<Vec<Network>>,
    store_failed: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
    terminate: Signal,
    interrupt: Signal,
}

/// Why the box ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Told,
    /// The store's thread died: nothing that the box says would be certain.
    StoreDied,
    /// The box has addresses in other networks than at its start, and the configuration names none.
    Moved,
    /// A backup was laid out, to take the place of what is there.
    Restoring,
}

impl Appliance {
    /// Opens everything that `config` names and starts the doors.
    ///
    /// # Errors
    /// When signals cannot be received, the data directory cannot be used, a certificate cannot be made, or a port
    /// cannot be had.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        // From here on the box ends as it should, also when it is told so before it is up.
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let named = !config.networks.is_empty();
        let config = config.with_networks_found(&interfaces::addresses().context("the interfaces cannot be read")?);
        let found = (!named).then(|| config.networks.clone());
        let built = built();
        let clock = Clock::new(built);
        let directory = &config.data_directory;
        files::create_private_directory(directory)
            .with_context(|| format!("the data directory {} cannot be made", directory.display()))?;
        std::fs::read_dir(directory).with_context(|| {
            format!("the data directory {} cannot be read; run as root or by the service unit", directory.display())
        })?;
        if restore::apply(directory).context("a backup that was to be restored could not be put in its place")? {
            tracing::warn!("a backup took the place of what was here");
        }
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|path| PathBuf::from(path).join("block66-key"));
        let credential = credential.filter(|path| path.exists());
        let key = store::key::load(directory, credential.as_deref())?;
        let depot = Depot::open(directory, key.clone(), depot::Limits::default())
            .with_context(|| format!("files cannot be kept in {}", directory.display()))?;
        let options = store::Options {
            directory: directory.clone(),
            key: key.clone(),
            clock: clock.clone(),
            disk: Disk::default(),
        };
        let (store, opened) = Store::open(options)?;
        something_keeps_time(&clock);
        leftovers::forget(&depot, &store);

        let authority = Authority::open(directory, built)?;
        let names = names(&config)?;
        let certificates = Certificates::open(directory, &authority, &names, clock.now())?;

        let told = restore::told(directory);
        if told.is_some() || opened.restored.is_some() {
            put_back::settle(&store, clock.now().wall).await;
        }
        if let Some(event) = told {
            // On the disk before it is forgotten: the store that knew of it is gone.
            store.commit(vec![Write::PutEvent { sequence: store.next_event_sequence(), event }]).await?;
        }
        restore::recorded(directory).with_context(|| format!("{} cannot be written", directory.display()))?;
        let (journal, writing) = Journal::open(store.clone()).context("the journal cannot be started")?;
        if let Some(reason) = opened.restored {
            journal.record(Event::new(clock.now().wall, Door::Box, reason));
        }
        let directory = directory.clone();
        let origin = first_start::make_missing(&store, clock.now()).await?;
        first_start::take_preset(&store, &directory).await?;

        let (stop, restart) = (CancellationToken::new(), CancellationToken::new());
        let supervisor = Supervisor { stop: stop.clone(), journal: journal.clone(), clock: clock.clone() };
        let store_failed = Box::pin(store.failed());
        let missed = gaps::missed_for(&config);
        let doors = Doors {
            config,
            store: store.clone(),
            depot,
            journal: journal.clone(),
            clock: clock.clone(),
            authority: Arc::new(authority),
            key,
            credential,
            restart: restart.clone(),
            certificates,
            origin,
            control: crate::dhcp::Control::default(),
            arrived: Arc::default(),
        };
        let (mut parts, setup_code) = doors.open(&supervisor).await?;
        let (refusal, told, ending) = (store.refusal(), journal.clone(), stop.clone());
        parts.spawn(async move {
            ending.run_until_cancelled(disk::tell(refusal, told)).await;
        });

        let (counted, ending) = (store.clone(), stop.clone());
        parts.spawn(async move {
            ending.run_until_cancelled(gaps::count(counted, missed)).await;
        });
        parts.spawn(image::follow_clock(image::clock_kept(), clock.clone(), stop.clone()));
        parts.spawn(image::follow(store.clone(), journal.clone(), clock.clone(), stop.clone()));

        if cut_off::begin(&directory) {
            journal.record(Event::new(clock.now().wall, Door::Box, Reason::CutOff));
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        journal.record(Event::new(clock.now().wall, Door::Box, Reason::Started { version }));
        Ok(Self {
            directory,
            store,
            journal,
            writing,
            stop,
            restart,
            parts,
            setup_code,
            found,
            store_failed,
            terminate,
            interrupt,
        })
    }

    /// The one-time code that claims the box, while nobody did.
    pub fn setup_code(&self) -> Option<&str> {
        self.setup_code.as_ref().map(Secret::expose)
    }

    /// Serves until told to stop by SIGTERM or SIGINT, or until the store dies.
    ///
    /// # Errors
    /// When what is stored cannot be put away.
    pub async fn run(mut self) -> anyhow::Result<Ended> {
        service::ready("serving phones");
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "up");
        let mut look = tokio::time::interval(CARE);
        let mut watchdog = tokio::time::interval(service::watchdog_interval().unwrap_or(IDLE));
        let mut moved = 0;
        let ended = loop {
            tokio::select! {
                _ = self.terminate.recv() => break Ended::Told,
                _ = self.interrupt.recv() => break Ended::Told,
                () = &mut self.store_failed => break Ended::StoreDied,
                () = self.restart.cancelled() => break Ended::Restoring,
                _ = look.tick() => {
                    // Twice in a row: an address that is being renewed is gone for a moment.
                    moved = if self.has_moved() { moved + 1 } else { 0 };
                    if moved == 2 {
                        tracing::info!("the box is in other networks now: starting anew to serve them");
                        break Ended::Moved;
                    }
                }
                _ = watchdog.tick() => self.answer_watchdog(),
            }
        };
        service::stopping();
        self.stop.cancel();
        let drained = async { while self.parts.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut off");
            self.parts.shutdown().await;
        }
        let (store, writing, dropped) = (self.store, self.writing, self.journal.dropped());
        tokio::task::spawn_blocking(move || {
            writing.close();
            store.close();
            if ended != Ended::StoreDied {
                cut_off::end(&self.directory);
            }
        })
        .await?;
        tracing::info!(events_dropped = dropped, "down");
        Ok(ended)
    }

    /// Whether the networks that were found at the start are no longer the ones there are. Only where somebody starts
    /// the program again, and never for no network at all: a cable that is pulled out comes back.
    fn has_moved(&self) -> bool {
        let Some(found) = self.found.as_ref().filter(|_| service::is_managed()) else { return false };
        let Ok(addresses) = interfaces::addresses() else { return false };
        let now = Config::safe_defaults().with_networks_found(&addresses).networks;
        !now.is_empty() && now != *found
    }

    /// The box is alive when its store still takes a commit: that shows runtime, writer thread and disk at once. Whoever
    /// ends the box is not kept waiting for it.
    fn answer_watchdog(&self) {
        let taken = self.store.commit(Vec::new());
        tokio::spawn(async move {
            match taken.await {
                Err(error) if !error.is_of_the_disk() => tracing::error!(%error, "the store does not answer"),
                _ => service::alive(),
            }
        });
    }
}

/// When this program was built.
fn built() -> Timestamp {
    Timestamp::from_secs(env!("BLOCK66_BUILT").parse().unwrap_or_default())
}

/// A time service that has reached its source, or a clock chip, vouches for the system's clock. One that reaches it
/// later is waited for by [`image::follow_clock`].
fn something_keeps_time(clock: &Clock) {
    if image::clock_kept().iter().any(|path| path.exists()) {
        clock.vouch();
    } else if std::path::Path::new("/sys/class/rtc/rtc0").exists() {
        clock.vouch_by_chip();
    }
}

/// Everything that phones may know the box by.
fn names(config: &Config) -> anyhow::Result<Names> {
    let addresses = interfaces::reachable().context("the interfaces cannot be read")?;
    let dns: Vec<String> = config.names.iter().cloned().chain([config.name.clone()]).collect();
    let common_name = dns.first().cloned().unwrap_or_default();
    Ok(Names { common_name, dns, addresses })
}

/// The port that a socket was given when any would do.
fn port(wanted: SocketAddr, bound: std::io::Result<SocketAddr>) -> u16 {
    bound.map_or(wanted.port(), |address| address.port())
}
