use std::sync::Arc;

use hyper::{Method, Response, StatusCode};

use super::asker::Asker;
use super::make::Unmade;
use super::query::Query;
use super::{ATTEMPTS, Provision, STORE_PAUSE, Target, answers, transition};
use crate::access::{self, Basis, Transition, Verdict};
use crate::brands::{Content, Recognition};
use crate::http::Body;
use crate::http::path::Wanted;
use crate::model::{Phone, Reason};
use crate::store::{self, Write};
use crate::sys::random;

impl Provision {
    /// Gives a file to whoever may have it.
    pub(super) async fn hand_out(&self, query: &Query<'_>, wanted: &Wanted, target: Target<'_>) -> Response<Body> {
        let asker = match self.asker(query, wanted, target) {
            Ok(asker) => asker,
            Err(answer) => return *answer,
        };
        for _ in 0..ATTEMPTS {
            match self.attempt(query, target, &asker).await {
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
        asker: &Asker,
    ) -> Result<Response<Body>, store::Error> {
        // Before anything is read: what is made of it may be kept for as long as this stays.
        let shared = self.store.shared_version();
        let decision = match self.decide(query, target, asker) {
            decision if self.takes_in(query, target, asker, &decision).await => self.decide(query, target, asker),
            decision => decision,
        };
        let Verdict::Grant { content, transition, basis } = decision.verdict else {
            return Ok(self.turn_away(query, target, asker, &decision).await);
        };
        if let (Basis::Success { own_login: true }, Some(phone)) = (basis, &decision.phone) {
            self.seen().note(query.peer.address.to_canonical(), phone.mac);
        }
        let organisation = decision.organisation.as_deref();
        let event = |reason| {
            let of = decision.phone.as_ref().map(|phone| phone.organisation);
            self.event(query, target.claimed, reason).of(of)
        };
        // What a brand's phones are given may depend on policy: a mere claim never changes the brand.
        let proven = matches!(basis, Basis::Success { own_login: true } | Basis::FirstContact);
        let (phone, settled) = match &decision.phone {
            Some(phone) => match self.moved_on(phone, content, transition, proven, query).await? {
                Some(changed) => (Some(Arc::new(changed)), None),
                None => (Some(Arc::clone(phone)), Some(shared)),
            },
            None => (None, Some(shared)),
        };
        let phone = phone.as_deref();
        let made = match self.make(query, target, content, (phone, organisation), settled).await {
            Ok(made) => made,
            Err(Unmade::Missing(reason)) => {
                self.journal.record(event(reason));
                return Ok(answers::not_found());
            }
            Err(Unmade::Failed(what)) => {
                self.journal.record(event(Reason::RenderFailed { what }));
                return Ok(answers::plain(StatusCode::INTERNAL_SERVER_ERROR, "This file could not be made.\n"));
            }
        };
        if let Some(mac) = target.claimed.filter(|_| content == Content::FirstContact) {
            // It has a login from now on, and is to be asked for it.
            self.unanswered().answer(mac, query.peer.address);
        }
        let (response, fresh) = self.file(query, target, content, &made);
        if query.method == Method::GET {
            // Some brands' files bring the certificate along, others take none: such phones never ask for it.
            if content == Content::FirstContact {
                let settled = match self.root.stands_in(&made.bytes) {
                    true => Some(Reason::CaGiven),
                    false => Some(Reason::CaNotNeeded).filter(|_| !target.brand.tls.takes_our_ca),
                };
                settled.into_iter().for_each(|reason| self.journal.record(event(reason)));
            }
            let reason = match decision.verdict.reason(target.file, &made.revision, &made.resources) {
                Reason::Success { own_file: true, .. } if phone.is_some_and(Phone::is_let_go) => Reason::LetGo,
                Reason::Success { own_file: true, own_login, revision, resources } if fresh => {
                    Reason::NotModified { own_login, revision, resources }
                }
                Reason::Pointed if phone.is_some_and(Phone::trusts_us) => Reason::PlainAfterTls,
                other => other,
            };
            self.journal.record(event(reason));
        }
        Ok(response)
    }

    /// The phone after the transition and with what its User-Agent says about it, as stored; `None` where nothing
    /// changed.
    async fn moved_on(
        &self,
        phone: &Phone,
        content: Content,
        transition: Option<Transition>,
        proven: bool,
        query: &Query<'_>,
    ) -> Result<Option<Phone>, store::Error> {
        let learned = query.said.as_ref().filter(|_| proven || phone.brand.is_none());
        let learned = learned.filter(|said| said.mac.is_none_or(|mac| mac == phone.mac));
        if let Some(said) = learned {
            self.note_firmware(phone, said, query);
        }
        let news = learned.is_some_and(|said| {
            phone.brand.as_ref() != Some(&said.brand.id) || said.model.is_some() && phone.model != said.model
        });
        let without_login = content.is_secret() && access::login_to_hand_out(phone).is_none();
        if transition.is_none() && !news && !without_login {
            return Ok(None);
        }
        let mut changed =
            transition.map_or_else(|| phone.clone(), |transition| transition::apply(phone, transition, query.now.wall));
        let needs_login = content.is_secret() && access::login_to_hand_out(&changed).is_none();
        if needs_login {
            changed.pending_login = Some(random::login());
        }
        if let Some(said) = learned {
            changed.brand = Some(said.brand.id.clone());
            changed.model = said.model.clone().or(changed.model);
        }
        match self.store.commit(vec![Write::PutPhone { phone: changed.clone(), expect: Some(phone.version) }]).await {
            Ok(()) => Ok(Some(changed)),
            Err(conflict @ store::Error::Conflict { .. }) => Err(conflict),
            // What a phone may be given for the first time must be on record. A phone that has shown its login may have
            // its file even from a box whose disk is full.
            Err(error) if needs_login || matches!(transition, Some(Transition::OpenFirstContact { .. })) => Err(error),
            Err(error) => {
                tracing::warn!(%error, mac = %phone.mac, "what was learned about a phone could not be stored");
                Ok(None)
            }
        }
    }

    /// Takes over which firmware the User-Agent says that it runs.
    fn note_firmware(&self, phone: &Phone, said: &Recognition<'_>, query: &Query<'_>) {
        if let Some(release) = said.firmware.clone()
            && self.store.journey(phone.mac).and_then(|journey| journey.firmware).as_ref() != Some(&release)
        {
            let event = self.event(query, Some(phone.mac), Reason::FirmwareRuns { release });
            self.journal.record(event.of(phone.organisation));
        }
    }
}
