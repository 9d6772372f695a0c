use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::attribute::{ACCOUNTS, Attribute, of_account, of_push};
use super::csv;
use super::plan::{Attributes, Group, Plan, Subscriber};
use super::push::Warning;
use super::settings::Settings;
use super::tenant::{Error, Tenant};
use crate::admin::{Order, Problem, Said};
use crate::model::{Secret, as_sentence};
use crate::partners::bria::{Account, Users};
use crate::partners::desk;
use crate::partners::web::{self, Web};
use crate::store::{Store, Write};
use crate::sys::random;

/// Setting with the administrator's [`Settings`].
const SETTINGS: &str = "stretto.settings";
/// Secret with the password of the management interface.
const PASSWORD: &str = "stretto.password";
/// Beginning of the secrets with which users' apps sign in.
const APP: &str = "stretto.app.";
/// Characters of such a password.
const LENGTH: usize = 16;

/// The administrator's calls about the tenant.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    users: Users,
    /// One plan at a time is made and applied.
    busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

impl Desk {
    /// A desk for the tenant of these users.
    pub fn new(store: Store, users: Users) -> Self {
        Self { store, users, busy: Arc::default() }
    }

    async fn set(&self, settings: Settings) -> Result<Said, Problem> {
        settings.check().map_err(|what| bad(&what))?;
        if let Some(platform) = &settings.platform {
            web::check(platform).map_err(|failure| bad(&failure.to_string()))?;
        }
        Web::new(settings.authorities.as_deref()).map_err(|failure| bad(&failure.to_string()))?;
        let value = serde_json::to_value(&settings).unwrap_or_default();
        self.store.commit(vec![Write::PutSetting { key: SETTINGS.into(), value }]).await?;
        Ok(Said::ok(self.state(&settings)))
    }

    fn state(&self, settings: &Settings) -> Value {
        let says = match &settings.platform {
            Some(platform) => format!("Users go to the group \"{}\" at {platform}.", settings.group),
            None => "No platform is set: nothing is written anywhere.".to_owned(),
        };
        json!({
            "title": "Bria on mobile telephones (Stretto)", "guide": "docs/partners/stretto.md",
            "written": settings.platform.is_some(),
            "says": [says], "settings": settings, "password": self.store.secret(PASSWORD).is_some(), "warnings": in_words(&self.warnings(settings)),
        })
    }

    fn warnings(&self, settings: &Settings) -> Vec<Warning> {
        let users = self.users.all();
        let accounts = users.iter().flat_map(|user| user.accounts.iter().take(ACCOUNTS));
        settings.push.check(accounts.map(|account| account.domain.as_str()))
    }

    /// What the tenant should hold. Users that never had one get a password for their app.
    async fn desired(&self, settings: &Settings) -> Result<Group, Problem> {
        if settings.group.is_empty() || settings.profile.is_empty() {
            return Err(bad("no group or no profile is set"));
        }
        let users = self.users.all();
        let missing =
            users.iter().map(|user| format!("{APP}{}", user.id)).filter(|key| self.store.secret(key).is_none());
        let new = |key| Write::PutSecret { key, value: Secret::new(random::token(LENGTH)) };
        let writes: Vec<Write> = missing.map(new).collect();
        if !writes.is_empty() {
            self.store.commit(writes).await?;
        }
        let (generation, names) = (settings.generation, &settings.names);
        let most = users.iter().map(|user| user.accounts.len()).max().unwrap_or(1).clamp(1, ACCOUNTS);
        let push = (1..=most).flat_map(|number| of_push(&settings.push, number, generation, names));
        let profiles = BTreeMap::from([(settings.profile.clone(), collect(push))]);
        let subscriber = |user: &crate::partners::bria::User| {
            let accounts = user.accounts.iter().take(ACCOUNTS).enumerate();
            let attributes = accounts.flat_map(|(index, account)| of_account(account, index + 1, generation, names));
            Subscriber {
                profile: settings.profile.clone(),
                attributes: collect(attributes),
                password: self.store.secret(&format!("{APP}{}", user.id)).unwrap_or_default(),
            }
        };
        let users = users.iter().map(|user| (user.name.clone(), subscriber(user))).collect();
        Ok(Group { name: settings.group.clone(), exists: true, profiles, users })
    }

    async fn plan(&self, settings: &Settings, removal: bool) -> Result<Said, Problem> {
        let (_, _, plan) = self.compare(settings, removal).await?;
        Ok(Said::ok(json!({
            "steps": steps(&plan, &settings.group),
            "warnings": in_words(&self.warnings(settings)),
        })))
    }

    async fn compare(&self, settings: &Settings, removal: bool) -> Result<(Tenant, Group, Plan), Problem> {
        let tenant = self.tenant(settings)?;
        let desired = self.desired(settings).await?;
        let present = tenant.read(&settings.group).await.map_err(|error| unreachable(&error))?;
        let plan = if removal { Plan::removing(&desired, &present) } else { Plan::between(&desired, &present) };
        Ok((tenant, desired, plan))
    }

    /// Makes the plan anew, applies it, and reads back what the tenant holds then.
    async fn apply(&self, settings: &Settings, removal: bool) -> Result<Said, Problem> {
        let _one_at_a_time = self.busy.lock().await;
        if let Some(error) = self.warnings(settings).iter().find(|warning| warning.is_error()).filter(|_| !removal) {
            return Err(bad(&error.to_string()));
        }
        let (tenant, desired, plan) = self.compare(settings, removal).await?;
        let applied = tenant.apply(&plan, &settings.group, settings.service_level.as_deref()).await;
        let present = tenant.read(&settings.group).await.map_err(|error| unreachable(&error))?;
        let left = if removal { Plan::removing(&desired, &present) } else { Plan::between(&desired, &present) };
        Ok(Said::ok(json!({
            "planned": plan.steps.len(),
            "done": applied.done,
            "error": applied.error.map(|error| error.to_string()),
            "left": steps(&left, &settings.group),
            "warnings": in_words(&self.warnings(settings)),
        })))
    }

    fn tenant(&self, settings: &Settings) -> Result<Tenant, Problem> {
        let host = settings.platform.clone().ok_or_else(|| bad("no platform is set"))?;
        let password = self.store.secret(PASSWORD).ok_or_else(|| bad("no password of the platform is set"))?;
        let web = Web::new(settings.authorities.as_deref()).map_err(|failure| bad(&failure.to_string()))?;
        Ok(Tenant { web, host, user: settings.user.clone(), password, tunnelled: settings.tunnelled })
    }
}

impl desk::Desk for Desk {
    async fn answer(&self, order: &Order, path: &[&str]) -> Result<Said, Problem> {
        let settings = settings(&self.store);
        match (path, &order.method) {
            ([], &Method::GET) => Ok(Said::ok(self.state(&settings))),
            (["settings"], &Method::GET) => Ok(Said::ok(settings)),
            (["settings"], &Method::PUT) => self.set(order.read()?).await,
            (["password"], &Method::PUT) => {
                let Password { password } = order.read()?;
                let write = Write::PutSecret { key: PASSWORD.into(), value: Secret::new(password) };
                self.store.commit(vec![write]).await?;
                Ok(Said::ok(()))
            }
            (["plan"], &Method::GET) => self.plan(&settings, false).await,
            (["plan"], &Method::POST) => self.apply(&settings, false).await,
            (["removal"], &Method::GET) => self.plan(&settings, true).await,
            (["removal"], &Method::POST) => self.apply(&settings, true).await,
            (["csv"], &Method::POST) => {
                let text = csv::write(&self.desired(&settings).await?).map_err(|what| bad(&what))?;
                Ok(Said::ok(json!({ "text": text, "warnings": in_words(&self.warnings(&settings)) })))
            }
            (["users", name, "password"], &Method::POST) => {
                let known = self.users.named(name).and_then(|user| self.store.secret(&format!("{APP}{}", user.id)));
                let password = known.ok_or_else(|| Problem::nothing_here(&format!("the password of {name}")))?;
                Ok(Said::ok(json!({ "user": format!("{name}@{}", settings.group), "password": password.expose() })))
            }
            (["settings" | "password" | "plan" | "removal" | "csv", ..], _) => {
                Err(Problem::wrong_method("GET, PUT or POST, as it fits"))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/partners/stretto/{}", path.join("/")))),
        }
    }
}

/// What is set.
fn settings(store: &Store) -> Settings {
    store.setting(SETTINGS).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

/// The push settings of these accounts, for clients that sign in at the box; none unless that is switched on.
pub(in crate::partners) fn delivered(store: &Store, accounts: &[Account]) -> Vec<Attribute> {
    let settings = settings(store);
    let numbers = (1..=accounts.len().min(ACCOUNTS)).filter(|_| settings.deliver);
    numbers.flat_map(|number| of_push(&settings.push, number, settings.generation, &settings.names)).collect()
}

fn collect(attributes: impl Iterator<Item = Attribute>) -> Attributes {
    attributes.map(|attribute| (attribute.name, attribute.value)).collect()
}

fn steps(plan: &Plan, group: &str) -> Vec<String> {
    plan.steps.iter().map(|step| step.in_words(group)).collect()
}

fn in_words(warnings: &[Warning]) -> Vec<Value> {
    warnings.iter().map(|warning| json!({ "code": warning.code(), "says": warning.to_string() })).collect()
}

fn bad(what: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit", as_sentence(what), "Correct what is named and try again.")
}

fn unreachable(error: &Error) -> Problem {
    let detail = format!("The tenant could not be read: {error}. Nothing was changed.");
    Problem::new(StatusCode::BAD_GATEWAY, "tenant", detail, "Look at the platform's address, user and password.")
}
