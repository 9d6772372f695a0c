use hyper::Method;
use hyper::header::WWW_AUTHENTICATE;

use super::plan::{Group, Plan};
use super::request::{Ask, Part, Wrong, done, take};
use crate::model::Secret;
use crate::partners::web::{self, Answer, Call, Web};
use crate::sip::digest::{Challenge, Login};
use crate::sys::random;

/// A tenant's management interface.
pub(super) struct Tenant {
    pub(super) web: Web,
    /// Scheme and host of the platform.
    pub(super) host: String,
    pub(super) user: String,
    pub(super) password: Secret,
    pub(super) tunnelled: bool,
}

/// Why the tenant could not be read or changed. None of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// It cannot be reached.
    #[error(transparent)]
    Web(#[from] web::Failure),
    /// It does not take the login.
    #[error("the platform does not take this user and password")]
    Login,
    /// It asks for a login in a way that is not known here.
    #[error("the platform asks for a login, but not by Digest")]
    NoDigest,
    /// It answers with an error.
    #[error("the platform answers with status {0}")]
    Status(u16),
    /// Its answer cannot be used.
    #[error("the platform cannot be understood: {0}")]
    Wrong(#[from] Wrong),
}

/// How far a plan came.
pub(super) struct Applied {
    /// Steps that were made.
    pub(super) done: usize,
    /// What ended it early.
    pub(super) error: Option<Error>,
}

impl Tenant {
    /// What a group holds.
    pub(super) async fn read(&self, name: &str) -> Result<Group, Error> {
        let mut group = Group { name: name.to_owned(), ..Group::default() };
        for part in [Part::Groups, Part::Profiles, Part::Users] {
            let answer = self.ask(&Ask::read(part, name)).await?;
            take(part, &answer.body, &mut group)?;
            if !group.exists {
                break;
            }
        }
        Ok(group)
    }

    /// Makes the steps of a plan one by one, and stops at the first that is not taken.
    pub(super) async fn apply(&self, plan: &Plan, group: &str, service_level: Option<&str>) -> Applied {
        for (made, step) in plan.steps.iter().enumerate() {
            let answer = self.ask(&Ask::step(step, group, service_level)).await;
            let taken = answer.and_then(|answer| done(&answer.body).map_err(Error::from));
            if let Err(error) = taken {
                return Applied { done: made, error: Some(error) };
            }
        }
        Applied { done: plan.steps.len(), error: None }
    }

    async fn ask(&self, ask: &Ask) -> Result<Answer, Error> {
        let target = ask.target(self.tunnelled);
        let method = Method::from_bytes(ask.method.as_bytes()).unwrap_or(Method::GET);
        let call = Call { method, host: self.host.clone(), target, headers: Vec::new(), body: Secret::default() };
        // The first question carries a path and no query: what is secret there is for whoever knows the password.
        let bare = Call { target: Secret::new(ask.path), method: Method::GET, ..call.clone() };
        let first = self.web.call(&bare).await?;
        let answer = if first.status == 401 {
            let offered = first.headers.get_all(WWW_AUTHENTICATE).iter();
            let challenge = Challenge::choose(offered.filter_map(|value| value.to_str().ok()));
            let challenge = challenge.ok_or(Error::NoDigest)?;
            let login = Login { user: &self.user, password: &self.password };
            let header = challenge.answer(&login, (ask.method, call.target.expose()), 1, &random::token(16));
            self.web.call(&Call { headers: vec![("authorization", Secret::new(header))], ..call }).await?
        } else if (200..300).contains(&first.status) {
            self.web.call(&call).await?
        } else {
            first
        };
        match answer.status {
            200..300 => Ok(answer),
            401 | 403 => Err(Error::Login),
            // What it says beside the status is worth more than the status.
            status => Err(match done(&answer.body) {
                Err(Wrong::Says(text)) => Wrong::Says(text).into(),
                _ => Error::Status(status),
            }),
        }
    }
}
