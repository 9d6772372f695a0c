use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::accounts::session::Session;
use crate::admin::accounts::sign_in::source;
use crate::admin::accounts::{Account, Change};
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::types;
use crate::model::Secret;

/// Another password for oneself.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct NewPassword {
    /// The one that one has.
    old: String,
    /// The one that one wants: at least ten characters.
    new: String,
    /// What one's app shows, where one is asked for that.
    #[serde(default)]
    code: Option<String>,
}

/// The secret of an app, with proof that the app has it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Factor {
    /// The secret that was offered.
    secret: String,
    /// What the app shows now.
    code: String,
    /// One's password.
    password: String,
    /// What the app shows that one is asked for already, or a code on paper, where there is one.
    #[serde(default)]
    old_code: Option<String>,
}

/// Proof that somebody is who signed in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Proof {
    /// One's password.
    password: String,
    /// What one's app shows, or a code on paper.
    #[serde(default)]
    code: Option<String>,
}

impl Admin {
    /// Answers calls about one's own account; `path` is what follows `/api/v1/account`.
    pub(super) async fn api_account(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        let Who::SignedIn(session) = who else { return Err(Problem::no_account()) };
        let account = self.own_account(session)?;
        match (path, &call.method) {
            (["password"], _) => {
                let NewPassword { old, new, code } = call.json()?;
                self.give_password(call, session, (Secret::new(old), Secret::new(new)), code.as_deref()).await?;
                Ok(Answer::no_content())
            }
            (["factor"], &Method::POST) => Ok(Answer::json(StatusCode::OK, &self.offer_factor(&account.name)?)),
            (["factor"], &Method::PUT) => {
                let Factor { secret, code, password, old_code } = call.json()?;
                let proof = (Secret::new(password), old_code.as_deref());
                let codes = self.set_own_factor(call, session, (&secret, &code), proof).await?;
                Ok(Answer::json(StatusCode::OK, &codes))
            }
            (["factor", "remove"], _) => {
                let Proof { password, code } = call.json()?;
                self.drop_own_factor(call, session, Secret::new(password), code.as_deref()).await?;
                Ok(Answer::no_content())
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/account/{}", path.join("/")))),
        }
    }

    /// Gives whoever is signed in another password, when they know the old one.
    pub(in crate::admin) async fn give_password(
        &self,
        call: &Call,
        session: &Session,
        (old, new): (Secret, Secret),
        code: Option<&str>,
    ) -> Result<(), Problem> {
        let account = self.own_account(session)?;
        self.prove(Some(&account), old, code, source(call.from)).await?;
        // A code on paper that proved it has changed the account.
        let account = self.still_own(session, &account)?;
        let change = Change { password: Some(new), ..Change::default() };
        self.change_account(&account, None, change, call.from, Some(session)).await.map(drop)
    }

    /// Asks whoever is signed in for codes of an app from now on, when they know their password, and have a code of
    /// the app that they are asked for already.
    pub(in crate::admin) async fn set_own_factor(
        &self,
        call: &Call,
        session: &Session,
        (secret, code): (&str, &str),
        (password, old_code): (Secret, Option<&str>),
    ) -> Result<types::RecoveryCodes, Problem> {
        let account = self.own_account(session)?;
        self.prove(Some(&account), password, old_code, source(call.from)).await.map_err(|mut problem| {
            // The `code` of this call is that of the new app.
            problem.errors.iter_mut().for_each(|error| error.field = "old_code".into());
            problem
        })?;
        let codes = self.put_factor(&account, secret, code, call.from).await?;
        Ok(types::RecoveryCodes { codes: codes.iter().map(|code| code.expose().to_owned()).collect() })
    }

    /// Asks whoever is signed in for no codes any more, when they prove who they are once again.
    pub(in crate::admin) async fn drop_own_factor(
        &self,
        call: &Call,
        session: &Session,
        password: Secret,
        code: Option<&str>,
    ) -> Result<(), Problem> {
        let account = self.own_account(session)?;
        self.prove(Some(&account), password, code, source(call.from)).await?;
        self.drop_factor(&self.still_own(session, &account)?, call.from).await.map(drop)
    }

    /// One's account as it is now, unless what was proven of it has changed while that was looked at.
    fn still_own(&self, session: &Session, proven: &Account) -> Result<Account, Problem> {
        Some(self.own_account(session)?).filter(|now| now.lets_in_as(proven)).ok_or_else(Problem::session_over)
    }

    fn own_account(&self, session: &Session) -> Result<Account, Problem> {
        self.register().account_of(session.account).cloned().ok_or_else(Problem::session_over)
    }
}
