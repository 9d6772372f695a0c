//! Files for phones: who asks, what for, on what evidence; and then the bytes, or a refusal with its reason.

mod answers;
mod authority;
mod file;
mod lan;
mod login;
mod query;
mod revisions;
mod transition;
mod unanswered;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::header::USER_AGENT;
use hyper::{Method, Request, Response, StatusCode};
use ipnet::Ipv4Net;

use self::answers::About;
use self::authority::Root;
use self::login::{Login, Logins};
use self::query::Query;
use self::revisions::Revisions;
use self::unanswered::Unanswered;
use super::path::Wanted;
use super::{Body, Peer};
use crate::access::{self, Ask, Channel, Evidence, File, Lan, LoginProof, Subject, Transition, Verdict};
use crate::brands::{Brand, Claims, Content, FileKind, FileMatch, FileRule, Registry};
use crate::journal::Journal;
use crate::model::{Door, Event, FirstContact, Mac, Now, Phone, Policy, Reason, Timestamp};
use crate::pki::Authority;
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// How often a decision is taken anew because the phone's document changed under it.
const ATTEMPTS: usize = 4;
/// Seconds after which to come again when something could not be stored.
const STORE_PAUSE: u64 = 60;

/// What provisioning stands on.
pub struct Foundations<'a> {
    /// Phones, organisations, leases.
    pub store: Store,
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
    journal: Journal,
    registry: Arc<Registry>,
    root: Root,
    clock: Clock,
    networks: Vec<Ipv4Net>,
    policy: Option<Policy>,
    ports: (u16, u16),
    /// Common files change only with the program and its configuration.
    started: Timestamp,
    logins: Logins,
    unanswered: Mutex<Unanswered>,
    revisions: Mutex<Revisions>,
}

/// A file that is made for those who may have it.
#[derive(Clone, Copy)]
struct Target<'a> {
    brand: &'a Brand,
    rule: &'a FileRule,
    file: File,
    /// The phone that it is about, as claimed by the name, the User-Agent or the LAN.
    claimed: Option<Mac>,
}

impl Provision {
    /// Provisioning over these foundations.
    pub fn new(on: Foundations<'_>) -> Self {
        Self {
            root: Root::of(on.authority),
            started: on.clock.now().wall,
            store: on.store,
            journal: on.journal,
            registry: on.registry,
            clock: on.clock,
            networks: on.networks,
            policy: on.policy,
            ports: (on.http, on.https),
            logins: Logins::new(),
            unanswered: Mutex::new(Unanswered::new()),
            revisions: Mutex::default(),
        }
    }

    /// Whether `address` is on a configured network, or is the box itself.
    pub fn serves(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => address.is_loopback() || self.networks.iter().any(|net| net.contains(&address)),
            IpAddr::V6(address) => address.is_loopback(),
        }
    }

    /// Answers a request. Its body is not looked at.
    ///
    /// What the answer changes about the phone is on the disk before the answer is returned.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Body> {
        let (head, _) = request.into_parts();
        if !self.serves(peer.address) {
            tracing::debug!(address = %peer.address, "asked from outside the configured networks");
            return answers::not_found();
        }
        let agent = head.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let query = Query {
            method: &head.method,
            headers: &head.headers,
            asked: head.uri.path(),
            agent,
            peer,
            now: self.clock.now(),
        };
        let wanted = match Wanted::read(head.uri.path()) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.record(&query, None, Reason::HttpMalformed { what: error.to_string() });
                return answers::plain(StatusCode::BAD_REQUEST, "This path cannot be read.\n");
            }
        };
        if query.method != Method::GET && query.method != Method::HEAD {
            self.record(&query, None, Reason::NotServed);
            return answers::read_only();
        }
        if let Some(response) = self.root_file(&query, &wanted) {
            return response;
        }
        let claims = Claims { user_agent: query.agent.as_deref(), ..Claims::default() };
        let recognised = self.registry.recognise(&claims);
        let name = wanted.name().rsplit('/').next().unwrap_or_default();
        let hint = recognised.as_ref().map(|found| found.brand.id.as_str());
        match self.registry.file_of(name, hint) {
            FileMatch::Served { brand, rule, mac, .. } => {
                let file = if rule.kind == FileKind::Own { File::Own } else { File::Common };
                let by_agent = recognised.as_ref().and_then(|found| found.mac);
                let claimed = mac.or(by_agent).or_else(|| self.neighbour(peer.address, query.now).known());
                self.hand_out(&query, &wanted, Target { brand, rule, file, claimed }).await
            }
            FileMatch::Withheld | FileMatch::Unknown => {
                let mac = recognised.and_then(|found| found.mac);
                self.record(&query, mac, Reason::NotServed);
                answers::not_found()
            }
        }
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
        let mac = self.neighbour(query.peer.address, query.now).known();
        self.record(query, mac, Reason::CaGiven);
        let fresh = query.condition().is_fresh(file.revision, self.root.since, query.now.wall);
        let about = About {
            content_type: file.content_type,
            revision: file.revision,
            modified: Some(self.root.since),
            public: true,
        };
        Some(answers::file((!fresh).then_some(file.bytes), &about))
    }

    async fn hand_out(&self, query: &Query<'_>, wanted: &Wanted, target: Target<'_>) -> Response<Body> {
        let Query { peer, now, .. } = *query;
        let login = self.logins.judge(&self.store, (query.method.as_str(), wanted, query.headers), peer, now);
        let (proof, sent) = match login {
            Login::Proof { proof, sent } => (proof, sent),
            Login::Malformed(error) => {
                self.record(query, target.claimed, Reason::HttpMalformed { what: error.to_string() });
                (LoginProof::Wrong, true)
            }
            // The client has the right login and sends it again at once: nothing happened yet.
            Login::Stale => return self.challenge(peer, now, true),
            Login::Throttled(seconds) => {
                self.record(query, target.claimed, Reason::Throttled);
                return answers::later(StatusCode::TOO_MANY_REQUESTS, seconds);
            }
        };
        let known = self.neighbour(peer.address, now);
        let evidence = Evidence {
            login: proof,
            certificate: None,
            lan: target.claimed.map_or(Lan::Unknown, |claimed| access::lan(claimed, known.lease, known.neighbour)),
        };
        if let (Lan::Disagrees, Some(claimed)) = (evidence.lan, target.claimed) {
            self.record(query, target.claimed, Reason::MacMismatch { claimed, address: peer.address });
        }
        let ask = Ask {
            channel: if peer.tls { Channel::Tls } else { Channel::Plain },
            file: target.file,
            address: peer.address,
            unanswered: self.was_asked(target.claimed, sent, query),
        };
        for _ in 0..ATTEMPTS {
            match self.attempt(query, target, &ask, &evidence, sent).await {
                Ok(response) => return response,
                Err(store::Error::Conflict { .. }) => {}
                Err(error) => {
                    self.record(query, target.claimed, Reason::RenderFailed { what: error.to_string() });
                    return answers::later(StatusCode::SERVICE_UNAVAILABLE, STORE_PAUSE);
                }
            }
        }
        answers::later(StatusCode::SERVICE_UNAVAILABLE, 1)
    }

    /// Decides once, and does what was decided.
    async fn attempt(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        ask: &Ask,
        evidence: &Evidence,
        sent: bool,
    ) -> Result<Response<Body>, store::Error> {
        let now = query.now;
        let phone = self.subject(target, evidence);
        let organisation = phone.as_ref().and_then(|phone| self.store.organisation(phone.organisation));
        let policy = self.policy.or(organisation.as_ref().map(|o| o.policy)).unwrap_or_default();
        let subject = phone.as_deref().map(|phone| Subject { phone, policy });
        let verdict = access::decide(ask, evidence, subject, now.wall);
        let event =
            |reason| self.event(query, target.claimed, reason).of(phone.as_ref().map(|phone| phone.organisation));
        match &verdict {
            Verdict::Grant { content, transition, .. } => {
                let phone = match phone.as_deref() {
                    Some(phone) => Some(self.moved_on(phone, *content, *transition, query).await?),
                    None => None,
                };
                let rendered = self.render(query, target, *content, phone.as_ref(), organisation.as_deref());
                let rendered = match rendered {
                    Ok(rendered) => rendered,
                    Err(error) => {
                        self.journal.record(event(Reason::RenderFailed { what: error.to_string() }));
                        return Ok(answers::plain(StatusCode::INTERNAL_SERVER_ERROR, "This file could not be made.\n"));
                    }
                };
                if let Some(mac) = target.claimed.filter(|_| *content == Content::FirstContact) {
                    // It has a login from now on, and is to be asked for it.
                    self.unanswered().answer(mac, query.peer.address);
                }
                let (response, fresh, revision) = self.file(query, target, *content, phone.as_ref(), rendered);
                if query.method == Method::GET {
                    let reason = match verdict.reason(target.file, &revision) {
                        Reason::Success { own_file: true, own_login, revision } if fresh => {
                            Reason::NotModified { own_login, revision }
                        }
                        other => other,
                    };
                    self.journal.record(event(reason));
                }
                Ok(response)
            }
            Verdict::Challenge { reason, transition } => {
                if let (Some(phone), Some(transition)) = (phone.as_deref(), *transition) {
                    // Not waited for: the answer takes as long for a phone that is on no list.
                    self.store_later(transition::apply(phone, transition, now.wall), phone.version);
                }
                if let Some(mac) = target.claimed.filter(|_| !sent) {
                    self.unanswered().ask(mac, query.peer.address, now.monotonic);
                }
                self.journal.record(event(reason.clone()));
                Ok(self.challenge(query.peer, now, false))
            }
            Verdict::NotFound(reason) => {
                self.journal.record(event(reason.clone()));
                Ok(answers::not_found())
            }
            Verdict::Forbidden(reason) => {
                self.journal.record(event(reason.clone()));
                Ok(answers::plain(StatusCode::FORBIDDEN, "This login is not enough here.\n"))
            }
        }
    }

    /// The phone that is asked about. Without a good login and away from its own address it plays no part in the
    /// decision: it is not even looked up then, so that a listed one takes no longer than another.
    fn subject(&self, target: Target<'_>, evidence: &Evidence) -> Option<Arc<Phone>> {
        let good_login = !matches!(evidence.login, LoginProof::None | LoginProof::Wrong);
        let mac = target.claimed.filter(|_| good_login || evidence.lan == Lan::Agrees)?;
        self.store.phone_by_mac(mac)
    }

    /// The phone after the transition and with what its User-Agent says about it, as stored.
    async fn moved_on(
        &self,
        phone: &Phone,
        content: Content,
        transition: Option<Transition>,
        query: &Query<'_>,
    ) -> Result<Phone, store::Error> {
        let mut changed =
            transition.map_or_else(|| phone.clone(), |transition| transition::apply(phone, transition, query.now.wall));
        let needs_login = content.is_secret() && access::login_to_hand_out(&changed).is_none();
        if needs_login {
            changed.pending_login = Some(transition::fresh_login());
        }
        self.learn(&mut changed, query);
        if changed == *phone {
            return Ok(changed);
        }
        match self.store.commit(vec![Write::PutPhone { phone: changed.clone(), expect: Some(phone.version) }]).await {
            Ok(()) => Ok(changed),
            Err(conflict @ store::Error::Conflict { .. }) => Err(conflict),
            // What a phone may be given for the first time must be on record. A phone that has shown its login may have
            // its file even from a box whose disk is full.
            Err(error) if needs_login || matches!(transition, Some(Transition::OpenFirstContact { .. })) => Err(error),
            Err(error) => {
                tracing::warn!(%error, mac = %phone.mac, "what was learned about a phone could not be stored");
                Ok(phone.clone())
            }
        }
    }

    /// Takes over what the User-Agent says, when it speaks of this phone or of no other.
    fn learn(&self, phone: &mut Phone, query: &Query<'_>) {
        let claims = Claims { user_agent: query.agent.as_deref(), ..Claims::default() };
        let Some(found) = self.registry.recognise(&claims) else { return };
        if found.mac.is_some_and(|mac| mac != phone.mac) {
            return;
        }
        if phone.brand.as_deref() != Some(found.brand.id.as_str()) {
            phone.brand = Some(found.brand.id.clone());
        }
        if found.model.is_some() && phone.model != found.model {
            phone.model = found.model;
        }
        if let Some(release) = found.firmware
            && self.store.journey(phone.mac).and_then(|journey| journey.firmware).as_ref() != Some(&release)
        {
            let event = self.event(query, Some(phone.mac), Reason::FirmwareRuns { release });
            self.journal.record(event.of(phone.organisation));
        }
    }

    fn challenge(&self, peer: Peer, now: Now, stale: bool) -> Response<Body> {
        answers::challenge(&self.logins.nonce(peer.address, now), stale, peer.tls)
    }

    /// Whether the phone was asked for a login before and comes without one. One that sends any is no longer waited for.
    fn was_asked(&self, claimed: Option<Mac>, sent: bool, query: &Query<'_>) -> bool {
        let Some(mac) = claimed else { return false };
        let address = query.peer.address;
        let mut unanswered = self.unanswered();
        if sent {
            unanswered.answer(mac, address);
        }
        unanswered.holds(mac, address, query.now.monotonic)
    }

    /// Stores a phone without waiting. Somebody who changed it in the meantime wins.
    fn store_later(&self, phone: Phone, version: u64) {
        drop(self.store.commit(vec![Write::PutPhone { phone, expect: Some(version) }]));
    }

    fn unanswered(&self) -> MutexGuard<'_, Unanswered> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
