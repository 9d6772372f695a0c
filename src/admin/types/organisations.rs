use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Policy;

/// A document's identity and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
}

/// The organisations of the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organisations {
    /// The organisations, by name.
    pub organisations: Vec<Organisation>,
}

/// Those whose phones these are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Organisation {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Name.
    pub name: String,
    /// How much evidence is asked for before something leaves the box for its phones.
    pub policy: Policy,
    /// User name of the login that its phones may share.
    pub login_user: String,
    /// How many phones it has.
    pub phones: usize,
}

/// A user name and password for HTTP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password, in the clear: only where revealing it is what was asked for.
    pub password: String,
}
