//! The administrator's side of the box: the page, the API under `/api/v1`, and the local socket.
//!
//! ```text
//!  HTTPS ── session + CSRF token ─┐                         ┌─ reading ─┐
//!                                 ├─ call ─ route ─┬─ api ──┼─ editing ─┼─ types
//!  local socket ─ peer's uid ─────┘                └─ pages ┘           │
//!                                                   └─ render, speech ──┘
//! ```
//!
//! | folder                                       | holds                                                           |
//! |----------------------------------------------|-----------------------------------------------------------------|
//! | `accounts`                                   | people, tokens, sessions, how somebody comes in, who waits      |
//! | `api`, `table`, `types`                      | calls of the API, who may make which, and what they say         |
//! | `pages`, `speech`                            | what a browser is shown; the languages                          |
//! | `reading`, `editing`, `import`, `files`      | how phones stand; changes to documents; lists; files on their way in |
//! | `appliance`, `dhcp`, `rollouts`, `watching`  | the box itself, its networks, firmware, news and counters       |
//!
//! Page and command line use the same API. What it says are types of its own, and no password is in any of them.
//!
//! The routes are in `table`, each with who may call it; `/api/v1/openapi.json` is made of that.
//!
//! | who        | comes in by                         | may                                                 |
//! |------------|-------------------------------------|-----------------------------------------------------|
//! | console    | the local socket, as root or ours   | everything, with no password and no wait            |
//! | a person   | name and password, and a code       | what the role of the account allows                 |
//! | a program  | `Authorization: Bearer`             | what the scope of the token allows                  |
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

mod accounts;
mod answer;
mod api;
mod appliance;
mod call;
mod dhcp;
mod editing;
mod files;
pub mod import;
mod local;
mod pages;
mod partners;
mod problem;
mod reading;
mod rollouts;
mod route;
mod speech;
mod table;
mod telling;
#[cfg(test)]
mod test_data;
#[cfg(test)]
mod tests;
pub mod types;
mod watching;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use tokio::sync::Semaphore;

pub use accounts::{Role, Scope};
pub use appliance::Backups;
pub use editing::{CheckedPhone, LineDraft, OverrideEdit, PhoneDraft, PhoneEdit, SettingsEdit};
pub use import::Action;
pub use partners::{Desk, Order, Said, put, typed};
pub use problem::{FieldError, Problem};
pub use reading::Standing;

use crate::brands::{Folder, Registry};
use crate::config::Network;
use crate::depot::Depot;
use crate::dhcp as dhcp_control;
use crate::firmware::Library;
use crate::http::Service;
use crate::journal::Journal;
use crate::model::{Id, Language, Secret, Timestamp};
use crate::outlets::Outlets;
use crate::pairing::Pairing;
use crate::rehearsal::Play;
use crate::sip::Sip;
use crate::store::{self, Roster, Store, Write};
use crate::sys::clock::Clock;
use crate::sys::passwords::Passwords;

/// Name of the secret setting that holds the first administrator's password, as an argon2 PHC string. It is also in the
/// register of accounts; releases before there were any know it by this name.
const PASSWORD: &str = "admin.password";
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
    /// The desks of other people's systems, by name.
    pub partners: BTreeMap<&'static str, Desk>,
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

/// The administrator's side of the box, which speaks the language of whoever it answers and shows what they may see.
/// Clones share sessions and throttles.
#[derive(Clone)]
pub struct Admin(Arc<Parts>, Language, Sight);

/// How much whoever is answered may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Sight {
    /// Neither who did what, nor how other systems are set.
    #[default]
    Narrow,
    /// That, too.
    Whole,
}

struct Parts {
    store: Store,
    journal: Journal,
    clock: Clock,
    facts: Facts,
    pages: pages::Pages,
    passwords: Passwords,
    sessions: Mutex<accounts::Sessions>,
    throttle: Mutex<accounts::Throttles>,
    /// Codes of apps that were used.
    used: Mutex<accounts::Used>,
    /// Held while accounts change, so that no change is lost and one code makes one administrator.
    claiming: tokio::sync::Mutex<()>,
    /// Held while a list that is kept as one setting changes, who is trusted and where news go, and while a backup is put
    /// in force.
    setting: tokio::sync::Mutex<()>,
    /// Held while a picture or sound is put or removed, from its file to its document: whoever looks who else has the
    /// same bytes sees all of them.
    resources: tokio::sync::Mutex<()>,
    /// Held while a backup is made or taken.
    backing_up: tokio::sync::Mutex<()>,
    streams: Arc<Semaphore>,
    /// Places of large bodies.
    room: Arc<Semaphore>,
    appliance: appliance::Appliance,
    roster: Mutex<Roster<reading::Row>>,
}

impl Admin {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When a template of the page is not well formed.
    pub fn new(store: Store, journal: Journal, clock: Clock, facts: Facts) -> Result<Self, minijinja::Error> {
        let parts = Parts {
            store,
            journal,
            clock,
            pages: pages::Pages::new(&facts.brands)?,
            facts,
            passwords: Passwords::new(),
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            used: Mutex::default(),
            claiming: tokio::sync::Mutex::default(),
            setting: tokio::sync::Mutex::default(),
            resources: tokio::sync::Mutex::default(),
            backing_up: tokio::sync::Mutex::default(),
            streams: Arc::new(Semaphore::new(watching::MOST_STREAMS)),
            room: Arc::new(Semaphore::new(call::MOST_LARGE)),
            appliance: appliance::Appliance::new(),
            roster: Mutex::default(),
        };
        Ok(Self(Arc::new(parts), Language::default(), Sight::default()))
    }

    /// The same, speaking this language and showing so much.
    fn towards(&self, language: Language, sight: Sight) -> Self {
        Self(Arc::clone(&self.0), language, sight)
    }

    /// Whether whoever is answered may see who did what, and how other systems are set.
    fn shows_all(&self) -> bool {
        self.2 == Sight::Whole
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
        let code = accounts::setup_code::generate();
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
