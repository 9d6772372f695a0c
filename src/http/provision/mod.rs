//! Files for phones: who asks, what for, on what evidence; and then the bytes, or a refusal with its reason.

mod answers;
mod asker;
mod authority;
mod book;
mod derived;
mod hand_out;
mod lan;
mod levels;
mod login;
mod make;
mod query;
mod rendition;
mod resource;
mod revisions;
mod seen;
mod stranger;
mod tftp;
mod transition;
mod unanswered;
mod upload;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use hyper::header::USER_AGENT;
use hyper::{Method, Request, Response, StatusCode};
use ipnet::Ipv4Net;
use tokio::sync::Semaphore;

use self::answers::About;
use self::authority::Root;
use self::derived::Derived;
use self::login::Logins;
use self::query::Query;
use self::revisions::{Commons, Revisions};
use self::seen::Seen;
use self::unanswered::Unanswered;
use super::path::Wanted;
use super::throttle::{Allowance, Throttle, Who};
use super::{Body, Peer};
use crate::access::{self, Channel, File, Lan, Transition};
use crate::brands::{Brand, Claims, FileKind, FileMatch, FileRule, Places, Recognition, Registry};
use crate::depot::Depot;
use crate::firmware::Library;
use crate::journal::Journal;
use crate::model::{BoxAddress, Door, Event, FirstContact, Mac, Now, Policy, Reason, Scheme, provisioning_url};
use crate::pairing::Pairing;
use crate::pki::Authority;
use crate::store::Store;
use crate::sys::clock::Clock;
use crate::sys::random;

/// How often a decision is taken anew because the phone's document changed under it.
const ATTEMPTS: usize = 4;
/// Seconds after which to come again when something could not be stored.
const STORE_PAUSE: u64 = 60;

/// What provisioning stands on.
pub struct Foundations<'a> {
    /// Phones, organisations, leases.
    pub store: Store,
    /// Pictures and sounds for phones, and what they send up.
    pub depot: Depot,
    /// Phones on no list.
    pub pairing: Pairing,
    /// Where every hand-out and refusal is recorded.
    pub journal: Journal,
    /// What phones ask for, and what they get.
    pub registry: Arc<Registry>,
    /// The authority whose root is handed out.
    pub authority: &'a Authority,
    /// The time.
    pub clock: Clock,
    /// Subnets of the configured networks: nobody else is answered.
    pub networks: Vec<Ipv4Net>,
    /// A policy that the configuration file sets for all organisations.
    pub policy: Option<Policy>,
    /// Port of the plain listener.
    pub http: u16,
    /// Port of the TLS listener.
    pub https: u16,
}

/// The provisioning side of the HTTP and HTTPS doors.
pub struct Provision {
    store: Store,
    depot: Depot,
    pairing: Pairing,
    journal: Journal,
    registry: Arc<Registry>,
    root: Root,
    clock: Clock,
    networks: Vec<Ipv4Net>,
    policy: Option<Policy>,
    ports: (u16, u16),
    logins: Logins,
    derived: Derived,
    unanswered: Mutex<Unanswered>,
    show_nothing: Mutex<Throttle>,
    seen: Mutex<Seen>,
    revisions: Mutex<Revisions>,
    commons: Mutex<Commons>,
    /// Places of files that phones are sending up.
    bodies: Semaphore,
    images: Option<Library>,
}

/// A file that is there for those who may have it, or may send it.
#[derive(Clone, Copy)]
struct Target<'a> {
    brand: &'a Brand,
    rule: &'a FileRule,
    file: File,
    /// The phone that it is about, as claimed by the name, the User-Agent or the LAN.
    claimed: Option<Mac>,
    /// What stood in the places of its name.
    places: &'a Places,
    /// The name as asked, in lower case and with its folders.
    asked: &'a str,
}

impl Target<'_> {
    /// The name in the one spelling that it is kept under.
    fn name(&self) -> String {
        self.rule.name_for(self.places).unwrap_or_else(|| self.rule.name().to_owned()).to_lowercase()
    }
}

impl Provision {
    /// Provisioning over these foundations.
    pub fn new(on: Foundations<'_>) -> Self {
        Self {
            root: Root::of(on.authority),
            store: on.store,
            depot: on.depot,
            pairing: on.pairing,
            journal: on.journal,
            registry: on.registry,
            clock: on.clock,
            networks: on.networks,
            policy: on.policy,
            ports: (on.http, on.https),
            logins: Logins::new(),
            derived: Derived::default(),
            unanswered: Mutex::new(Unanswered::new()),
            show_nothing: Mutex::new(Throttle::new(u64::from_be_bytes(random::bytes()), Allowance::SHOWS_NOTHING)),
            seen: Mutex::new(Seen::new()),
            revisions: Mutex::default(),
            commons: Mutex::default(),
            bodies: Semaphore::new(upload::MOST_AT_ONCE),
            images: None,
        }
    }

    /// Has files point at the image of `library` that their phone is told to take, where there is one.
    #[must_use]
    pub fn pointing_at(self, library: Library) -> Self {
        Self { images: Some(library), ..self }
    }

    /// Whether `address` is on a configured network, or is the box itself.
    pub fn serves(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || self.networks.iter().any(|net| net.contains(&address)),
            IpAddr::V6(address) => address.is_loopback(),
        }
    }

    /// Whether a path is a file for phones rather than a page. Besides what is so by its form, those are the paths that
    /// a brand's phones make up by themselves, with folders, or with nothing but their MAC in the name.
    pub fn has_files_at(&self, wanted: &Wanted) -> bool {
        let made_up = || match self.registry.file(wanted.name()) {
            FileMatch::Served { places, .. } => {
                wanted.name().contains('.') || places.mac.is_some_and(|_| !wanted.name().contains('/'))
            }
            FileMatch::Withheld => wanted.name().contains('.'),
            FileMatch::Unknown => false,
        };
        wanted.is_provisioning() || !wanted.is_page() && made_up()
    }

    /// Answers a request. Its body is looked at only where a phone may send one up.
    ///
    /// What the answer changes about the phone is on the disk before the answer is returned.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: hyper::body::Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        if !self.serves(peer.address) {
            tracing::debug!(address = %peer.address, "asked from outside the configured networks");
            return answers::not_found();
        }
        let agent = head.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let claims = Claims { user_agent: agent.as_deref(), ..Claims::default() };
        let said = self.registry.recognise(&claims);
        let query = Query {
            method: &head.method,
            headers: &head.headers,
            asked: head.uri.path(),
            parameters: head.uri.query(),
            agent,
            said,
            neighbour: OnceLock::new(),
            login: OnceLock::new(),
            peer,
            channel: if peer.tls { Channel::Tls } else { Channel::Plain },
            now: self.clock.now(),
        };
        let wanted = match Wanted::read(head.uri.path()) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.record(&query, None, Reason::HttpMalformed { what: error.to_string() });
                return answers::plain(StatusCode::BAD_REQUEST, "This path cannot be read.\n");
            }
        };
        let reads = matches!(*query.method, Method::GET | Method::HEAD);
        let sends = matches!(*query.method, Method::PUT | Method::POST);
        if let Some(response) = self.root_file(&query, &wanted).filter(|_| reads) {
            return response;
        }
        let brand = query.said.as_ref().map(|said| said.brand).or_else(|| self.brand_of_name(&query, &wanted));
        let answer = match self.registry.file_of(wanted.name(), brand.map(|brand| brand.id.as_str())) {
            FileMatch::Served { brand, rule, places } if reads || sends && rule.kind == FileKind::Upload => {
                let claimed = self.claimed(&query, &places);
                let file = access_of(rule);
                let target = Target { brand, rule, file, claimed, places: &places, asked: wanted.name() };
                if rule.kind == FileKind::Redirect {
                    self.record(&query, claimed, Reason::Redirected);
                    answers::redirect(&self.provisioning_url(peer))
                } else if sends {
                    self.take(&query, &wanted, target, body).await
                } else {
                    self.hand_out(&query, &wanted, target).await
                }
            }
            other => {
                let unknown = matches!(other, FileMatch::Unknown) && reads;
                let nearest = query.said.as_ref().filter(|_| unknown).and_then(|found| nearest(found, wanted.name()));
                let reason = nearest.map_or(Reason::NotServed, |nearest| Reason::NameUnknown { nearest });
                self.record(&query, query.said.as_ref().and_then(|said| said.mac), reason);
                if reads { answers::not_found() } else { answers::read_only() }
            }
        };
        self.slow_a_guess(&query).await;
        answer
    }

    /// Where this phone's files are, over the channel that it has come by.
    fn provisioning_url(&self, peer: Peer) -> String {
        let (http, https) = self.ports;
        let scheme = if peer.tls { Scheme::Https } else { Scheme::Http };
        provisioning_url(scheme, &BoxAddress { host: peer.local, http, https }, "")
    }

    /// The phone that a request is about: as the name says, else the User-Agent, else whoever has the address.
    fn claimed(&self, query: &Query<'_>, places: &Places) -> Option<Mac> {
        let by_agent = query.said.as_ref().and_then(|said| said.mac);
        places.mac.or(by_agent).or_else(|| self.whereabouts(query).known())
    }

    /// Whose file a name is that phones of several brands ask for, where the asker does not say what it is: that of the
    /// phone whose MAC stands in it, as it is listed or as its address begins. The list is for those alone who have shown
    /// something: to others a listed MAC is like any of its maker.
    fn brand_of_name(&self, query: &Query<'_>, wanted: &Wanted) -> Option<&Brand> {
        let FileMatch::Served { places, .. } = self.registry.file_of(wanted.name(), None) else { return None };
        let mac = places.mac?;
        let has_shown = || {
            let known = self.whereabouts(query);
            query.peer.certificate.is_some()
                || self.login(query, wanted).is_right()
                || access::lan(mac, known.lease, known.neighbour) == Lan::Agrees
        };
        let listed = Some(mac).filter(|_| has_shown()).and_then(|mac| self.store.phone_by_mac(mac));
        let listed = listed.and_then(|phone| self.registry.brand(phone.brand.as_deref()?));
        let claims = Claims { mac: Some(mac), ..Claims::default() };
        listed.or_else(|| self.registry.recognise(&claims).map(|found| found.brand))
    }

    /// A TLS handshake with `peer` failed. A phone that had our CA and no longer trusts it was reset.
    pub fn handshake_failed(&self, peer: Peer, reason: Reason) {
        if !self.serves(peer.address) {
            return;
        }
        let now = self.clock.now();
        let mac = self.neighbour(peer.address, now).known();
        let phone = mac.and_then(|mac| self.store.phone_by_mac(mac));
        let unknown_ca = reason == Reason::TlsUnknownCa;
        // Browsers that do not know our authority yet, and scanners, would fill the record.
        if phone.is_none() && matches!(reason, Reason::TlsFailed { .. }) {
            tracing::debug!(address = %peer.address, reason = reason.sentence(), "a handshake failed");
            return;
        }
        let event = |reason| Event::new(now.wall, Door::Https, reason).about(mac).from_address(peer.address);
        self.journal.record(event(reason));
        let Some(phone) = phone.filter(|_| unknown_ca) else { return };
        if matches!(phone.first_contact, FirstContact::Closed { .. }) {
            self.journal.record(event(Reason::WasReset).of(phone.organisation));
            self.store_later(transition::apply(&phone, Transition::NoticeReset, now.wall), phone.version);
        }
    }

    fn root_file(&self, query: &Query<'_>, wanted: &Wanted) -> Option<Response<Body>> {
        let file = self.root.file(wanted.name())?;
        let mac = self.whereabouts(query).known();
        self.record(query, mac, Reason::CaGiven);
        let fresh = query.condition().is_fresh(file.revision, None, false, query.now.wall);
        let about = About {
            content_type: &file.content_type,
            tag: file.tag,
            // It begins when the program was built: two authorities may have that date.
            modified: None,
            public: true,
            sent_up: false,
        };
        Some(answers::file((!fresh).then_some(file.bytes), &about))
    }

    fn challenge(&self, peer: Peer, now: Now, stale: bool) -> Response<Body> {
        answers::challenge(&self.logins.nonce(peer.address, now), stale, peer.tls)
    }

    /// Whether somebody who has no right login has asked so much that the answer comes late.
    fn asks_without_end(&self, address: IpAddr, now: Now) -> bool {
        let who = Who::at(address);
        let mut throttle = self.show_nothing.lock().unwrap_or_else(PoisonError::into_inner);
        let late = throttle.wait(who, now.monotonic).is_some();
        if !late {
            throttle.count(who, now.monotonic);
        }
        late
    }

    fn unanswered(&self) -> MutexGuard<'_, Unanswered> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name among those of the phone's brand that is written almost like this one.
fn nearest(found: &Recognition<'_>, name: &str) -> Option<String> {
    /// Letters that may be wrong, left out or too many.
    const MOST: usize = 3;
    const LONGEST: usize = 64;
    let places = Places { mac: found.mac, model: found.model.clone(), ..Places::default() };
    let name = name.rsplit('/').next().filter(|name| name.len() <= LONGEST)?;
    let served = found.brand.files().iter().filter(|rule| rule.kind != FileKind::Withheld);
    served
        .filter_map(|rule| rule.name_for(&places))
        .map(|known| (strsim::osa_distance(&known.to_lowercase(), name), known))
        .filter(|(distance, _)| *distance <= MOST)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What a file is to the decision who gets it.
fn access_of(rule: &FileRule) -> File {
    match rule.kind {
        FileKind::Own if rule.secret => File::Own,
        FileKind::Upload if rule.secret => File::Kept,
        FileKind::Own | FileKind::Upload | FileKind::Book => File::Personal,
        FileKind::Resource => File::Shared,
        FileKind::Common | FileKind::Firmware | FileKind::Redirect | FileKind::Withheld => File::Common,
    }
}
