//! The double of what would remember a phone: made for one rehearsal, and thrown away after it.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use super::{Foundations, Refusal, Said, subnets};
use crate::firmware::Library;
use crate::http::path::Wanted;
use crate::http::provision::{self, Provision};
use crate::http::{Body, Peer, body};
use crate::journal::{self, Journal};
use crate::model::{FirstContact, Lease, LeaseState, Mac, Phone, Reason, Via};
use crate::pairing::Pairing;
use crate::store::{Disk, EventFilter, Options, Store, Write};
use crate::sys::{files, random};

/// Name of the directory in the data directory in which doubles are kept.
const DIRECTORY: &str = "rehearsal";
/// Letters of a token: 190 bits.
const TOKEN_LENGTH: usize = 32;
/// How long the double's lease lasts: longer than any rehearsal.
const LEASE: Duration = Duration::from_secs(3600);
/// Events of a rehearsal that are told.
const MOST_SAID: usize = 500;

pub(super) struct Stage {
    token: String,
    directory: PathBuf,
    mac: Mac,
    store: Store,
    writing: Mutex<Option<journal::Running>>,
    provision: Provision,
    library: Library,
    heard: Mutex<Vec<Reason>>,
}

/// Removes what was left behind.
pub(super) fn clear(data: &Path) {
    let left = data.join(DIRECTORY);
    match std::fs::remove_dir_all(&left) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %left.display(), "what a rehearsal left could not be removed");
        }
        _ => {}
    }
}

impl Stage {
    /// Sets a stage for `phone` as if it had never come, at the box's own address `own` on a network. Blocks.
    pub(super) fn set(on: &Foundations, phone: &Phone, (network, own): (&str, Ipv4Addr)) -> Result<Self, Refusal> {
        let token = random::token(TOKEN_LENGTH);
        let directory = on.directory.join(DIRECTORY).join(random::token(8));
        let unmade = |error: std::io::Error| Refusal::NotSet(error.to_string());
        files::create_private_directory(&on.directory.join(DIRECTORY)).map_err(unmade)?;
        files::create_private_directory(&directory).map_err(unmade)?;
        let _swept = Swept(Some(directory.clone()));
        let options = Options {
            directory: directory.clone(),
            key: on.key.clone(),
            clock: on.clock.clone(),
            disk: Disk::default(),
        };
        let (store, _) = Store::open(options)?;
        store.commit(copies(on, phone)).wait()?;
        store.commit(vec![Write::PutLease { network: network.to_owned(), lease: lease(on, phone.mac, own) }]).wait()?;
        let (journal, writing) = Journal::open(store.clone()).map_err(unmade)?;
        let provision = Provision::new(provision::Foundations {
            store: store.clone(),
            depot: on.depot.clone(),
            pairing: Pairing::new(store.clone(), on.origin),
            journal,
            registry: on.registry.clone(),
            authority: &on.authority,
            clock: on.clock.clone(),
            networks: subnets(&on.networks),
            policy: on.policy,
            http: on.ports.0,
            https: on.ports.1,
        });
        let mut swept = _swept;
        swept.0 = None;
        Ok(Self {
            token,
            directory,
            mac: phone.mac,
            store,
            writing: Mutex::new(Some(writing)),
            provision: provision.pointing_at(on.library.clone()),
            library: on.library.clone(),
            heard: Mutex::default(),
        })
    }

    /// What tells this rehearsal's requests from all others.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The list of phones as this rehearsal has it.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Keeps the reason why a handshake failed.
    pub(super) fn hear(&self, reason: Reason) {
        self.heard().push(reason);
    }

    /// Answers a request of the rehearsal's.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let reading = matches!(*request.method(), Method::GET | Method::HEAD);
        if !reading {
            // Only what is given to phones is rehearsed, not what they leave here.
            return Response::new(body(""));
        }
        let image = Wanted::read(request.uri().path()).ok().and_then(|path| {
            let phone = || self.store.phone_by_mac(self.mac);
            path.is_provisioning().then(|| self.library.find(path.name(), phone)).flatten()
        });
        match image {
            None => self.provision.answer(request, peer).await,
            Some(image) => match self.library.content(&image).await {
                Ok(_) => Response::new(body("")),
                Err(why) => {
                    let (release, why) = (image.release, why.to_string());
                    self.hear(Reason::FirmwareUnavailable { release, why });
                    let mut refusal = Response::new(body("This image is not here now.\n"));
                    *refusal.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    refusal
                }
            },
        }
    }

    /// Takes the stage down, and gives what the box said on it, oldest first. Blocks.
    pub(super) fn strike(&self) -> Vec<Said> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writing) = writing {
            writing.close();
        }
        let filter = EventFilter { mac: None, after: None, limit: MOST_SAID };
        let mut said: Vec<Said> = self
            .store
            .events(&filter)
            .into_iter()
            .map(|(_, event)| Said::of(event.file.as_deref(), &event.reason))
            .collect();
        said.reverse();
        said.extend(self.heard().drain(..).map(|reason| Said::of(None, &reason)));
        self.store.close();
        said
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Reason>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(Swept(Some(self.directory.clone())));
    }
}

/// Removes a directory when it is dropped.
struct Swept(Option<PathBuf>);

impl Drop for Swept {
    fn drop(&mut self) {
        if let Some(directory) = self.0.take()
            && let Err(error) = std::fs::remove_dir_all(&directory)
        {
            tracing::warn!(%error, path = %directory.display(), "what a rehearsal left could not be removed");
        }
    }
}

/// Everything that the phone's files are made of, with the phone as if it had never come.
fn copies(on: &Foundations, phone: &Phone) -> Vec<Write> {
    let store = &on.store;
    let expect = None;
    let organisations = store.organisations().into_iter();
    let mut writes: Vec<Write> = organisations
        .map(|organisation| Write::PutOrganisation { organisation: (*organisation).clone(), expect })
        .collect();
    writes.extend(store.groups(phone.organisation).into_iter().map(|group| Write::PutGroup { group, expect }));
    let books = store.phone_books().into_iter().filter(|book| book.organisation == phone.organisation);
    writes.extend(books.map(|book| Write::PutPhoneBook { book, expect }));
    let resources = store.resources().into_iter().filter(|resource| resource.organisation == phone.organisation);
    writes.extend(resources.map(|resource| Write::PutResource { resource, expect }));
    let new = Phone { first_contact: FirstContact::Waiting, login: None, pending_login: None, ..phone.clone() };
    writes.push(Write::PutPhone { phone: new, expect });
    writes
}

/// By this the double is where the rehearsal asks from.
fn lease(on: &Foundations, mac: Mac, own: Ipv4Addr) -> Lease {
    Lease {
        address: own,
        mac,
        client_id: None,
        host_name: None,
        vendor_class: None,
        state: LeaseState::Bound,
        expires: on.clock.now().wall.plus(LEASE),
        via: Via::Wire,
        seconds_left: u32::try_from(LEASE.as_secs()).unwrap_or(u32::MAX),
    }
}
