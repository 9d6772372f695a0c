use std::sync::Arc;
use std::time::Duration;

use hyper::{Response, StatusCode};

use super::login::Login;
use super::query::Query;
use super::{Provision, Target, answers, transition};
use crate::access::{self, Ask, Channel, Evidence, Lan, LoginProof, Subject, Verdict};
use crate::http::Body;
use crate::http::path::Wanted;
use crate::model::{Id, Mac, Organisation, Phone, Reason};
use crate::store::Write;

/// How much later an answer comes to those who ask without end.
const LATE: Duration = Duration::from_secs(1);

/// Who asks, as far as they have shown it.
pub(super) struct Asker {
    pub(super) ask: Ask,
    pub(super) evidence: Evidence,
    /// Whether any login came, right or wrong.
    pub(super) sent: bool,
}

/// A decision, and what it was taken on.
pub(super) struct Decision {
    pub(super) phone: Option<Arc<Phone>>,
    pub(super) organisation: Option<Arc<Organisation>>,
    pub(super) verdict: Verdict,
}

impl Provision {
    /// Looks at login and LAN. A login that cannot be judged now is answered here and then.
    pub(super) fn asker(
        &self,
        query: &Query<'_>,
        wanted: &Wanted,
        target: Target<'_>,
    ) -> Result<Asker, Box<Response<Body>>> {
        let Query { peer, now, .. } = *query;
        let known = self.whereabouts(query);
        let lan = target.claimed.map_or(Lan::Unknown, |claimed| access::lan(claimed, known.lease, known.neighbour));
        // Away from its place, and with a guess for a login, a listed phone is not looked up: it would take longer than
        // another.
        let may_look = |proof: LoginProof| proof != LoginProof::Wrong || lan == Lan::Agrees;
        let (proof, sent) = match *self.login(query, wanted) {
            // What was asked for is still to come.
            Login::Proof { proof, sent, bare: true } if may_look(proof) && !self.takes_bare(target) => {
                (LoginProof::None, sent)
            }
            Login::Proof { proof, sent, .. } => (proof, sent),
            Login::Malformed(ref error) => {
                self.record(query, target.claimed, Reason::HttpMalformed { what: error.to_string() });
                (LoginProof::Wrong, true)
            }
            // The client has the right login and sends it again at once: nothing happened yet.
            Login::Stale => return Err(Box::new(self.challenge(peer, now, true))),
            Login::Throttled(seconds) => {
                self.record(query, target.claimed, Reason::Throttled);
                return Err(Box::new(answers::later(StatusCode::TOO_MANY_REQUESTS, seconds)));
            }
        };
        let evidence = Evidence { login: proof, certificate: peer.certificate, lan };
        if let (Lan::Disagrees, Some(claimed)) = (evidence.lan, target.claimed) {
            self.record(query, target.claimed, Reason::MacMismatch { claimed, address: peer.address });
        }
        let ask = Ask {
            channel: query.channel,
            file: target.file,
            address: peer.address,
            unanswered: self.was_asked(target.claimed, sent, query),
        };
        Ok(Asker { ask, evidence, sent })
    }

    /// Decides on what is known at this moment.
    pub(super) fn decide(&self, query: &Query<'_>, target: Target<'_>, asker: &Asker) -> Decision {
        let phone = self.subject(target, &asker.evidence);
        let organisation = match &phone {
            Some(phone) => self.store.organisation(phone.organisation),
            None => self.organisation_of(asker.evidence.login).and_then(|id| self.store.organisation(id)),
        };
        let subject = phone.as_deref().map(|phone| Subject { phone, policy: self.policy(phone) });
        let verdict = access::decide(&asker.ask, &asker.evidence, subject, query.now.wall);
        Decision { phone, organisation, verdict }
    }

    /// Answers what is no grant. Whoever has no login and asks without end gets the same answer, but late: nobody is
    /// refused for what somebody else behind the same address does, and no phone gives up within so short a time.
    ///
    /// Not over TFTP, where few answers are under way at a time, and where nobody is asked for a login.
    pub(super) async fn turn_away(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        asker: &Asker,
        decision: &Decision,
    ) -> Response<Body> {
        let nameless = !asker.sent && query.channel != Channel::Tftp;
        if nameless && self.asks_without_end(query.peer.address, query.now) {
            tokio::time::sleep(LATE).await;
        }
        self.refuse(query, target, asker, decision)
    }

    /// Has whoever sends wrong logins without end wait for each answer, whatever it is and whichever names they try.
    /// The phones behind the same address, whose logins are right, wait for nothing.
    pub(super) async fn slow_a_guess(&self, query: &Query<'_>) {
        let guessed = query.login.get().is_some_and(Login::is_wrong);
        if guessed && self.asks_without_end(query.peer.address, query.now) {
            tokio::time::sleep(LATE).await;
        }
    }

    /// Answers what is no grant, and notes what it says about the phone.
    fn refuse(&self, query: &Query<'_>, target: Target<'_>, asker: &Asker, decision: &Decision) -> Response<Body> {
        let phone = decision.phone.as_deref();
        let record = |reason: &Reason| {
            let organisation = phone.map(|phone| phone.organisation);
            let elsewhere = match asker.evidence.login {
                LoginProof::Organisation(id) => organisation.is_some_and(|whose| whose != id),
                _ => false,
            };
            let reason = match reason {
                Reason::WrongCredentials if elsewhere => Reason::OtherOrganisation,
                other => other.clone(),
            };
            self.journal.record(self.event(query, target.claimed, reason).of(organisation));
        };
        match &decision.verdict {
            Verdict::Challenge { reason, transition } => {
                if let (Some(phone), Some(transition)) = (phone, *transition) {
                    // Not waited for: the answer takes as long for a phone that is on no list.
                    self.store_later(transition::apply(phone, transition, query.now.wall), phone.version);
                }
                if let Some(mac) = target.claimed.filter(|_| !asker.sent) {
                    self.unanswered().ask(mac, query.peer.address, query.now.monotonic);
                }
                record(reason);
                self.challenge(query.peer, query.now, false)
            }
            Verdict::Forbidden(reason) => {
                record(reason);
                answers::plain(StatusCode::FORBIDDEN, "This login is not enough here.\n")
            }
            Verdict::NotFound(reason) => {
                record(reason);
                answers::not_found()
            }
            Verdict::Grant { .. } => answers::not_found(),
        }
    }

    /// The phone that is asked about. Without a good login or a certificate, and away from its own address, it plays no
    /// part in the decision: it is not even looked up then, so that a listed one takes no longer than another.
    fn subject(&self, target: Target<'_>, evidence: &Evidence) -> Option<Arc<Phone>> {
        let good_login = !matches!(evidence.login, LoginProof::None | LoginProof::Wrong);
        let shown = good_login || evidence.certificate.is_some();
        let mac = target.claimed.filter(|_| shown || evidence.lan == Lan::Agrees)?;
        self.store.phone_by_mac(mac)
    }

    /// Whether a Basic login over plain HTTP counts for this phone.
    fn takes_bare(&self, target: Target<'_>) -> bool {
        let Some(phone) = target.claimed.and_then(|mac| self.store.phone_by_mac(mac)) else {
            return self.policy.is_some_and(|policy| policy.plain_basic);
        };
        self.policy(&phone).plain_basic
    }

    fn organisation_of(&self, login: LoginProof) -> Option<Id> {
        match login {
            LoginProof::Organisation(id) => Some(id),
            LoginProof::Phone(id) | LoginProof::Pending(id) => Some(self.store.phone(id)?.organisation),
            LoginProof::None | LoginProof::Wrong => None,
        }
    }

    /// Whether the phone was asked for a login before and comes without one. One that sends any is no longer waited
    /// for.
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
    pub(super) fn store_later(&self, phone: Phone, version: u64) {
        drop(self.store.commit(vec![Write::PutPhone { phone, expect: Some(version) }]));
    }
}
