use hyper::{Method, Response, StatusCode};

use super::asker::Asker;
use super::make::Unmade;
use super::query::Query;
use super::{ATTEMPTS, Provision, STORE_PAUSE, Target, answers, transition};
use crate::access::{self, Basis, Transition, Verdict};
use crate::brands::{Claims, Content};
use crate::http::Body;
use crate::http::path::Wanted;
use crate::model::{Phone, Reason};
use crate::store::{self, Write};

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
        let decision = match self.decide(query, target, asker) {
            decision if self.takes_in(query, target, asker, &decision).await => self.decide(query, target, asker),
            decision => decision,
        };
        let Verdict::Grant { content, transition, basis } = decision.verdict else {
            return Ok(self.refuse(query, target, asker, &decision));
        };
        let organisation = decision.organisation.as_deref();
        let event = |reason| {
            let of = decision.phone.as_ref().map(|phone| phone.organisation);
            self.event(query, target.claimed, reason).of(of)
        };
        // What a brand's phones are given may depend on policy: a mere claim never changes the brand.
        let proven = matches!(basis, Basis::Success { own_login: true } | Basis::FirstContact);
        let phone = match decision.phone.as_deref() {
            Some(phone) => Some(self.moved_on(phone, content, transition, proven, query).await?),
            None => None,
        };
        let mut rendered = match self.make(query, target, content, phone.as_ref(), organisation).await {
            Ok(rendered) => rendered,
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
        let resources = std::mem::take(&mut rendered.resources);
        let (response, fresh, revision) = self.file(query, target, content, phone.as_ref(), rendered);
        if query.method == Method::GET {
            let reason = match decision.verdict.reason(target.file, &revision, &resources) {
                Reason::Success { own_file: true, own_login, revision, resources } if fresh => {
                    Reason::NotModified { own_login, revision, resources }
                }
                Reason::Pointed if phone.as_ref().is_some_and(Phone::trusts_us) => Reason::PlainAfterTls,
                other => other,
            };
            self.journal.record(event(reason));
        }
        Ok(response)
    }

    /// The phone after the transition and with what its User-Agent says about it, as stored.
    async fn moved_on(
        &self,
        phone: &Phone,
        content: Content,
        transition: Option<Transition>,
        proven: bool,
        query: &Query<'_>,
    ) -> Result<Phone, store::Error> {
        let mut changed =
            transition.map_or_else(|| phone.clone(), |transition| transition::apply(phone, transition, query.now.wall));
        let needs_login = content.is_secret() && access::login_to_hand_out(&changed).is_none();
        if needs_login {
            changed.pending_login = Some(transition::fresh_login());
        }
        if proven || changed.brand.is_none() {
            self.learn(&mut changed, query);
        }
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
}
