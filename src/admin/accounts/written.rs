//! The register as it is kept: of its own, so that what is written stays readable whatever becomes of the types.

use serde::{Deserialize, Serialize};

use super::register::{Account, Factor, Register, Token};
use super::role::{Role, Scope};
use crate::model::{Id, Secret, Timestamp};

/// Everybody who may come in.
#[derive(Serialize, Deserialize)]
pub(super) struct Written {
    v: u8,
    accounts: Vec<WrittenAccount>,
    #[serde(default)]
    tokens: Vec<WrittenToken>,
}

#[derive(Serialize, Deserialize)]
struct WrittenAccount {
    id: Id,
    version: u64,
    name: String,
    role: Role,
    password: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<WrittenFactor>,
    created: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct WrittenFactor {
    secret: String,
    recovery: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WrittenToken {
    id: Id,
    name: String,
    scope: Scope,
    digest: String,
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Id>,
    created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

impl From<&Register> for Written {
    fn from(register: &Register) -> Self {
        let account = |account: &Account| WrittenAccount {
            id: account.id,
            version: account.version,
            name: account.name.clone(),
            role: account.role,
            password: account.password.expose().to_owned(),
            factor: account.factor.as_ref().map(|factor| WrittenFactor {
                secret: factor.secret.expose().to_owned(),
                recovery: factor.recovery.clone(),
            }),
            created: account.created,
        };
        let token = |token: &Token| WrittenToken {
            id: token.id,
            name: token.name.clone(),
            scope: token.scope,
            digest: token.digest.clone(),
            by: token.by.clone(),
            answers: token.answers,
            created: token.created,
            expires: token.expires,
        };
        Self {
            v: 1,
            accounts: register.accounts.iter().map(account).collect(),
            tokens: register.tokens.iter().map(token).collect(),
        }
    }
}

impl From<Written> for Register {
    fn from(written: Written) -> Self {
        let account = |account: WrittenAccount| Account {
            id: account.id,
            version: account.version,
            name: account.name,
            role: account.role,
            password: Secret::new(account.password),
            factor: account
                .factor
                .map(|factor| Factor { secret: Secret::new(factor.secret), recovery: factor.recovery }),
            created: account.created,
        };
        let token = |token: WrittenToken| Token {
            id: token.id,
            name: token.name,
            scope: token.scope,
            digest: token.digest,
            by: token.by,
            answers: token.answers,
            created: token.created,
            expires: token.expires,
        };
        Self {
            accounts: written.accounts.into_iter().map(account).collect(),
            tokens: written.tokens.into_iter().map(token).collect(),
        }
    }
}
