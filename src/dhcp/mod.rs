//! DHCP: addresses for everybody on the LAN, and for phones where their configuration is.
//!
//! ```text
//!   packet ─ Request::decode ─ Engine::handle ─ Decision ─┬─ writes ── store, durable ──┐
//!            (the guard)        ↑   ↑     ↑               └─ reply ─────────────────────┴─ link
//!                        knowledge Now  leases
//! ```
//! All decisions are pure: [`Engine`] is given packets, what others know of the sender, and the time. The socket
//! loop only moves bytes, and keeps the one promise that needs a disk: no ACK leaves before its lease is durable.

mod bindings;
mod decision;
mod engine;
#[cfg(test)]
mod engine_tests;
mod knowledge;
mod network;
mod offers;
mod options;
#[cfg(test)]
mod packets;
mod pool;
mod reply;
mod request;

pub use decision::{Decision, LeaseWrite, Silence};
pub use engine::Engine;
pub use knowledge::Knowledge;
pub use network::{Network, Reservation, Subnet};
pub use options::{Options, code};
pub use reply::{Destination, Reply};
pub use request::{Kind, Malformed, Request};
