use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use std::sync::PoisonError;

use crate::admin::accounts::Role;
use crate::admin::accounts::session::{Session, Sessions};
use crate::admin::accounts::sign_in::{Credentials, source};
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::admin::route::{COOKIE, Who};
use crate::admin::{Admin, types};
use crate::model::Secret;

/// What claims a box.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Claim {
    /// The setup code, which the console shows. Not needed on the box itself.
    #[serde(default)]
    code: String,
    /// What the administrator is called; `admin` when nothing is said.
    #[serde(default)]
    name: Option<String>,
    /// At least ten characters.
    password: String,
}

/// What signs somebody in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct SignIn {
    /// The account; the first administrator's when nothing is said.
    #[serde(default)]
    name: Option<String>,
    password: String,
    /// What the app shows, or a code on paper, where the account is asked for one.
    #[serde(default)]
    code: Option<String>,
}

impl Admin {
    pub(super) async fn api_claim(&self, call: &Call) -> Result<Answer, Problem> {
        let Claim { code, name, password } = call.json()?;
        let password = Secret::new(password);
        if call.from == Origin::Local {
            self.claim_locally(password).await?;
            return Ok(Answer::no_content());
        }
        let (token, session) = self.claim(&code, name.as_deref(), password, source(call.from)).await?;
        Ok(signed_in(&token, &session))
    }

    pub(super) async fn api_sign_in(&self, call: &Call) -> Result<Answer, Problem> {
        let SignIn { name, password, code } = call.json()?;
        let credentials = Credentials { name, password: Secret::new(password), code };
        let (token, session) = self.sign_in(credentials, source(call.from)).await?;
        Ok(signed_in(&token, &session))
    }

    pub(super) fn api_session(&self, who: &Who) -> Answer {
        let nobody = |name: String, role: Role| types::Session {
            name,
            role,
            csrf: None,
            idle_seconds: None,
            left_seconds: None,
            factor: false,
        };
        let session = match who {
            Who::SignedIn(session) => {
                let now = self.0.clock.now().monotonic;
                let sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                let (idle, left) = sessions.left(session, now);
                let register = self.register();
                types::Session {
                    csrf: Some(session.csrf.expose().to_owned()),
                    idle_seconds: Some(idle.as_secs()),
                    left_seconds: Some(left.as_secs()),
                    factor: register.account_of(session.account).is_some_and(|account| account.factor.is_some()),
                    ..nobody(session.name.clone(), session.role)
                }
            }
            Who::Program(token) => nobody(token.called(), token.scope.role()),
            Who::Local | Who::Ended | Who::Nobody => nobody("console".into(), Role::Administrator),
        };
        Answer::json(StatusCode::OK, &session)
    }

    pub(super) fn api_sign_out(&self, who: &Who) -> Answer {
        if let Who::SignedIn(session) = who {
            self.sign_out(session);
        }
        let (name, value) = cookie(None);
        Answer::no_content().with(name, value)
    }
}

fn signed_in(token: &Secret, session: &Session) -> Answer {
    let (name, value) = cookie(Some(token));
    let shown =
        types::SignedIn { csrf: session.csrf.expose().to_owned(), name: session.name.clone(), role: session.role };
    Answer::json(StatusCode::OK, &shown).with(name, value)
}

/// The header that gives a browser its session, or takes it away.
pub(in crate::admin) fn cookie(token: Option<&Secret>) -> (header::HeaderName, HeaderValue) {
    let (token, age) = token.map_or(("", 0), |token| (token.expose(), Sessions::ABSOLUTE.as_secs()));
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; Secure; SameSite=Strict");
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    (header::SET_COOKIE, value)
}
