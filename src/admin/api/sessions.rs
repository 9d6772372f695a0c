use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use serde::Deserialize;

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::Problem;
use crate::admin::route::{COOKIE, Who};
use crate::admin::session::{Session, Sessions};
use crate::admin::sign_in::source;
use crate::admin::{Admin, types};
use crate::model::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    #[serde(default)]
    code: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

impl Admin {
    pub(super) async fn api_claim(&self, call: &Call) -> Result<Answer, Problem> {
        let claim: Claim = call.json()?;
        let password = Secret::new(claim.password);
        if call.from == Origin::Local {
            self.claim_locally(password).await?;
            return Ok(Answer::no_content());
        }
        let (token, session) = self.claim(&claim.code, password, source(call.from)).await?;
        Ok(signed_in(&token, &session))
    }

    pub(super) async fn api_sign_in(&self, call: &Call) -> Result<Answer, Problem> {
        let body: Password = call.json()?;
        let (token, session) = self.sign_in(Secret::new(body.password), source(call.from)).await?;
        Ok(signed_in(&token, &session))
    }

    pub(super) fn api_sign_out(&self, who: &Who) -> Result<Answer, Problem> {
        if let Who::SignedIn(session) = who {
            self.sign_out(session);
        }
        let (name, value) = cookie(None);
        Ok(Answer::no_content().with(name, value))
    }
}

fn signed_in(token: &Secret, session: &Session) -> Answer {
    let (name, value) = cookie(Some(token));
    Answer::json(StatusCode::OK, &types::SignedIn { csrf: session.csrf.expose().to_owned() }).with(name, value)
}

/// The header that gives a browser its session, or takes it away.
pub(in crate::admin) fn cookie(token: Option<&Secret>) -> (header::HeaderName, HeaderValue) {
    let (token, age) = token.map_or(("", 0), |token| (token.expose(), Sessions::ABSOLUTE.as_secs()));
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; Secure; SameSite=Strict");
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    (header::SET_COOKIE, value)
}
