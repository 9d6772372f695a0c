use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::settings::Settings;
use crate::model::{Id, Line, Secret, Timestamp};
use crate::store::{self, Write};

/// A time in which phones that come are put on the list by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Window {
    /// When it was opened.
    #[serde(default)]
    pub opened: Option<Timestamp>,
    /// When it closes.
    pub until: Timestamp,
    /// Whose phones they become.
    pub organisation: Id,
    /// The group that they are put into: what guests may do is set there.
    #[serde(default)]
    pub group: Option<Id>,
    /// Lines that are given out one by one; a phone that comes when none is left is a guest, without a line.
    #[serde(default)]
    pub free_lines: Vec<FreeLine>,
    /// How many phones without a line it still takes. With the last of them it closes: whoever makes up phones while it is
    /// open does not fill the list.
    #[serde(default = "guests")]
    pub guests: u16,
}

fn guests() -> u16 {
    Window::GUESTS
}

/// A line that waits for a phone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FreeLine {
    /// User part of the address of record.
    pub user: String,
    /// Name for Digest when it differs.
    #[serde(default)]
    pub auth_user: Option<String>,
    /// Digest password towards the SIP server.
    pub password: String,
    /// Name shown on the phone; also what the phone is called.
    #[serde(default)]
    pub display: String,
    /// The SIP server; empty where it is inherited.
    #[serde(default)]
    pub server: String,
}

impl std::fmt::Debug for FreeLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FreeLine").field("user", &self.user).finish_non_exhaustive()
    }
}

impl From<FreeLine> for Line {
    fn from(line: FreeLine) -> Self {
        Self {
            user: line.user,
            auth_user: line.auth_user,
            password: Secret::new(line.password),
            display: line.display,
            server: line.server,
            port: None,
            transport: None,
            expires: None,
            voicemail: None,
            settings: Settings::default(),
        }
    }
}

impl Window {
    /// How long a window is open when nothing else is said.
    pub const USUAL: Duration = Duration::from_secs(10 * 60);
    /// How long one may be open at most.
    pub const LONGEST: Duration = Duration::from_secs(24 * 3600);
    /// How many phones without a line one takes.
    pub const GUESTS: u16 = 500;
    /// By how much the clock may be put back while one is open.
    const SLACK: Duration = Duration::from_secs(60);
    /// Where it stands in the store, sealed for its lines' passwords.
    pub(super) const KEY: &str = "pairing.window";

    /// Whether it is open. A clock that was put back to before it was opened closes it, but for a step of a minute.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now < self.until && self.opened.is_some_and(|opened| opened <= now.plus(Self::SLACK))
    }

    /// Whether it is over, whatever becomes of the clock.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now
    }

    pub(super) fn is_full(&self) -> bool {
        self.free_lines.is_empty() && self.guests == 0
    }

    pub(super) fn read(text: &Secret) -> Option<Self> {
        serde_json::from_str(text.expose()).ok()
    }

    /// What stores it, or closes it when it takes nobody any more.
    pub(super) fn written(&self) -> Result<Write, store::Error> {
        if self.is_full() {
            return Ok(Write::DeleteSecret(Self::KEY.into()));
        }
        let unfit = |_| store::Error::Unfit { what: "pairing window".into(), why: "it has no JSON form" };
        let text = serde_json::to_string(self).map_err(unfit)?;
        Ok(Write::PutSecret { key: Self::KEY.into(), value: Secret::new(text) })
    }
}
