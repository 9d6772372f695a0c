use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::accounts::{Account, Change, Role};
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::{Admin, types};
use crate::model::Secret;

/// An account as somebody wants it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct AccountDraft {
    /// Letters, digits, a dot, -, _ and @; 32 at most.
    name: String,
    role: Role,
    /// At least ten characters.
    password: String,
}

/// What is to be changed of an account. What is not named stays.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct AccountEdit {
    name: Option<String>,
    role: Option<Role>,
    password: Option<String>,
}

impl Admin {
    /// Answers calls about accounts; `path` is what follows `/api/v1/accounts`.
    pub(super) async fn api_accounts(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.accounts_shown())),
            ([], &Method::POST) => {
                let AccountDraft { name, role, password } = call.json()?;
                let account = self.add_account(&name, role, Secret::new(password), call.from).await?;
                Ok(Answer::json(StatusCode::CREATED, &self.account_shown(&account)).versioned(account.version))
            }
            ([account], &Method::GET) => {
                let account = self.account_in(account)?;
                Ok(Answer::json(StatusCode::OK, &self.account_shown(&account)).versioned(account.version))
            }
            ([account], &Method::PATCH) => {
                let AccountEdit { name, role, password } = call.json()?;
                let change = Change { name, role, password: password.map(Secret::new) };
                let stays = if let Who::SignedIn(session) = who { Some(session) } else { None };
                let account = self.account_in(account)?;
                let account = self.change_account(&account, call.expected()?, change, call.from, stays).await?;
                Ok(Answer::json(StatusCode::OK, &self.account_shown(&account)).versioned(account.version))
            }
            ([account], &Method::DELETE) => {
                let account = self.account_in(account)?;
                self.remove_account(&account, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &self.account_shown(&account)))
            }
            ([account, "factor"], &Method::DELETE) => {
                let account = self.drop_factor(&self.account_in(account)?, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &self.account_shown(&account)))
            }
            ([account, "unlock"], &Method::POST) => {
                let account = self.account_in(account)?;
                self.unlock_account(&account, call.from);
                Ok(Answer::json(StatusCode::OK, &self.account_shown(&account)))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/accounts/{}", path.join("/")))),
        }
    }
}

impl Admin {
    /// All accounts.
    pub(in crate::admin) fn accounts_shown(&self) -> types::Accounts {
        types::Accounts { accounts: self.register().accounts.iter().map(|one| self.account_shown(one)).collect() }
    }

    pub(in crate::admin) fn account_shown(&self, account: &Account) -> types::Account {
        types::Account {
            id: account.id.to_string(),
            version: account.version,
            name: account.name.clone(),
            role: account.role,
            factor: account.factor.is_some(),
            recovery_codes: account.factor.as_ref().map_or(0, |factor| factor.recovery.len()),
            locked_seconds: self.locked_for(account.id),
            created: account.created.to_string(),
        }
    }
}
