//! What the appliance knows about: phones, organisations, lines, leases, and what happened to them.
//!
//! Everything here is plain data with no door, no disk and no clock behind it. The doors
//! (`dhcp`, `sip`, `http`, `tftp`) never import each other; these types are where they meet.

mod book;
mod event;
mod firmware;
mod group;
mod handset;
pub mod history;
mod id;
mod language;
mod lease;
mod line;
mod mac;
mod organisation;
mod outcome;
mod phone;
mod port;
mod reason;
mod resource;
mod rollout;
mod secret;
pub mod settings;
mod source;
mod time;
mod url;

pub use book::{Contact, PhoneBook};
pub use event::{Door, Event, Journey, Light, Step};
pub use firmware::{Firmware, FirmwareSource};
pub use group::{Group, Scope};
pub use handset::Handset;
pub use id::Id;
pub use language::Language;
pub(crate) use language::as_sentence;
pub use lease::{Lease, LeaseState, Via};
pub use line::{Line, Transport};
pub use mac::{Mac, MacError};
pub use organisation::{Organisation, Policy, SecretPolicy};
pub use outcome::Outcome;
pub use phone::{FirstContact, Login, Phone};
pub use port::{AnaloguePort, CallerId, Fax};
pub use reason::Reason;
pub use resource::{Resource, ResourceKind};
pub use rollout::{Rollout, RolloutPlan, RolloutScope, RolloutState, Turn, UpdateWindow, Wave};
pub use secret::Secret;
pub use settings::Settings;
pub(crate) use source::block_of;
pub use time::{Now, Timestamp};
pub use url::{BoxAddress, Scheme, page_url, provisioning_url};
