use std::fmt;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a call was refused: problem details (RFC 9457), for a program by its `code` and for a person by its sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    kind: String,
    /// The phrase that belongs to the status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable name of the problem, as `phone-unknown`.
    pub code: String,
    /// What is wrong, naming the thing.
    pub detail: String,
    /// What to do next.
    pub next: String,
    /// The fields that are wrong, if it is about fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Seconds after which it makes sense to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// Where: `mac`, `lines[0].server`, or `row 7, server` in an import.
    pub field: String,
    /// What is wrong with it, as a sentence.
    pub detail: String,
}

impl FieldError {
    pub(crate) fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
}

impl Problem {
    /// A problem with its status, stable code, sentence and next step.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Problem").into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            next: next.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// The status as a type.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    #[must_use]
    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Fields of a draft that cannot be taken as they are.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.detail),
            many => format!("{} fields cannot be taken as they are.", many.len()),
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "fields-wrong", detail, "Correct what is named and send it again.")
            .with_errors(errors)
    }

    /// A body, query or path that cannot be read.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail, "Correct the request and send it again.")
    }

    /// No such page or document.
    pub(crate) fn nothing_here(path: &str) -> Self {
        let path: String = path.chars().take(80).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "nothing-here",
            format!("There is nothing at {path}."),
            "Start from the overview.",
        )
    }

    /// No phone with that MAC.
    pub(crate) fn phone_unknown(mac: crate::model::Mac) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "phone-unknown",
            format!("The phone {mac} is not on the list."),
            "Check the address on the label of the phone, or add the phone.",
        )
    }

    /// No other system of that name.
    pub(crate) fn partner_unknown(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "partner-unknown",
            format!(
                "The box works with no other system that is called \"{}\".",
                name.chars().take(40).collect::<String>()
            ),
            "GET /api/v1/partners has their names.",
        )
    }

    /// The method is not meant for that path.
    pub(crate) fn wrong_method(allowed: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "wrong-method",
            format!("This path takes {allowed}."),
            "Send the request with one of these methods.",
        )
    }

    /// The administrator's side is reached over TLS alone.
    pub(crate) fn tls_only() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "tls-only",
            "This is served over HTTPS only.",
            "Use the https:// address of this box.",
        )
    }

    /// A changing call without the token of its session, or from a page that is not ours.
    pub(crate) fn forged() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-from-our-page",
            "The request did not come from a page of this box.",
            "Go back, load the page again, and repeat what you did.",
        )
    }

    /// The box has no administrator yet.
    pub(crate) fn not_claimed() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "not-claimed",
            "Nobody administers this box yet.",
            "Claim it first, with the setup code from its console.",
        )
    }

    /// The session that a browser had has ended.
    pub(crate) fn session_over() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "session-over",
            "You were signed out, because nobody did anything for a while or your account was changed.",
            "Sign in again, then send what you typed once more: nothing of it was stored.",
        )
    }

    /// A program's token is no token, or no longer one.
    pub(crate) fn token_void() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "token-void",
            "The token is not known here, or has ended.",
            "Make another with `block66 tokens add`.",
        )
    }

    /// The caller's role does not allow it.
    pub(crate) fn not_allowed(role: super::accounts::Role) -> Self {
        let article = if role == super::accounts::Role::Viewer { "a" } else { "an" };
        Self::new(
            StatusCode::FORBIDDEN,
            "not-allowed",
            format!("This is for {article} {}.", role.word()),
            "Ask an administrator of this box to do it, or to change your role.",
        )
    }

    /// It is done on the box itself alone.
    pub(crate) fn console_only() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "local-only",
            "This is done on the box itself alone.",
            "Run `block66` there; the appliance has no command line.",
        )
    }

    /// It is about one's own account, and the caller has none.
    pub(crate) fn no_account() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "no-account",
            "This is about one's own account, and a token or the local socket has none.",
            "Sign in with an account, or use `/accounts`.",
        )
    }

    /// Nobody is signed in.
    pub(crate) fn sign_in_first() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "sign-in-first", "Nobody is signed in.", "Sign in on the page of this box.")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        for error in &self.errors {
            write!(f, "\n  {}: {}", error.field, error.detail)?;
        }
        if !self.next.is_empty() {
            write!(f, "\n{}", self.next)?;
        }
        Ok(())
    }
}

/// How a refusal of the store is said to a caller.
impl From<crate::store::Error> for Problem {
    fn from(error: crate::store::Error) -> Self {
        use crate::store::Error;
        let said = || {
            let text = error.to_string();
            let mut letters = text.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().collect::<String>() + letters.as_str() + ".")
                .unwrap_or_default()
        };
        match &error {
            Error::Conflict { .. } => {
                Self::new(StatusCode::CONFLICT, "changed-meanwhile", said(), "Look at it as it is now, and try again.")
            }
            Error::Taken { .. } => {
                Self::new(StatusCode::CONFLICT, "taken", said(), "Choose another, or change the one that has it.")
            }
            Error::Missing { .. } | Error::InUse { .. } => {
                Self::new(StatusCode::CONFLICT, "not-possible", said(), "Look at the list as it is now, and try again.")
            }
            Error::Unfit { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unfit", said(), "Correct what is named.")
            }
            Error::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", said(), "Try again in a moment.").retry_after(1)
            }
            Error::DiskFull => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk-full",
                "The disk of this box is full: nothing new can be stored. What is stored is safe.",
                "Make room on its disk, then try again.",
            ),
            Error::ReadOnly { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk-read-only",
                "The disk of this box can only be read: nothing new can be stored. What is stored is safe.",
                "Have the disk of this box repaired or replaced, then try again.",
            ),
            _ => {
                tracing::error!(%error, "the store refused a change");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), said(), "Look into the log of this box.")
                    .retry_after(5)
            }
        }
    }
}
