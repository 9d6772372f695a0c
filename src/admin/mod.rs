//! The administrator's side of the box: the page, the API under `/api/v1`, and the local socket.
//!
//! ```text
//!  HTTPS ── session + CSRF token ─┐
//!                                 ├─ call ─ route ─┬─ api ──┬─ look (reads the store) ─ types
//!  local socket ─ peer's uid ─────┘                └─ pages ┘
//! ```
//!
//! Page and command line use the same API. What it says are types of its own, and no password is in any of them.
//!
//! | path under `/api/v1`              | methods     |                                                     |
//! |-----------------------------------|-------------|-----------------------------------------------------|
//! | `/status`                         | GET         | how the box is                                      |
//! | `/phones`                         | GET, POST   | `?q=&state=&offset=&limit=`; add one                |
//! | `/phones/import`                  | POST        | CSV or JSON, `?dry-run=true&server=&organisation=`  |
//! | `/phones/export`                  | GET         | the same as JSON, `?organisation=&passwords=true`   |
//! | `/phones/{mac}`                   | GET, PATCH, DELETE | one phone with its last events; name, group, model, lines, handsets, ports |
//! | `/phones/{mac}/first-contact`     | POST        | let it start over                                   |
//! | `/phones/{mac}/settings`          | GET, PATCH  | what holds for it and where from; what it sets itself |
//! | `/phones/{mac}/files`, `…/{name}` | GET         | what it asks for; `?content=` one with its secrets masked |
//! | `/phones/{mac}/uploads/{name}`    | GET         | what it sent up                                     |
//! | `/phones/{mac}/reveal`            | POST        | a password of its menus; that is on record          |
//! | `/phones/{mac}/replace`           | POST        | another device in its place                         |
//! | `/phones/{mac}/release`           | POST, DELETE | let it go; keep it after all                       |
//! | `/waiting`, `…/{mac}/adopt`       | GET, POST   | phones that came and are on no list; put one on it  |
//! | `/pairing`                        | GET, POST, DELETE | the window in which that happens by itself    |
//! | `/settings`                       | GET         | every setting there is                              |
//! | `/groups`, `…/{group}`            | GET, POST, PATCH, DELETE | phones that share settings             |
//! | `/groups/{group}/settings`, `/organisations/{name}/settings` | GET, PATCH | what they share         |
//! | `/phones/{mac}/resync`, `…/reboot`| POST        | have it told by SIP                                 |
//! | `/phones/{mac}/rehearse`          | POST        | play its boot against this box                      |
//! | `/phones/{mac}/telling`           | GET         | what came of the last message to it                 |
//! | `/campaigns`, `…/{id}`            | GET, POST, DELETE | have many phones told; stop                   |
//! | `/sip`                            | GET         | what was dropped, by why                            |
//! | `/events`                         | GET         | `?mac=&after=&before=&kind=&limit=`                 |
//! | `/books`, `…/{book}`, `…/import` | GET, POST, PATCH, DELETE | phone books; contacts from `text/csv`     |
//! | `/resources`, `…/{id}`            | GET, PUT, DELETE | `?name=&kind=&organisation=`: pictures, sounds, XML for phones |
//! | `/trust`, `…/authorities`, `…/certificates` | GET, POST, DELETE | what the box was given in PEM  |
//! | `/overlays`, `…/try`              | GET, POST   | brand folders and how they differ; what one would make |
//! | `/leases`, `/ca`, `/organisations`| GET         |                                                     |
//! | `/firmware`                       | GET, POST, PUT | the images; refer to one by URL; upload one       |
//! | `/firmware/{id}`                  | GET, DELETE | one image                                           |
//! | `/firmware/{id}/fetch`, `…/pin`   | POST        | fetch it now; keep it on the box                    |
//! | `/firmware/settings`              | GET, PUT    | room, rates, proxy, authorities                     |
//! | `/firmware/versions`              | GET         | who runs what, and who is behind                    |
//! | `/rollouts`                       | GET, POST   | bring an image to phones, a few at a time           |
//! | `/rollouts/{id}`                  | GET, DELETE | how it stands, phone by phone                       |
//! | `/rollouts/{id}/start`, `…/stop`  | POST        | begin it; have it tell no more phones               |
//! | `/rollouts/{id}/back`             | POST        | bring its phones back to what they ran              |
//! | `/clock`                          | POST        | say what time it is: the box's clock is trusted if it says the same |
//! | `/leases/export`, `…/import`      | GET, POST   | `?network=&form=dnsmasq`, or `kea`                  |
//! | `/dhcp`, `/sightings`             | GET         | what is done on each network and why; who is there  |
//! | `/dhcp/{network}/explain`         | GET         | `?client=` MAC or class: what it would be told      |
//! | `/dhcp/{network}/ask`             | POST        | what other servers tell each brand                  |
//! | `/dhcp/{network}/take-over`       | POST        | stand in for a server that is gone                  |
//! | `/appliance`                      | GET         | version, slots, how far an update is                |
//! | `/appliance/update`               | POST, PUT   | install from an address; or the bundle itself       |
//! | `/appliance/{…}`                  | PUT, POST   | `address` (`/confirm`), `time`, `host-name`, `reboot`, `factory-reset` |
//! | `/phones/{mac}/log`               | GET         | what it said by syslog                              |
//! | `/outlets`, `…/counts`            | GET, PUT    | collectors of syslog, webhooks, phones' own syslog  |
//! | `/outlets/metrics-token`          | POST, DELETE | who may read `/metrics`; said once                 |
//! | `/support`                        | GET         | a support bundle, without secrets                   |
//! | `/log`                            | GET, PUT    | what is logged                                      |
//! | `/backup`                         | POST        | everything, under a passphrase                      |
//! | `/backup/inspect`, `…/restore`    | POST        | a backup that is sent; `Block66-Passphrase`, `?confirm=true` |
//! | `/backup/kept`, `…/{name}`        | GET         | those made before a restore                         |
//! | `/health`                         | GET         | whether DHCP and the store answer; local socket     |
//! | `/live`                           | GET         | server-sent events                                  |
//! | `/claim`, `/session`              | POST        | become the administrator; sign in                   |
//! | `/session`                        | DELETE      | sign out                                            |
//!
//! Beside it, on the same ports: `/metrics` for Prometheus, `/healthz`, and `/readyz`.
//!
//! Calls of a browser carry the session's cookie, and those that change something its token in `X-CSRF-Token`.
//! Documents come with their version in `ETag`; a change with `If-Match` is refused when it is not the newest.
//! Errors are problem details (RFC 9457) with a stable `code`.

#![allow(
    clippy::result_large_err,
    reason = "a problem ends its call: what it weighs is nothing beside the answer that is made of it"
)]

mod answer;
mod api;
mod appliance;
mod backup;
mod box_page;
mod call;
mod contacts;
mod dhcp;
mod differ;
mod draft;
mod edit;
mod fit;
mod gather;
mod genuine;
pub mod import;
mod leases;
mod live;
mod local;
mod look;
mod metrics;
mod page;
mod pages;
mod password;
mod preview;
mod problem;
mod replace;
mod rollouts;
mod route;
mod session;
mod settings;
mod setup_code;
mod shared_pages;
mod sign_in;
mod standing;
mod support;
mod telling;
#[cfg(test)]
mod test_data;
#[cfg(test)]
mod tests;
mod throttle;
pub mod types;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::Semaphore;

pub use backup::Backups;
pub use draft::{CheckedPhone, LineDraft, PhoneDraft, PhoneEdit};
pub use import::Action;
pub use problem::{FieldError, Problem};
pub use settings::{OverrideEdit, SettingsEdit};
pub use standing::Standing;

use crate::brands::{Folder, Registry};
use crate::config::Network;
use crate::depot::Depot;
use crate::dhcp as dhcp_control;
use crate::firmware::Library;
use crate::http::Service;
use crate::journal::Journal;
use crate::model::{Id, Secret, Timestamp};
use crate::outlets::Outlets;
use crate::pairing::Pairing;
use crate::rehearsal::Play;
use crate::sip::Sip;
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// Name of the secret setting that holds the administrator's password, as an argon2 PHC string.
const PASSWORD: &str = "admin.password";
/// Name of the secret setting that holds the token with which metrics are read.
const METRICS_TOKEN: &str = "metrics.token";
/// Name of the secret setting that holds the setup code of a box that nobody has claimed.
const SETUP_CODE: &str = "admin.setup-code";

/// What the page says of the box that no other part tells it.
#[derive(Clone)]
pub struct Facts {
    /// Host name of the box.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Identity of the box: the origin of the documents made here.
    pub box_id: Id,
    /// What people call the brands, by folder name.
    pub brands: BTreeMap<String, String>,
    /// The networks that are served.
    pub networks: Vec<Network>,
    /// Ports of the plain and of the TLS listener.
    pub ports: Ports,
    /// The certificate authority, without its key.
    pub authority: Authority,
    /// Has phones told by SIP.
    pub sip: Sip,
    /// Images for phones.
    pub firmware: Library,
    /// What phones sent up, and pictures and sounds for them.
    pub depot: Depot,
    /// Phones on no list.
    pub pairing: Pairing,
    /// What leaves the box for others to see.
    pub outlets: Outlets,
    /// What backups are made of.
    pub backups: Backups,
    /// Plays phones of the list.
    pub rehearse: Play,
    /// Asks the system for the addresses of the box.
    pub addresses: Arc<dyn Fn() -> Vec<IpAddr> + Send + Sync>,
    /// Reads the administrator's brand folders, and says of others why they cannot be read.
    pub overlays: Overlays,
    /// The brands that are recognised.
    pub registry: Arc<Registry>,
    /// What DHCP does.
    pub dhcp: dhcp_control::Control,
}

/// Reads brand folders: those that can be read, and the names of others with what is wrong with them.
pub type Overlays = Arc<dyn Fn() -> (Vec<Folder>, Vec<(String, String)>) + Send + Sync>;

/// Where the listeners are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Plain HTTP.
    pub http: u16,
    /// HTTPS.
    pub https: u16,
}

/// What everybody may know of the certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The root certificate.
    pub pem: String,
    /// Its SHA-256, `AA:BB:…`.
    pub fingerprint: String,
    /// The same in words.
    pub words: String,
    /// From when it is valid.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
}

/// The administrator's side of the box. Clones share sessions and throttles.
#[derive(Clone)]
pub struct Admin(Arc<Parts>);

struct Parts {
    store: Store,
    journal: Journal,
    clock: Clock,
    facts: Facts,
    pages: page::Pages,
    passwords: password::Passwords,
    sessions: Mutex<session::Sessions>,
    throttle: Mutex<throttle::Throttle>,
    /// Held while the box is being claimed, so that one code makes one administrator.
    claiming: tokio::sync::Mutex<()>,
    streams: Arc<Semaphore>,
    appliance: appliance::Appliance,
}

impl Admin {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When a template of the page is not well formed.
    pub fn new(store: Store, journal: Journal, clock: Clock, facts: Facts) -> Result<Self, minijinja::Error> {
        Ok(Self(Arc::new(Parts {
            store,
            journal,
            clock,
            pages: page::Pages::new(facts.brands.clone())?,
            facts,
            passwords: password::Passwords::new(),
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            claiming: tokio::sync::Mutex::default(),
            streams: Arc::new(Semaphore::new(live::MOST_STREAMS)),
            appliance: appliance::Appliance::new(),
        })))
    }

    /// What the HTTPS listener plugs in for every path that is no phone's.
    pub fn service(&self) -> Service {
        let admin = self.clone();
        Arc::new(move |request, peer| {
            let admin = admin.clone();
            async move {
                if !peer.tls {
                    return answer::Answer::problem(&Problem::tls_only()).into_response();
                }
                admin.answer(request, call::Origin::Web(peer.address.to_canonical())).await
            }
            .boxed()
        })
    }

    /// The setup code of a box that nobody has claimed, made and stored when there is none yet; `None` once the
    /// box is claimed.
    ///
    /// # Errors
    /// When the code cannot be stored.
    pub async fn setup_code(&self) -> Result<Option<Secret>, store::Error> {
        let store = &self.0.store;
        if store.secret(PASSWORD).is_some() {
            return Ok(None);
        }
        if let Some(code) = store.secret(SETUP_CODE) {
            return Ok(Some(code));
        }
        let code = setup_code::generate();
        store.commit(vec![Write::PutSecret { key: SETUP_CODE.into(), value: code.clone() }]).await?;
        Ok(Some(code))
    }

    /// Name of the secret setting that holds the setup code of a box that nobody has claimed.
    pub const SETUP_CODE: &str = SETUP_CODE;

    /// Whether a store has an administrator.
    pub fn is_claimed_in(store: &Store) -> bool {
        store.secret(PASSWORD).is_some()
    }

    fn is_claimed(&self) -> bool {
        Self::is_claimed_in(&self.0.store)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("name", &self.0.facts.name).finish_non_exhaustive()
    }
}
