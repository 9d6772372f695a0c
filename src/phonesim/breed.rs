//! What phones of one brand have in common, as data and plain functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::dhcp::Options;
use super::fault::Halt;
use super::look::Look;
use super::{Account, Identity};

/// A brand of simulated phones. It is written from what is known of the brand alone, never from this product's own
/// files for it.
pub struct Breed {
    /// The brand, as people and the command line call it.
    pub brand: &'static str,
    /// Which of its phones are simulated; the first is the usual one.
    pub makes: &'static [Make],
    /// Why it believes that its files come from the right place.
    pub trust: Trust,
    /// Most CAs of its owner's that a phone takes.
    pub(super) most_authorities: usize,
    pub(super) dhcp: Habits,
    /// The User-Agent of the so-manieth request since power-on, from 0.
    pub(super) user_agent: fn(&Identity, usize) -> String,
    /// A provisioning URL with the brand's macros filled in.
    pub(super) expand: fn(&Identity, &str) -> String,
    /// Looks for the files once: every request, in its order.
    pub(super) look: fn(&mut Look<'_>) -> Result<(), Halt>,
    /// The CAs that a file brings or names.
    pub(super) authorities: fn(&File) -> Vec<Anchor>,
    /// Everything else that the phone fetches because a file names it.
    pub(super) resources: fn(&File) -> Vec<String>,
    /// Whether what a file names may be a name in the folder of the files; else only whole URLs are understood.
    pub(super) relative_names: bool,
    /// What the settings in flash mean.
    pub(super) meaning: fn(&Settings) -> Meaning,
    /// Whether the phone restarts when its settings become others.
    pub(super) restarts: fn(&Settings, &Settings) -> bool,
    /// What it does about messages by SIP.
    pub(super) notices: Notices,
    /// What the brand calls things, for sentences.
    pub(super) words: Words,
}

/// A product of a brand.
#[derive(Debug, PartialEq, Eq)]
pub struct Make {
    /// Name as it stands in the User-Agent.
    pub model: &'static str,
    /// Firmware as it stands in the User-Agent.
    pub firmware: &'static str,
    /// Code of the model in the names of its files, where there is one.
    pub code: &'static str,
    /// First three octets of its address.
    pub prefix: [u8; 3],
}

/// Why a phone believes that its files come from the right place, and how it shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It learns a CA, and from then on asks over HTTPS with its login.
    Authority,
    /// It asks over HTTPS with its login, and does not look who it is that answers.
    Unchecked,
    /// It trusts its maker's CAs alone: it asks over plain HTTP with its login.
    PlainLogin,
    /// It knows neither logins nor CAs: it is known by its place on the LAN.
    Lan,
}

/// How phones of a brand behave towards a DHCP server.
pub(super) struct Habits {
    /// Option 60; empty when none is sent.
    pub(super) class: fn(&Identity) -> Vec<u8>,
    /// Option 77.
    pub(super) user_class: Option<&'static [u8]>,
    /// Option 55.
    pub(super) wanted: &'static [u8],
    /// Where the configuration is, as a URL, and the option that says so. Given are the answer's options and those
    /// that a file told the phone to ask for.
    pub(super) place: fn(&Options, &[u8]) -> Option<Place>,
}

/// What phones of a brand do about a NOTIFY outside of any subscription.
pub(super) struct Notices {
    /// What an event, in lower case and without blanks, tells them; one that they do not know is refused.
    pub(super) knows: fn(&str) -> Option<Call>,
    /// What they do then, by their settings.
    pub(super) heeds: fn(Call, &Settings) -> Option<Call>,
}

/// What a phone is called to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    /// To look for its files.
    Look,
    /// To restart.
    Restart,
}

impl Notices {
    /// `check-sync`, and `check-sync;reboot=true` for a restart.
    pub(super) const CHECK_SYNC: Self = Self { knows: check_sync, heeds: as_told };

    /// No event at all.
    pub(super) const NONE: Self = Self { knows: |_| None, heeds: as_told };
}

/// What `check-sync` says.
pub(super) fn check_sync(event: &str) -> Option<Call> {
    match event {
        "check-sync" | "check-sync;reboot=false" => Some(Call::Look),
        "check-sync;reboot=true" => Some(Call::Restart),
        _ => None,
    }
}

/// For brands without a setting for it.
pub(super) fn as_told(call: Call, _: &Settings) -> Option<Call> {
    Some(call)
}

/// A provisioning URL, and the DHCP option that it stood in.
pub(super) type Place = (u8, String);

/// Names of settings, for sentences about those that are missing.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) server_url: &'static str,
    pub(super) authority: &'static str,
}

/// Settings by the brand's own names.
pub(super) type Settings = BTreeMap<String, String>;

/// A configuration file that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct File {
    /// Name and value in their order; `None` resets the name to its factory value.
    pub(super) settings: Vec<(String, Option<String>)>,
    /// Numbers of the lines, from 1, that are neither setting nor comment; the phone skips them.
    pub(super) skipped: Vec<usize>,
}

impl File {
    /// The values, none of them empty, of every setting with such a name.
    pub(super) fn values(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        let named = self.settings.iter().filter(move |(key, _)| wanted(key));
        named.filter_map(|(_, value)| value.as_deref()).filter(|value| !value.is_empty())
    }
}

/// A CA that a file brings or names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Anchor {
    /// It is fetched from there.
    At(String),
    /// It stands in the file: PEM or DER.
    Inline(Vec<u8>),
}

/// What settings mean for the way into service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Meaning {
    /// Where to look for files from now on.
    pub(super) server_url: Option<String>,
    /// Whether it goes before what DHCP says, at a start too.
    pub(super) own_server: bool,
    /// The HTTP login: user and password.
    pub(super) login: Option<(String, String)>,
    /// How often the phone looks for new files by itself; `None` is never.
    pub(super) polling: Option<Duration>,
    /// DHCP options to ask for besides its usual ones.
    pub(super) custom_options: Vec<u8>,
    /// The time server, when DHCP names none.
    pub(super) time_server: Option<String>,
    /// What the switches for certificates say, when it is not safe or not enough.
    pub(super) trust_fault: Option<&'static str>,
    /// The accounts that are switched on and have a user and a server.
    pub(super) accounts: Vec<Account>,
}

/// The numbers in names like `account.7.enable`, for `prefix` `account.` and `suffix` `.enable`, each once.
pub(super) fn numbers(settings: &Settings, prefix: &str, suffix: &str) -> BTreeSet<u16> {
    let number = |key: &String| key.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok();
    settings.keys().filter_map(number).collect()
}

/// The value of a setting that is there and not empty.
pub(super) fn value<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.get(key).map(String::as_str).filter(|value| !value.is_empty())
}

/// For brands that take new settings over as they run.
pub(super) fn never(_: &Settings, _: &Settings) -> bool {
    false
}

/// A provisioning URL as it is, for brands without macros.
pub(super) fn verbatim(_: &Identity, url: &str) -> String {
    url.to_owned()
}

impl fmt::Debug for Breed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breed").field(&self.brand).finish()
    }
}

/// Each brand is one breed.
impl PartialEq for Breed {
    fn eq(&self, other: &Self) -> bool {
        self.brand == other.brand
    }
}

impl Eq for Breed {}
