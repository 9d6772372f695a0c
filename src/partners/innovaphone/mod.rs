//! The box as an app of a PBX: provider of phones of other makers.
//!
//! ```text
//!  PBX ─── websocket ──► app ── "I provision phones" · which services are there? ──► where Devices is
//!  users' service ─────► app ── ProvisioningPhone (MAC, code, user, hidden password)
//!                          │
//!                          ▼                    first: code ─► password, kept ─► configuration
//!               one websocket a phone ─► Devices
//!                          │                    later: challenge ─► digest ─► configuration, and every change
//!                          ▼
//!            map ─► phone of the list ─► its own brand's files, over the usual doors
//! ```
//!
//! What the documents leave open is a setting. Nothing of this was run against a real PBX yet.

mod app;
mod apply;
mod backoff;
mod command;
mod compact;
mod configuration;
mod desk;
mod digest;
mod door;
mod frame;
mod heard;
mod keeper;
mod map;
mod secrets;
mod services;
mod settings;
mod sysclient;

pub use app::{About, Session};
pub use command::Command;
pub use configuration::{Configuration, Known};
pub use desk::Desk;
pub use digest::{AppLogin, SessionKey};
pub use door::Door;
pub use frame::{Frame, Identity, Malformed};
pub use heard::{Heard, News, Request, Wrong};
pub use keeper::Keeper;
pub use map::{Mapped, SignIn};
pub use settings::Settings;
pub use sysclient::{Failure, Out, Sysclient};
