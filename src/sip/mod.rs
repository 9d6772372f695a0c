//! SIP: phones that ask by multicast are told where their configuration is, and every phone can be told to fetch it
//! again, with no telephone system in between.
//!
//! ```text
//!  UDP, TCP, TLS ─ wire (normalise, parse) ─ transaction ─┬─ pnp: whom to answer ─ 200, NOTIFY with a URL
//!                                                         └─ notify: a job a phone ─ NOTIFY check-sync
//!  journal ─ "it fetched its file" ─────────────────────────► notify: re-synced, or not
//!  page, command line ─ Sip ─ orders ─ campaign: who is next ─► notify
//! ```
//!
//! `wire`, `address`, `digest`, `transaction`, `pnp`, `notify`, `presence` and `campaign` decide and never act. `core` is
//! the one task that has them do so; `udp` and `streams` move bytes.

pub mod address;
pub mod campaign;
mod core;
pub mod digest;
pub mod notify;
mod orders;
pub mod pnp;
pub mod presence;
mod streams;
pub mod transaction;
mod udp;
pub mod wire;

pub use core::{Error, Otherwise, Parts, Settings, contact_key, serve, stop_campaigns};
pub use orders::{CampaignView, Receiver, Refusal, Sip, Telling, channel};
