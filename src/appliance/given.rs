//! Certificates that administrators gave to the box, put in force as soon as they are stored, and watched for their
//! end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::journal::Journal;
use crate::model::{Door, Event, Now, Reason, Secret};
use crate::pki::{AUTHORITIES, Certificates, OWN, OwnFacts};
use crate::store::Store;

/// How long before the end of a certificate of the company's own its end is told, once a day.
const WARNING: Duration = Duration::from_secs(30 * 86_400);
const DAY: i64 = 86_400;

/// What was put in force, and what was told.
#[derive(Default)]
pub(super) struct Given(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    authorities: Vec<String>,
    own: Vec<String>,
    facts: Vec<OwnFacts>,
    /// The day on which an end was told last.
    told: Option<i64>,
}

impl Given {
    /// Puts in force what has changed since the last time. What cannot be used leaves everything as it was.
    pub(super) fn follow(&self, store: &Store, certificates: &Certificates, journal: &Journal, now: Now) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let record = |reason| journal.record(Event::new(now.wall, Door::Box, reason));
        let unusable = |what: String| record(Reason::CertificateUnusable { what });

        let authorities: Vec<String> = list(store.setting(AUTHORITIES));
        if authorities != seen.authorities {
            match certificates.trust_clients(&authorities) {
                Ok(()) => {
                    tracing::info!(texts = authorities.len(), "authorities of phones' certificates were taken over")
                }
                Err(error) => unusable(error.to_string()),
            }
            seen.authorities = authorities;
        }
        let own = store.secret(OWN).and_then(|text| serde_json::from_str(text.expose()).ok());
        let own: Vec<String> = list(own);
        if own != seen.own {
            let bundles: Vec<Secret> = own.iter().map(|bundle| Secret::new(bundle.as_str())).collect();
            match certificates.show_own(&bundles) {
                Ok(facts) => seen.facts = facts,
                Err(error) => unusable(error.to_string()),
            }
            seen.own = own;
            seen.told = None;
        }
        let today = now.wall.secs().div_euclid(DAY);
        if now.trusted && seen.told != Some(today) {
            for ending in seen.facts.iter().filter(|facts| facts.not_after < now.wall.plus(WARNING)) {
                let until = ending.not_after.to_string();
                record(Reason::CertificateEnds { name: ending.names.first().cloned().unwrap_or_default(), until });
            }
            seen.told = Some(today);
        }
    }
}

fn list(value: Option<serde_json::Value>) -> Vec<String> {
    value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::model::Timestamp;
    use crate::pki::{Authority, Names};
    use crate::store::{EventFilter, Write, samples};
    use crate::sys::clock::Clock;

    #[tokio::test]
    async fn what_is_stored_is_put_in_force_and_its_end_is_told_once_a_day() {
        let directory = tempfile::tempdir().unwrap();
        let now = Now { monotonic: Duration::ZERO, wall: Timestamp::from_secs(1_790_000_000), trusted: true };
        let clock = Clock::new(now.wall);
        let (store, _) = Store::open(samples::options(directory.path(), clock)).unwrap();
        let (journal, running) = Journal::open(store.clone()).unwrap();
        let authority = Authority::open(directory.path(), now.wall).unwrap();
        let names = Names { common_name: "box.example".into(), dns: Vec::new(), addresses: Vec::new() };
        let certificates = Certificates::open(directory.path(), &authority, &names, now).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(vec!["phones.example".to_owned()]).unwrap();
        own.not_after = time::OffsetDateTime::from_unix_timestamp(now.wall.secs() + 20 * DAY).unwrap();
        let bundle = own.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        let value = Secret::new(serde_json::to_string(&[bundle]).unwrap());
        store.commit(vec![Write::PutSecret { key: OWN.into(), value }]).await.unwrap();
        let setting = serde_json::json!(["no certificate"]);
        store.commit(vec![Write::PutSetting { key: AUTHORITIES.into(), value: setting }]).await.unwrap();

        let given = Given::default();
        let at = |seconds| Now { wall: now.wall.plus(Duration::from_secs(seconds)), ..now };
        for seconds in [0, 5, 10, 86_400, 86_405] {
            given.follow(&store, &certificates, &journal, at(seconds));
        }
        let told = tokio::task::spawn_blocking(move || {
            running.close();
            store.events(&EventFilter { limit: 10, ..EventFilter::default() })
        });
        let codes: Vec<String> = told.await.unwrap().into_iter().map(|(_, event)| event.reason.code()).collect();
        assert_eq!(codes, ["box.certificate-ends", "box.certificate-ends", "box.certificate-unusable"]);
    }
}
