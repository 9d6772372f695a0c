use std::time::Duration;

use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::accounts::{Scope, Token};
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};

/// Most days that a token may be good for.
const MOST_DAYS: u32 = 3650;

/// A token as somebody wants it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct TokenDraft {
    /// What it is called: letters, digits, a dot, -, _ and @; 32 at most.
    pub(in crate::admin) name: String,
    /// What it may do.
    pub(in crate::admin) scope: Scope,
    /// Days for which it is good, 3650 at most; for ever when left out.
    #[serde(default)]
    pub(in crate::admin) days: Option<u32>,
}

impl Admin {
    /// Answers calls about tokens; `path` is what follows `/api/v1/tokens`.
    pub(super) async fn api_tokens(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.tokens_shown())),
            ([], &Method::POST) => Ok(Answer::json(StatusCode::CREATED, &self.make_token(&call.json()?, call).await?)),
            ([token], &Method::DELETE) => {
                Ok(Answer::json(StatusCode::OK, &shown(&self.revoke_token(token, call.from).await?)))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/tokens/{}", path.join("/")))),
        }
    }

    /// Makes a token, and shows it this once.
    pub(in crate::admin) async fn make_token(
        &self,
        draft: &TokenDraft,
        call: &Call,
    ) -> Result<types::NewToken, Problem> {
        let expires = match draft.days {
            None => None,
            Some(days) if (1..=MOST_DAYS).contains(&days) => {
                Some(self.0.clock.now().wall.plus(Duration::from_secs(u64::from(days) * 86_400)))
            }
            Some(_) => {
                let detail = format!("From 1 to {MOST_DAYS}.");
                return Err(Problem::fields(vec![FieldError::new("days", detail)]));
            }
        };
        let (token, text) = self.add_token(&draft.name, draft.scope, expires, call.from).await?;
        Ok(types::NewToken { token: text.expose().to_owned(), about: shown(&token) })
    }

    /// All tokens.
    pub(in crate::admin) fn tokens_shown(&self) -> types::Tokens {
        types::Tokens { tokens: self.register().tokens.iter().map(shown).collect() }
    }
}

fn shown(token: &Token) -> types::Token {
    types::Token {
        id: token.id.to_string(),
        name: token.name.clone(),
        scope: token.scope,
        by: token.by.clone(),
        created: token.created.to_string(),
        expires: token.expires.map(|at| at.to_string()),
    }
}
