use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::plan::{Claim, Step, plan};
use super::service::{Error, Service};
use super::settings::Settings;
use crate::admin::{Order, Problem, Said};
use crate::model::{Login, Mac, Secret};
use crate::partners::desk::{self, unfit};
use crate::partners::web::{self, Web};
use crate::store::{Store, Write};
use crate::sys::clock::Clock;

/// Setting with the administrator's [`Settings`].
const SETTINGS: &str = "yealink-rps.settings";
/// Secret that belongs to the account.
const SECRET: &str = "yealink-rps.secret";
/// Setting with where this box has sent each phone: not every interface tells it.
const SENT: &str = "yealink-rps.sent";
/// Folder name of the brand whose phones ask there.
const BRAND: &str = "yealink";

/// The administrator's calls about the redirection service.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    clock: Clock,
    /// One plan at a time is made and applied.
    busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountSecret {
    secret: String,
}

impl Desk {
    /// A desk for the phones of this store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, busy: Arc::default() }
    }

    async fn plan(&self, settings: &Settings, removal: bool) -> Result<Said, Problem> {
        let (_, claims, steps) = self.compare(settings, removal).await?;
        Ok(Said::ok(json!({ "phones": shown(&claims), "steps": in_words(&steps) })))
    }

    /// Makes the plan anew, applies it, and reads back what the service holds then.
    async fn apply(&self, settings: &Settings, removal: bool) -> Result<Said, Problem> {
        let _one_at_a_time = self.busy.lock().await;
        let (service, claims, mut steps) = self.compare(settings, removal).await?;
        // Whether any can be added shows before one is taken out to be added anew.
        steps.sort_by_key(|step| matches!(step, Step::Update { .. }));
        let mut adds = None;
        let (mut done, mut errors, mut sent, mut theirs) = (0, Vec::new(), self.sent(), Vec::new());
        for step in &steps {
            if adds == Some(false) && service.adds_anew() && matches!(step, Step::Update { .. }) {
                let held = steps.iter().filter(|step| matches!(step, Step::Update { .. })).count();
                errors.push(format!(
                    "{held} phones were left as they are: they are taken out and added anew, and no phone could be \
                     added now. Mend what is above, or take those phones off the list."
                ));
                break;
            }
            let login = match step {
                Step::Register(mac) | Step::Update { mac, .. } if settings.logins => self.login(*mac),
                _ => None,
            };
            // What one phone is refused says nothing of the others, unless nobody is let in.
            match service.apply(step, login.as_ref()).await {
                Ok(()) => {
                    done += 1;
                    if matches!(step, Step::Register(_)) {
                        adds = Some(true);
                    }
                    match step {
                        Step::Register(mac) | Step::Update { mac, .. } => sent.insert(*mac, settings.url.clone()),
                        Step::Remove(mac) => sent.remove(mac),
                    };
                }
                Err(error @ (Error::Login | Error::Web(_))) => {
                    errors.push(error.to_string());
                    break;
                }
                // One is missing now: the same would come of every other one.
                Err(error @ Error::Missing(_)) => {
                    if let Step::Update { mac, .. } = step {
                        sent.remove(mac);
                    }
                    errors.push(format!("{}: {error}", step.in_words()));
                    break;
                }
                Err(error) => {
                    match (&error, step) {
                        (Error::Claimed, Step::Register(mac)) => theirs.push(*mac),
                        (_, Step::Register(_)) => adds = adds.or(Some(false)),
                        _ => {}
                    }
                    errors.push(format!("{}: {error}", step.in_words()));
                }
            }
        }
        let value = serde_json::to_value(&sent).unwrap_or_default();
        self.store.commit(vec![Write::PutSetting { key: SENT.into(), value }]).await?;
        let phones: BTreeSet<Mac> = claims.keys().copied().collect();
        let mut now = self.claims(&service, &phones).await?;
        now.extend(theirs.into_iter().map(|mac| (mac, Claim::Theirs)));
        let left = plan(&now, &settings.url, removal);
        Ok(Said::ok(json!({
            "planned": steps.len(), "done": done, "errors": errors, "left": in_words(&left), "phones": shown(&now),
        })))
    }

    async fn compare(
        &self,
        settings: &Settings,
        removal: bool,
    ) -> Result<(Service, BTreeMap<Mac, Claim>, Vec<Step>), Problem> {
        let secret = self.store.secret(SECRET).ok_or_else(|| unfit("no secret of the account is set"))?;
        if settings.account.is_empty() || settings.server_name.is_empty() || settings.url.is_empty() {
            return Err(unfit("the account, the name of the box there or the address for phones is not set"));
        }
        let web = Web::new(settings.authorities.as_deref()).map_err(|failure| unfit(&failure.to_string()))?;
        let service = Service { web, settings: settings.clone(), secret, clock: self.clock.clone() };
        let brand = settings.brand.as_deref().unwrap_or(BRAND);
        // Entries that wait for their devices have made-up addresses.
        let of_brand =
            |phone: &&Arc<crate::model::Phone>| phone.brand.as_deref() == Some(brand) && !phone.mac.is_placeholder();
        let phones: BTreeSet<Mac> = self.store.phones().iter().filter(of_brand).map(|phone| phone.mac).collect();
        let claims = self.claims(&service, &phones).await?;
        let steps = plan(&claims, &settings.url, removal);
        Ok((service, claims, steps))
    }

    /// Whose each phone is, with where this box has sent it where the service does not say.
    async fn claims(&self, service: &Service, phones: &BTreeSet<Mac>) -> Result<BTreeMap<Mac, Claim>, Problem> {
        let mut claims = service.claims(phones).await.map_err(|error| unreachable(&error))?;
        let mut sent = self.sent();
        for (mac, claim) in &mut claims {
            if let Claim::Ours { url: url @ None, .. } = claim {
                *url = sent.remove(mac);
            }
        }
        Ok(claims)
    }

    fn sent(&self) -> BTreeMap<Mac, String> {
        self.store.setting(SENT).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    fn login(&self, mac: Mac) -> Option<Login> {
        let phone = self.store.phone_by_mac(mac)?;
        phone.pending_login.clone().or_else(|| phone.login.clone())
    }
}

impl desk::Desk for Desk {
    async fn answer(&self, order: &Order, path: &[&str]) -> Result<Said, Problem> {
        let settings: Settings =
            self.store.setting(SETTINGS).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
        match (path, &order.method) {
            ([], &Method::GET) => Ok(Said::ok(state(&settings, self.store.secret(SECRET).is_some()))),
            (["settings"], &Method::GET) => Ok(Said::ok(settings)),
            (["settings"], &Method::PUT) => {
                let settings: Settings = order.read()?;
                settings.check().map_err(|what| unfit(&what))?;
                web::check(&settings.address()).map_err(|failure| unfit(&failure.to_string()))?;
                Web::new(settings.authorities.as_deref()).map_err(|failure| unfit(&failure.to_string()))?;
                let value = serde_json::to_value(&settings).unwrap_or_default();
                self.store.commit(vec![Write::PutSetting { key: SETTINGS.into(), value }]).await?;
                Ok(Said::ok(settings))
            }
            (["secret"], &Method::PUT) => {
                let AccountSecret { secret } = order.read()?;
                self.store.commit(vec![Write::PutSecret { key: SECRET.into(), value: Secret::new(secret) }]).await?;
                Ok(Said::ok(()))
            }
            (["plan"], &Method::GET) => self.plan(&settings, false).await,
            (["removal"], &Method::GET) => self.plan(&settings, true).await,
            (["plan"], &Method::POST) => self.apply(&settings, false).await,
            (["removal"], &Method::POST) => self.apply(&settings, true).await,
            (["settings" | "secret" | "plan" | "removal"], _) => {
                Err(Problem::wrong_method("GET, PUT or POST, as it fits"))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/partners/yealink-rps/{}", path.join("/")))),
        }
    }
}

/// How it is; `secret` says whether the account's is kept.
fn state(settings: &Settings, secret: bool) -> Value {
    let ready = !settings.account.is_empty() && !settings.url.is_empty();
    let says = if ready {
        format!("Phones are sent to {} by {}.", settings.url, settings.address())
    } else {
        "No account is set: no phone is registered there. On this LAN none needs it.".to_owned()
    };
    json!({
        "title": "Yealink's redirection service", "guide": "docs/partners/yealink-rps.md",
        "written": ready, "says": [says], "settings": settings, "secret": secret,
    })
}

fn in_words(steps: &[Step]) -> Vec<String> {
    steps.iter().map(Step::in_words).collect()
}

fn shown(claims: &BTreeMap<Mac, Claim>) -> Vec<Value> {
    claims.iter().map(|(mac, claim)| json!({ "mac": mac.to_string(), "says": claim.in_words() })).collect()
}

fn unreachable(error: &Error) -> Problem {
    let detail = format!("The redirection service could not be read: {error}. Nothing was changed.");
    Problem::new(StatusCode::BAD_GATEWAY, "redirection", detail, "Look at the account and its secret.")
}
