use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::settings::{Settings, Value};
use super::{AnaloguePort, Handset, Id, Line, Mac, Secret, Timestamp};

/// A phone on the list: whose it is, what it is, and how far it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Identity, never reused; the MAC may change when the device on the desk is replaced.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// Address of its Ethernet interface; unique on the box.
    pub mac: Mac,
    /// The organisation it belongs to.
    pub organisation: Id,
    /// Folder name of its brand, once known.
    pub brand: Option<String>,
    /// Model as its brand spells it, once known.
    pub model: Option<String>,
    /// What people call it: "Reception", "Meeting room 2".
    pub name: String,
    /// Its SIP accounts, first line first; at most [`Line::MOST`].
    pub lines: Vec<Line>,
    /// The group that it was put into.
    pub group: Option<Id>,
    /// What is set for this phone alone, its keys included.
    pub settings: Settings,
    /// Cordless handsets, where it is a DECT base.
    pub handsets: Vec<Handset>,
    /// Analogue ports, where it is a gateway.
    pub ports: Vec<AnaloguePort>,
    /// HTTP login of this very phone, once it has used it.
    pub login: Option<Login>,
    /// HTTP login handed out but not used yet; `login` stays valid until this one was used.
    pub pending_login: Option<Login>,
    /// Whether it may still learn its own login without having one.
    pub first_contact: FirstContact,
    /// When it was put on the list.
    pub created: Timestamp,
}

impl Phone {
    /// The setting that lets a phone go. It counts where it is set for the phone itself.
    pub const RELEASE: &'static str = "provisioning.release";

    /// Whether it is let go: what it is given from now on holds nothing of the box.
    pub fn is_let_go(&self) -> bool {
        self.settings.get(Self::RELEASE).and_then(Value::as_flag).unwrap_or_default()
    }

    /// Whether this phone has shown that it has our CA: it came back over TLS with its own login and was not
    /// reset since. Only then is it given an `https://` address to start with.
    pub fn trusts_us(&self) -> bool {
        matches!(self.first_contact, FirstContact::Closed { .. })
    }
}

/// A user name and password for HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// User name; letters, digits, `-` and `_`.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// The short time in which a phone may learn its own login on the strength of its place on the LAN.
///
/// It is one phone's, not one request's: until it closes, the same MAC at the same address gets the same bytes
/// as often as it asks, so that a phone cut off at any byte still ends in service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum FirstContact {
    /// Not begun: the first hand-out opens it.
    Waiting,
    /// The login was handed to this address and has not been used yet.
    Open {
        /// Time of the first hand-out.
        since: Timestamp,
        /// The only address that it is handed to.
        address: IpAddr,
    },
    /// The phone came back over HTTPS with its own login.
    Closed {
        /// When it did.
        at: Timestamp,
    },
    /// A phone that was `Closed` came back without CA or login: it was reset to factory settings, or somebody
    /// is posing as it. An administrator decides, or the policy of its organisation.
    Reset {
        /// When it was noticed.
        at: Timestamp,
    },
}

impl FirstContact {
    /// How long the login is handed out after the first time.
    pub const WINDOW: Duration = Duration::from_secs(15 * 60);

    /// Whether `address` may be given the login at `now`.
    pub fn admits(&self, address: IpAddr, now: Timestamp) -> bool {
        match *self {
            Self::Waiting => true,
            Self::Open { since, address: first } => first == address && Self::lasts(since, now),
            Self::Closed { .. } | Self::Reset { .. } => false,
        }
    }

    /// Whether a window that began at `since` lasts at `now`.
    ///
    /// One that begins in the future was opened before the clock was set back. A step back of less than the window shuts
    /// no phone out in the middle of its first contact, and keeps its window open for less than twice its time. After
    /// a longer one nobody can say how old the window is, and it is over.
    pub fn lasts(since: Timestamp, now: Timestamp) -> bool {
        now.since(since) < Self::WINDOW && since.since(now) < Self::WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_contact_is_one_address_for_fifteen_minutes() {
        let start = Timestamp::from_secs(1_700_000_000);
        let phone: IpAddr = [10, 66, 0, 10].into();
        let other: IpAddr = [10, 66, 0, 11].into();
        let open = FirstContact::Open { since: start, address: phone };
        assert!(FirstContact::Waiting.admits(other, start));
        assert!(open.admits(phone, start.plus(FirstContact::WINDOW - Duration::from_millis(1))));
        assert!(!open.admits(phone, start.plus(FirstContact::WINDOW)));
        assert!(!open.admits(other, start));
        assert!(!FirstContact::Closed { at: start }.admits(phone, start));
        assert!(!FirstContact::Reset { at: start }.admits(phone, start));
    }
    #[test]
    fn a_clock_that_is_set_back_opens_no_window_for_years() {
        let start = Timestamp::from_secs(1_700_000_000);
        let phone: IpAddr = [10, 66, 0, 10].into();
        let open = FirstContact::Open { since: start, address: phone };
        let back = |seconds: u64| Timestamp::from_secs(start.secs() - i64::try_from(seconds).unwrap());
        let window = FirstContact::WINDOW.as_secs();
        assert!(open.admits(phone, back(1)) && open.admits(phone, back(window - 1)), "it may be in its first contact");
        assert!(!open.admits(phone, back(window)) && !open.admits(phone, back(86_400)));
        assert!(!open.admits(phone, Timestamp::default()));
    }
}
