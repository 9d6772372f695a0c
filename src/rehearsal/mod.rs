//! Playing a listed phone's boot against the box that runs, to find what would stop it.
//!
//! ```text
//!  phone of the list ─ copy ─┐
//!                            ├─ Stage: store, journal, logins and nonces of its own ─┐
//!  brands, images, settings ─┘                                                       │
//!  simulated phone ── INFORM ── DHCP thread (preview)                                ├─ Rehearsal
//!                  └─ header ── the real listeners ── Stage answers ─────────────────┘
//! ```
//!
//! A rehearsal takes the way that phones take: the DHCP thread, the listeners, their certificates, the brands with
//! the administrator's folders over them, the images. What would remember it is a double that is thrown away: no first
//! contact, nonce, lease or journey of the real phone is touched, and nothing of it is in the journal. Who may be
//! answered by the double is known by a token that is made for each rehearsal and never leaves the box.

mod cast;
mod finding;
mod outcome;
mod play;
mod stage;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::HeaderMap;
use ipnet::Ipv4Net;
use tokio::sync::{Semaphore, oneshot};

pub use finding::{Finding, Stop};
pub use outcome::{Part, Rehearsal, Said, Step};

use self::cast::Cast;
use self::stage::Stage;
use crate::brands::Registry;
use crate::config::Network;
use crate::depot::Depot;
use crate::dhcp::{Control, Order};
use crate::firmware::Library;
use crate::http::{Peer, Service};
use crate::model::{Id, Mac, Phone, Policy, Reason};
use crate::phonesim::{Escort, Informed, inform};
use crate::pki::Authority;
use crate::store::{self, EventFilter, Key, Store};
use crate::sys::clock::Clock;
use crate::sys::interfaces;

/// Header that carries a rehearsal's token.
const TOKEN: &str = "block66-rehearsal";
/// Rehearsals at once.
const AT_ONCE: usize = 4;
/// How long the DHCP thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events of a phone that are looked through for what it last showed of itself.
const LOOK_BACK: usize = 200;

/// What rehearsals stand on: the parts of the box that runs.
pub struct Foundations {
    /// The data directory; doubles are kept below it while they are needed.
    pub directory: PathBuf,
    /// The list of phones.
    pub store: Store,
    /// The key that the doubles' secrets are encrypted with.
    pub key: Key,
    /// Pictures and sounds for phones.
    pub depot: Depot,
    /// The brands.
    pub registry: Arc<Registry>,
    /// The authority whose root is handed out.
    pub authority: Arc<Authority>,
    /// The time.
    pub clock: Clock,
    /// The networks that are served.
    pub networks: Vec<Network>,
    /// A policy that the configuration file sets for all organisations.
    pub policy: Option<Policy>,
    /// Ports of the plain and of the TLS listener.
    pub ports: (u16, u16),
    /// The images.
    pub library: Library,
    /// The way to the DHCP threads.
    pub control: Control,
    /// Maker of documents.
    pub origin: Id,
}

/// Told of each step at the moment at which the phone takes it.
pub type Watcher = Arc<dyn Fn(Step) + Send + Sync>;

/// Plays the phone with this MAC, while somebody may watch.
pub type Play = Arc<dyn Fn(Mac, Option<Watcher>) -> BoxFuture<'static, Result<Rehearsal, Refusal>> + Send + Sync>;

/// Rehearsals on this box. Clones share them.
#[derive(Clone)]
pub struct Rehearsals(Arc<Inner>);

struct Inner {
    on: Foundations,
    places: Semaphore,
    running: Mutex<Vec<Arc<Stage>>>,
}

/// Why a phone cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is on no list.
    #[error("The phone {0} is not on the list.")]
    Unknown(Mac),
    /// Nobody knows what it is.
    #[error("It is not known of which brand {0} is: set its brand, or let it come once.")]
    NoBrand(Mac),
    /// There is no simulated phone of its brand.
    #[error("Phones of the brand {0} cannot be played.")]
    NotPlayed(String),
    /// The box has no address on any network.
    #[error("This box has no address on a network that it serves: plug it in.")]
    NoNetwork,
    /// Others run.
    #[error("As many rehearsals run as can: wait for one of them to end.")]
    Busy,
    /// The double could not be made.
    #[error("The rehearsal could not be set up: {0}.")]
    NotSet(String),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::NotSet(error.to_string())
    }
}

impl Rehearsals {
    /// Rehearsals on these foundations. What one left behind that was cut off is removed.
    pub fn new(on: Foundations) -> Self {
        stage::clear(&on.directory);
        let (places, running) = (Semaphore::new(AT_ONCE), Mutex::default());
        Self(Arc::new(Inner { on, places, running }))
    }

    /// What plays phones, for those who need nothing else of it.
    pub fn player(&self) -> Play {
        let rehearsals = self.clone();
        Arc::new(move |mac, watcher| {
            let rehearsals = rehearsals.clone();
            async move { rehearsals.play(mac, watcher).await }.boxed()
        })
    }

    /// Answers those who rehearse by their doubles, and hands all others to `service`.
    pub fn in_front_of(&self, service: Service) -> Service {
        let rehearsals = self.clone();
        Arc::new(move |request, peer| match rehearsals.stage_of(request.headers(), peer) {
            Some(stage) => Box::pin(async move { stage.answer(request, peer).await }),
            None => service(request, peer),
        })
    }

    /// Whether a handshake that failed was a rehearsal's; then it is kept with that.
    pub fn overhears(&self, peer: Peer, reason: &Reason) -> bool {
        let running = self.running();
        let own = running.iter().filter(|_| peer.address == peer.local);
        own.map(|stage| stage.hear(reason.clone())).count() > 0
    }

    /// Plays the phone's boot, from what DHCP tells it to the last of its files.
    ///
    /// # Errors
    /// The phone cannot be played.
    pub async fn play(&self, mac: Mac, watcher: Option<Watcher>) -> Result<Rehearsal, Refusal> {
        let rehearsals = self.clone();
        // In a task of its own: where nobody waits for it any more, the stage is taken down all the same.
        let whole = tokio::spawn(async move { rehearsals.to_the_end(mac, watcher).await });
        whole.await.map_err(|e| Refusal::NotSet(e.to_string()))?
    }

    async fn to_the_end(&self, mac: Mac, watcher: Option<Watcher>) -> Result<Rehearsal, Refusal> {
        let _place = self.0.places.try_acquire().map_err(|_| Refusal::Busy)?;
        let on = &self.0.on;
        let phone = on.store.phone_by_mac(mac).ok_or(Refusal::Unknown(mac))?;
        let cast = Cast::of(&phone, &on.registry)?;
        let (network, own) = self.network_of(&phone)?;
        let stage = {
            let (rehearsals, phone) = (self.clone(), phone.clone());
            let net = network.name.clone();
            let set = move || Stage::set(&rehearsals.0.on, &phone, (&net, own));
            Arc::new(tokio::task::spawn_blocking(set).await.map_err(|e| Refusal::NotSet(e.to_string()))??)
        };
        self.running().push(stage.clone());
        let _leaves = Leaves { rehearsals: self.clone(), stage: stage.clone() };
        let told = self.inform(&network.name, own, &cast, &stage).await;
        let escort = Escort { header: (TOKEN, stage.token().to_owned()), hosts: vec![own.into()] };
        let greets_as_of_old = self.spoke_old_tls(mac);
        let tls = (own, on.ports.1).into();
        let played = {
            let cast = cast.clone();
            move || play::play(&cast, told, escort, greets_as_of_old.then_some(tls), watcher)
        };
        let played = tokio::task::spawn_blocking(played).await;
        let strike = {
            let stage = stage.clone();
            move || stage.strike()
        };
        let said = tokio::task::spawn_blocking(strike).await.map_err(|e| Refusal::NotSet(e.to_string()))?;
        let played = played.map_err(|e| Refusal::NotSet(e.to_string()))?;
        Ok(outcome::of(&phone, &cast, &network.name, played, said))
    }

    /// The network that the phone was last seen on, with the box's own address there; else the first that has one.
    fn network_of(&self, phone: &Phone) -> Result<(Network, Ipv4Addr), Refusal> {
        let on = &self.0.on;
        let own = |network: &Network| interfaces::address_in(&network.interface, network.subnet).ok().flatten();
        let held = |network: &Network| on.store.leases(&network.name).iter().any(|lease| lease.mac == phone.mac);
        let mut reachable: Vec<(&Network, Ipv4Addr)> =
            on.networks.iter().filter_map(|network| Some((network, own(network)?))).collect();
        reachable.sort_by_key(|(network, _)| !held(network));
        reachable.first().map(|(network, own)| ((*network).clone(), *own)).ok_or(Refusal::NoNetwork)
    }

    /// What DHCP tells the phone, as the phone reads it; else why it tells nothing.
    async fn inform(&self, network: &str, own: Ipv4Addr, cast: &Cast, stage: &Stage) -> Result<Informed, String> {
        let (tell, told) = oneshot::channel();
        let order = Order::Rehearse(inform(&cast.identity, own), stage.store().clone(), tell);
        self.0.on.control.order(network, order).map_err(|error| error.to_string())?;
        let answer = match tokio::time::timeout(PATIENCE, told).await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(silence))) => return Err(silence.why().to_owned()),
            Ok(Err(_)) | Err(_) => return Err("the DHCP server of this network does not answer".into()),
        };
        Informed::read(&cast.identity, &answer).ok_or_else(|| "the answer is none to this phone".to_owned())
    }

    /// Whether the last that the phone showed of its TLS was too old.
    fn spoke_old_tls(&self, mac: Mac) -> bool {
        let filter = EventFilter { mac: Some(mac), after: None, limit: LOOK_BACK };
        let events = self.0.on.store.events(&filter);
        let shown = events.iter().find_map(|(_, event)| match &event.reason {
            Reason::TlsTooOld { .. } => Some(true),
            Reason::Success { own_login: true, .. } | Reason::NotModified { own_login: true, .. } => Some(false),
            _ => None,
        });
        shown.unwrap_or_default()
    }

    fn stage_of(&self, headers: &HeaderMap, peer: Peer) -> Option<Arc<Stage>> {
        let token = headers.get(TOKEN).filter(|_| peer.address == peer.local)?.as_bytes();
        let running = self.running();
        running.iter().find(|stage| verify_slices_are_equal(stage.token().as_bytes(), token).is_ok()).cloned()
    }

    fn running(&self) -> MutexGuard<'_, Vec<Arc<Stage>>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Rehearsals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsals").field("running", &self.running().len()).finish_non_exhaustive()
    }
}

/// Takes a stage off the list, however its rehearsal ends.
struct Leaves {
    rehearsals: Rehearsals,
    stage: Arc<Stage>,
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.rehearsals.running().retain(|stage| !Arc::ptr_eq(stage, &self.stage));
    }
}

/// The subnets of networks.
fn subnets(networks: &[Network]) -> Vec<Ipv4Net> {
    networks.iter().flat_map(Network::subnets).collect()
}
