//! DHCP: addresses for everybody on the LAN, and for phones where their configuration is.
//!
//! ```text
//!   packet ─ Request::decode ─ Engine::handle ─ Decision ─┬─ writes ── store, durable ──┐
//!            (the guard)        ↑   ↑     ↑               └─ reply ─────────────────────┴─ link
//!                        knowledge Now  leases
//! ```
//! All decisions are pure: [`Engine`] is given packets, what others know of the sender, and the time. The socket
//! loop only moves bytes, and keeps the one promise that needs a disk: no ACK leaves before its lease is durable.

mod engine;
pub mod export;
mod frame;
#[cfg(test)]
mod hostile;
mod knowledge;
mod link;
mod options;
#[cfg(test)]
mod packets;
mod promises;
mod provisioning;
mod reply;
mod request;
mod serve;

pub use engine::{Decision, Engine, LeaseWrite, Network, Reservation, Silence, Subnet};
pub use knowledge::Knowledge;
pub use options::{Options, code};
pub use provisioning::Provisioning;
pub use reply::{Destination, Reply};
pub use request::{Kind, Malformed, Request};
pub use serve::{Ended, Error, Parts, Running, serve};
