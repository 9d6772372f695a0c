//! PURE. What a message to the app means.

use serde_json::Value;

use crate::model::{Mac, Secret};

/// What came of a message.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// To be said, in this order.
    pub say: Vec<String>,
    /// What else it means.
    pub news: Option<News>,
    /// The connection is to be ended, after what is to be said.
    pub end: bool,
}

/// What a message means beyond its answer.
#[derive(Debug, PartialEq)]
pub enum News {
    /// Somebody logged in.
    LoggedIn {
        /// Who: the name of their app object.
        who: String,
        /// Where they reach this app.
        url: Option<String>,
    },
    /// The login was not taken.
    Refused(Wrong),
    /// It is a PBX.
    Pbx {
        /// Its domain.
        domain: String,
        /// Its name.
        name: String,
    },
    /// Where Devices takes phones; `None` when this PBX offers no such service.
    Devices(Option<String>),
    /// A phone is to be provisioned.
    Phone(Box<Request>),
    /// A phone was meant, and cannot be provisioned.
    Unfit {
        /// Why.
        why: Wrong,
    },
    /// Something came that cannot be used.
    Note(Wrong),
}

/// A phone that a user or an administrator wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The phone.
    pub mac: Mac,
    /// What makes Devices take it.
    pub code: String,
    /// Identity of the device entry at the user.
    pub hwid: String,
    /// Login name of the user.
    pub user: String,
    /// Long name of the user.
    pub name: String,
    /// Password of the user.
    pub password: Secret,
    /// Domain of the PBX.
    pub domain: String,
    /// Host name of the PBX; may be empty.
    pub host: String,
    /// To be repeated in the answer.
    pub src: Option<Value>,
}

/// What is wrong with a message. None of it holds a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Too long, too deep, or no JSON object with a type.
    #[error("a message that cannot be read")]
    Unreadable,
    /// Something before a login.
    #[error("a message before a login")]
    NotLoggedIn,
    /// A login for another app.
    #[error("a login for another app")]
    OtherApp,
    /// The digest is not made of the app's password.
    #[error("a login with a wrong digest: the app's password differs between PBX and box")]
    Digest,
    /// A second login on one challenge.
    #[error("a second login on one challenge")]
    Replay,
    /// No MAC.
    #[error("a phone without a MAC address")]
    NoMac,
    /// No code.
    #[error("a phone without a code")]
    NoCode,
    /// No user.
    #[error("a phone without a user")]
    NoUser,
    /// The password does not decrypt.
    #[error("a password that does not decrypt: the app's password differs between PBX and box")]
    Undecryptable,
}
