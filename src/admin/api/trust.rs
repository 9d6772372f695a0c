use hyper::{Method, StatusCode};

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::model::{Reason, Secret};
use crate::pki::{self, Given};
use crate::store::Write;

/// Most authorities, and most certificates of the company's own.
const MOST: usize = 50;

impl Admin {
    /// Answers calls about authorities whose certificates say which phone it is, and about certificates of the
    /// company's own; `path` is what follows `/api/v1/trust`.
    pub(super) async fn api_trust(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => {}
            (["authorities"], &Method::POST) => self.trust_authority(&text_of(call)?, call.from).await?,
            (["authorities", sum], &Method::DELETE) => self.distrust_authority(sum, call.from).await?,
            (["certificates"], &Method::POST) => self.add_certificate(text_of(call)?, call.from).await?,
            (["certificates", sum], &Method::DELETE) => self.remove_certificate(sum, call.from).await?,
            _ => return Err(Problem::nothing_here(&format!("/api/v1/trust/{}", path.join("/")))),
        }
        Ok(Answer::json(StatusCode::OK, &self.trust()))
    }
}

impl Admin {
    /// What administrators gave to the box.
    pub(in crate::admin) fn trust(&self) -> types::Trust {
        let given = self.authorities();
        let authorities = given.iter().flat_map(|text| pki::read_authorities(text).unwrap_or_default());
        let own = self.own_bundles();
        let certificates = own.iter().filter_map(|bundle| pki::read_own(&Secret::new(bundle.as_str())).ok());
        types::Trust { authorities: authorities.map(shown).collect(), certificates: certificates.map(shown).collect() }
    }

    /// Takes certificates that this authority signed for evidence of which phone it is. The doors follow within
    /// seconds.
    pub(in crate::admin) async fn trust_authority(&self, text: &str, from: Origin) -> Result<(), Problem> {
        let given = pki::read_authorities(text).map_err(|error| unusable(&error))?;
        let _one_at_a_time = self.0.setting.lock().await;
        let mut known = self.authorities();
        // One that is there already is taken once.
        let has = |text: &String, given: &Given| {
            pki::read_authorities(text).unwrap_or_default().iter().any(|other| other.sha256 == given.sha256)
        };
        if given.iter().all(|given| known.iter().any(|text| has(text, given))) {
            return Ok(());
        }
        if known.len() >= MOST {
            return Err(full());
        }
        known.push(text.to_owned());
        self.put_authorities(known, from).await
    }

    /// Takes an authority's word for nothing any more; `sum` is its fingerprint.
    pub(in crate::admin) async fn distrust_authority(&self, sum: &str, from: Origin) -> Result<(), Problem> {
        let _one_at_a_time = self.0.setting.lock().await;
        let mut known = self.authorities();
        let before = known.len();
        known.retain(|text| !pki::read_authorities(text).unwrap_or_default().iter().any(|given| is(given, sum)));
        if known.len() == before {
            return Err(unknown(sum));
        }
        self.put_authorities(known, from).await
    }

    /// Takes a certificate of the company's own with its key, PEM, in the place of one for the same names.
    pub(in crate::admin) async fn add_certificate(&self, text: String, from: Origin) -> Result<(), Problem> {
        let bundle = Secret::new(text);
        let given = pki::read_own(&bundle).map_err(|error| unusable(&error))?;
        let _one_at_a_time = self.0.setting.lock().await;
        let mut known = self.own_bundles();
        // Another for the same names takes its place: that is how one is renewed.
        known.retain(|text| pki::read_own(&Secret::new(text.as_str())).is_ok_and(|other| other.names != given.names));
        if known.len() >= MOST {
            return Err(full());
        }
        known.push(bundle.expose().to_owned());
        self.put_certificates(&known, from).await
    }

    /// Removes the certificate with this fingerprint.
    pub(in crate::admin) async fn remove_certificate(&self, sum: &str, from: Origin) -> Result<(), Problem> {
        let _one_at_a_time = self.0.setting.lock().await;
        let mut known = self.own_bundles();
        let before = known.len();
        known.retain(|text| !pki::read_own(&Secret::new(text.as_str())).is_ok_and(|given| is(&given, sum)));
        if known.len() == before {
            return Err(unknown(sum));
        }
        self.put_certificates(&known, from).await
    }

    fn authorities(&self) -> Vec<String> {
        let kept = self.0.store.setting(pki::AUTHORITIES);
        kept.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    fn own_bundles(&self) -> Vec<String> {
        let kept = self.0.store.secret(pki::OWN);
        kept.and_then(|text| serde_json::from_str(text.expose()).ok()).unwrap_or_default()
    }

    async fn put_authorities(&self, texts: Vec<String>, from: Origin) -> Result<(), Problem> {
        let value = serde_json::Value::from(texts);
        self.0.store.commit(vec![Write::PutSetting { key: pki::AUTHORITIES.into(), value }]).await?;
        let what = "the authorities of phones' certificates".into();
        self.0.journal.record(self.admin_event(Reason::DocumentChanged { what }, from));
        Ok(())
    }

    async fn put_certificates(&self, bundles: &[String], from: Origin) -> Result<(), Problem> {
        let value = Secret::new(serde_json::Value::from(bundles.to_vec()).to_string());
        self.0.store.commit(vec![Write::PutSecret { key: pki::OWN.into(), value }]).await?;
        let what = "the company's own certificates".into();
        self.0.journal.record(self.admin_event(Reason::DocumentChanged { what }, from));
        Ok(())
    }
}

fn shown(given: Given) -> types::Anchor {
    types::Anchor {
        sha256: given.sha256.to_string(),
        names: given.names,
        not_before: given.not_before.to_string(),
        not_after: given.not_after.to_string(),
    }
}

/// Whether it is the one with this fingerprint, written with colons or without.
fn is(given: &Given, sum: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_uppercase();
    plain(&given.sha256.to_string()) == plain(sum)
}

fn text_of(call: &Call) -> Result<String, Problem> {
    String::from_utf8(call.body.to_vec()).map_err(|_| Problem::malformed("The certificate must be text in PEM."))
}

fn unusable(error: &pki::Error) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "certificate-unusable",
        format!("It cannot be used: {error}."),
        "Send it in PEM; one of the company's own with its key.",
    )
}

fn unknown(sum: &str) -> Problem {
    let sum: String = sum.chars().take(100).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "certificate-unknown",
        format!("No certificate with the fingerprint {sum} was given to the box."),
        "Look it up with `block66 trust list`.",
    )
}

fn full() -> Problem {
    let detail = format!("The box has {MOST} of them already.");
    Problem::new(StatusCode::CONFLICT, "too-many", detail, "Remove what is no longer needed.")
}
