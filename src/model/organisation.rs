use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::{Id, Login, Timestamp};

/// Those whose phones these are. Each organisation has a login of its own, and its own policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// Name on the page and on the command line; unique.
    pub name: String,
    /// HTTP login that all phones of this organisation may share. Its user name is unique on the box.
    pub login: Login,
    /// What counts as enough evidence here.
    pub policy: Policy,
    /// What is set for all of its phones.
    pub settings: Settings,
    /// When it was made.
    pub created: Timestamp,
}

/// How much evidence an organisation asks for before something leaves the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Policy {
    /// The least evidence for a file with secrets, over TLS.
    pub secret_files: SecretPolicy,
    /// Whether files with secrets may also leave over plain HTTP, against a Digest login.
    pub plain_http: bool,
    /// Whether a Basic login counts over plain HTTP that was sent unasked. Anybody on the way reads it.
    pub plain_basic: bool,
    /// Whether the LAN alone opens files with secrets, over any channel: for phones that can neither log in nor use
    /// TLS.
    pub lan_alone: bool,
    /// Whether a known phone that was reset may start over by itself when lease and neighbour table agree with it.
    pub reopen_after_reset: bool,
}

/// The least evidence for a file with secrets. Each one accepts what the ones before it accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPolicy {
    /// The phone's own login or a client certificate that names its MAC.
    Own,
    /// Also the organisation's login, from the address that is known to be this phone's.
    #[default]
    OrganisationOnLan,
    /// Also the organisation's login from anywhere.
    Organisation,
}
