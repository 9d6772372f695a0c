//! Softphones on mobile telephones whose maker's servers wake them: users, profiles and attributes of a tenant there,
//! and the push settings without which no call arrives.
//!
//! ```text
//!  push form ── check ──► warnings            users of the box ─┐
//!      └──────────────────────────► desired ◄──────────────────┘
//!                                      │  compare
//!   tenant ── read (XML) ──► present ──┴──► plan ── apply ──► read back ── compare: nothing is left
//! ```
//!
//! The box cannot take the place of the maker's servers towards the app: it writes to a tenant there through its
//! management interface, makes a file for its import, or hands the settings to clients that sign in at the box.

mod attribute;
mod command;
mod csv;
mod desk;
mod plan;
mod push;
mod request;
mod settings;
mod tenant;

pub use attribute::{Attribute, Field, Generation};
pub use command::Command;
pub use desk::Desk;
pub(in crate::partners) use desk::delivered;
pub use plan::{Group, Plan, Step, Subscriber};
pub use push::{Mode, Push, Registrations, Warning};
pub use settings::Settings;
