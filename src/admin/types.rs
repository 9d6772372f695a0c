//! What the API says, as its readers see it. Other types than the model's and the store's: these change only
//! when the API does. No field of any of them holds a password.

mod accounts;
mod backup;
mod books;
mod dhcp;
mod files;
mod history;
mod outlets;
mod rollouts;
mod settings;
mod waiting;

pub use accounts::*;
pub use backup::*;
pub use books::*;
pub use dhcp::*;
pub use files::*;
pub use history::*;
pub use outlets::*;
pub use rollouts::*;
pub use settings::*;
pub use waiting::*;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::editing::draft::PhoneDraft;
use super::import::Action;
use super::reading::standing::Standing;
use crate::model::{AnaloguePort, Handset, Mac, Transport};

/// How the box is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Host name of the box.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Seconds since the program started.
    pub uptime_seconds: u64,
    /// What its clock says, RFC 3339 in UTC.
    pub time: String,
    /// Whether something vouches for that clock.
    pub time_trusted: bool,
    /// Time zone of the branch, as `Europe/Berlin`: the one that is set for its first organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether an administrator has claimed it.
    pub claimed: bool,
    /// What is needed to claim it. Only over the local socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup_code: Option<String>,
    /// How it is, in one word.
    pub health: Health,
    /// How it is, in one sentence.
    pub says: String,
    /// What is wrong with the box itself.
    pub alarms: Vec<Alarm>,
    /// Addresses under which it can be reached.
    pub addresses: Vec<String>,
    /// The networks it serves.
    pub networks: Vec<Network>,
    /// How many phones stand how.
    pub phones: Counts,
    /// Its certificate authority.
    pub authority: Authority,
}

/// How the box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing to be done.
    Good,
    /// Something waits for an administrator.
    Attention,
    /// The box itself has a fault.
    Fault,
}

/// Whether the box does what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vitals {
    /// Host name of the box, which stands in its certificate.
    pub name: String,
    /// Port of the page.
    pub https: u16,
    /// What does not answer, in sentences. With none, the box does what it is for.
    pub faults: Vec<String>,
}

/// The appliance around the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Appliance {
    /// Its versions; `None` where Block66 runs as a program in somebody else's system.
    pub standing: Option<crate::steward::Standing>,
    /// The update that is or was installed.
    pub update: Update,
}

/// How far an update is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Update {
    /// Whether one is being installed.
    pub running: bool,
    /// How far, of 100.
    pub percent: u8,
    /// What is being done, or how it ended.
    pub says: String,
    /// Whether it ended badly.
    pub failed: bool,
}

/// Something that is wrong with the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alarm {
    /// Stable code.
    pub code: String,
    /// What is wrong, as a sentence.
    pub says: String,
    /// What to do first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Where on the page it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// What on the page ends an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The path.
    pub at: String,
    /// Whether it is a button, which sends a form there, and no link.
    pub form: bool,
    /// What stands on it.
    pub label: String,
}

/// A network that the box serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The interface it is on.
    pub interface: String,
    /// Its addresses.
    pub subnet: String,
    /// What DHCP does there: `off` or `full`.
    pub dhcp: String,
    /// The same in a sentence.
    pub says: String,
    /// Addresses that may be given.
    pub pool_size: u32,
    /// Addresses that are given.
    pub leases: u32,
}

/// How many phones stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// All that are on the list.
    pub total: usize,
    /// Those that need somebody to act.
    pub attention: usize,
    /// Those that have begun.
    pub on_the_way: usize,
    /// Those that were never heard of.
    pub not_seen: usize,
    /// Those that have all they should have.
    pub in_service: usize,
}

/// The certificate authority of the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authority {
    /// SHA-256 of the root certificate, `AA:BB:…`.
    pub fingerprint: String,
    /// The same in words, to be read aloud.
    pub words: String,
    /// From when the root is valid.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
    /// The root certificate. Absent where only its name matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
}

/// A page of the list of phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phones {
    /// Those of this page, by name.
    pub phones: Vec<Phone>,
    /// How many match the question.
    pub matching: usize,
    /// How many of these come before this page.
    pub offset: usize,
    /// What to say for `after` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<String>,
}

/// A document's identity and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Named {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A phone on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phone {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Its address.
    pub mac: Mac,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub organisation: Named,
    /// The group that it was put into.
    #[serde(default)]
    pub group: Option<Named>,
    /// Whether it waits for a device: its address is made up.
    #[serde(default)]
    pub unassigned: bool,
    /// Whether it is to be let go.
    #[serde(default)]
    pub letting_go: bool,
    /// Its brand, once known.
    pub brand: Option<String>,
    /// Its model, once known.
    pub model: Option<String>,
    /// Firmware that it said it runs.
    pub firmware: Option<String>,
    /// The address that is leased to it.
    pub address: Option<String>,
    /// How it stands.
    pub standing: Standing,
    /// The same in a sentence.
    pub says: String,
    /// What to do first.
    pub advice: Option<String>,
    /// Whether letting it start over is the remedy.
    pub start_over: bool,
    /// Whether it may still learn its login.
    pub first_contact: FirstContact,
    /// Its way into service.
    pub journey: Vec<Light>,
    /// Its SIP accounts.
    pub lines: Vec<Line>,
    /// Its cordless handsets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handsets: Vec<Handset>,
    /// Its analogue ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<AnaloguePort>,
    /// When it was put on the list.
    pub created: String,
    /// What happened to it last. Only when one phone is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
}

/// Whether a phone may still learn its login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstContact {
    /// `waiting`, `open`, `over`, `closed` or `reset`.
    pub state: String,
    /// Since when.
    pub since: Option<String>,
    /// The same in a sentence.
    pub says: String,
}

/// A step of a phone's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Light {
    /// Stable name of the step.
    pub step: String,
    /// Its name for people.
    pub label: String,
    /// How it went: `none` while it was not tried, else `done`, `not-needed`, `refused` or `failed`.
    pub state: String,
    /// When.
    pub at: Option<String>,
    /// Why.
    pub says: String,
}

/// A SIP account, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// User part of its address.
    pub user: String,
    /// Name for Digest, when it differs.
    pub auth_user: Option<String>,
    /// Name shown to others.
    pub display: String,
    /// SIP server.
    pub server: String,
    /// Port of the SIP server, when it is not the usual one.
    pub port: Option<u16>,
    /// How messages travel.
    pub transport: Transport,
    /// Seconds that a registration lasts.
    pub expires: u32,
    /// Number of the voice mail.
    pub voicemail: Option<String>,
    /// What else is set for this line alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// Events, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// What to say for `before` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<u64>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its place in the journal.
    pub sequence: u64,
    /// When it happened first.
    pub at: String,
    /// When it happened last.
    pub last: String,
    /// How often.
    pub count: u32,
    /// Where.
    pub door: String,
    /// The phone it is about.
    pub mac: Option<Mac>,
    /// What people call that phone.
    pub phone: Option<String>,
    /// Who spoke to us.
    pub address: Option<String>,
    /// The file that was asked for.
    pub file: Option<String>,
    /// What the other side called itself.
    pub user_agent: Option<String>,
    /// The account or the token of whoever did it.
    #[serde(default)]
    pub by: Option<String>,
    /// Stable code of the reason.
    pub code: String,
    /// `done`, `not-needed`, `refused` or `failed`.
    pub outcome: String,
    /// The reason in a sentence.
    pub says: String,
    /// What to do first.
    pub advice: Option<String>,
}

/// Leases of all networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Leases {
    /// The leases, by network and address.
    pub leases: Vec<Lease>,
    /// What to say for `after` to go on; nothing when these are the last ones.
    #[serde(default)]
    pub next: Option<String>,
}

/// An address and who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Name of the network.
    pub network: String,
    /// The address.
    pub address: String,
    /// Who holds it.
    pub mac: Mac,
    /// What people call the phone that holds it.
    pub phone: Option<String>,
    /// Name that the client gave.
    pub host_name: Option<String>,
    /// Class that the client gave.
    pub vendor_class: Option<String>,
    /// `bound`, `released`, `declined` or `ended`.
    pub state: String,
    /// When it ends.
    pub expires: String,
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
    /// Name.
    pub name: String,
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

/// A list of phones as an import takes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Export {
    /// The phones, by name. Their lines have no passwords unless those were asked for.
    pub phones: Vec<PhoneDraft>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Import {
    /// Whether nothing was stored.
    pub dry_run: bool,
    /// Phones that are new.
    pub added: usize,
    /// Phones that are changed.
    pub changed: usize,
    /// Phones of which the list says the same already.
    pub kept: usize,
    /// What an administrator may want to look at.
    pub warnings: Vec<String>,
    /// Each phone of the file.
    pub phones: Vec<Imported>,
}

/// What an import did, or would do, to one phone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// First row that names it.
    pub row: usize,
    /// What happens to it.
    pub action: Action,
    /// Its address.
    pub mac: Mac,
    /// Whether it waits for its device: its address is made up.
    #[serde(default)]
    pub unassigned: bool,
    /// What people call it.
    pub name: String,
    /// Users of its lines.
    pub lines: Vec<String>,
}

/// The catalogue of images for phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Images {
    /// The images, oldest first.
    pub images: Vec<Image>,
    /// Bytes that their files take.
    pub used: u64,
    /// Bytes that they may take.
    pub quota: u64,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
}

/// An image for phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Identity.
    pub id: String,
    /// Counts every change of what is known of it.
    pub revision: u64,
    /// Folder name of the brand that it is for.
    pub brand: String,
    /// The models that it is for; none means all of the brand.
    pub models: Vec<String>,
    /// The release in it, as phones report it.
    pub version: String,
    /// Its file name.
    pub name: String,
    /// Where phones fetch it from this box.
    pub path: String,
    /// SHA-256 of its bytes, once known.
    pub sha256: Option<String>,
    /// How many bytes it has, once known.
    pub size: Option<u64>,
    /// Where the box fetches it from; none for one that was uploaded.
    pub url: Option<String>,
    /// Whether the box may.
    pub enabled: bool,
    /// The oldest release that can be updated to it at once.
    pub needs: Option<String>,
    /// What an administrator should know of it.
    pub notes: String,
    /// Whether it stays on the box whatever else needs the room.
    pub pinned: bool,
    /// Where its bytes are: `here`, `arriving`, `elsewhere`, `failed` or `gone`.
    pub place: String,
    /// Bytes that have arrived.
    pub received: Option<u64>,
    /// Why it could not be fetched.
    pub why: Option<String>,
    /// Since when it could not.
    pub since: Option<String>,
    /// When it was put into the catalogue.
    pub created: String,
}

/// What the box's clock says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    /// The time, RFC 3339 in UTC.
    pub time: String,
    /// Whether something vouches for it.
    pub trusted: bool,
}

/// How SIP fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SipStatus {
    /// What came in and was dropped since the box started, by why.
    pub dropped: std::collections::BTreeMap<String, u64>,
}

/// The campaigns that are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Campaigns {
    /// The newest first.
    pub campaigns: Vec<crate::sip::CampaignView>,
}
