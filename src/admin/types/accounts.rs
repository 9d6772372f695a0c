use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::admin::{Role, Scope};

/// A session that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// What each changing call of this session must carry in `X-CSRF-Token`.
    pub csrf: String,
    /// The account.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Who one is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// The account, `token` with the name of the token, or `console`.
    pub name: String,
    /// What one may do.
    pub role: Role,
    /// What each changing call of this session must carry in `X-CSRF-Token`. Only for a browser.
    #[serde(default)]
    pub csrf: Option<String>,
    /// Seconds after which the session ends if nobody does anything.
    #[serde(default)]
    pub idle_seconds: Option<u64>,
    /// Seconds after which it ends in any case.
    #[serde(default)]
    pub left_seconds: Option<u64>,
    /// Whether one is asked for codes of an app.
    pub factor: bool,
}

/// The accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accounts {
    /// The accounts, in the order in which they were made.
    pub accounts: Vec<Account>,
}

/// The account of a person, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// What it is signed in with.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it is asked for codes of an app.
    pub factor: bool,
    /// How many of its codes on paper are left.
    pub recovery_codes: usize,
    /// Seconds for which nobody may try it, after too many wrong guesses.
    #[serde(default)]
    pub locked_seconds: Option<u64>,
    /// When it was made.
    pub created: String,
}

/// A secret for an app that shows codes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactorOffer {
    /// The secret, for those who type.
    pub secret: String,
    /// The same as an app reads it.
    pub uri: String,
    /// That as a QR code: an `svg` element for a page.
    pub qr: String,
}

/// Codes on paper, each good for one sign-in. They are shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecoveryCodes {
    /// The codes.
    pub codes: Vec<String>,
}

/// The tokens of programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// The tokens, in the order in which they were made.
    pub tokens: Vec<Token>,
}

/// A token of a program, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    /// Identity.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub created: String,
    /// When it ends; never when nothing is said.
    #[serde(default)]
    pub expires: Option<String>,
}

/// A token that was made. It is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewToken {
    /// What a program sends as `Authorization: Bearer`.
    pub token: String,
    /// What it is.
    pub about: Token,
}
