use super::asker::{Asker, Decision};
use super::query::Query;
use super::{Provision, Target};
use crate::access::{Lan, LoginProof};
use crate::brands::Claims;
use crate::model::{Door, Event, Reason};
use crate::pairing::{Adopted, Visit};

impl Provision {
    /// Notes a phone that is on no list, and puts it there while a pairing window is open: only one that is what its
    /// address says, that has shown no login of anybody's, and that is a phone. Whether it was put there.
    pub(super) async fn takes_in(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        asker: &Asker,
        decision: &Decision,
    ) -> bool {
        let Some(mac) = target.claimed.filter(|_| decision.phone.is_none()) else { return false };
        let in_place = asker.evidence.lan == Lan::Agrees;
        let claims = Claims { user_agent: query.agent.as_deref(), mac: Some(mac), ..Claims::default() };
        let found = self.registry.recognise(&claims);
        // Away from its place a listed phone was not looked up: nothing is known of it here.
        if !in_place && self.store.listed(mac).is_some() {
            return false;
        }
        let visit = Visit {
            mac,
            brand: Some(found.as_ref().map_or(target.brand.id.as_str(), |found| found.brand.id.as_str())),
            model: found.as_ref().and_then(|found| found.model.as_deref()),
            firmware: found.as_ref().and_then(|found| found.firmware.as_deref()),
            address: Some(query.peer.address),
            in_place,
            door: query.door(),
            asked: query.asked,
        };
        self.pairing.note(&visit, query.now.wall);
        let anonymous = matches!(asker.evidence.login, LoginProof::None | LoginProof::Wrong);
        let is_phone = found.is_some_and(|found| found.phone);
        if !in_place || !anonymous || !is_phone {
            return false;
        }
        match self.pairing.adopt_by_itself(mac, query.now.wall).await {
            Ok(Some(Adopted { phone, closed })) => {
                let event = self.event(query, Some(mac), Reason::Adopted { name: phone.name.clone() });
                self.journal.record(event.of(phone.organisation));
                if closed {
                    self.journal.record(Event::new(query.now.wall, Door::Box, Reason::PairingClosed));
                }
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(%error, %mac, "a phone could not be put on the list");
                false
            }
        }
    }
}
