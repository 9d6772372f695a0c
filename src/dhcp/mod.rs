//! DHCP: addresses for everybody on the LAN, and for phones where their configuration is.
//!
//! ```text
//!   packet ─ Request::decode ─ Engine::handle ─ Decision ─┬─ writes ── store, durable ──┐
//!            (the guard)        ↑   ↑     ↑               └─ reply ─────────────────────┴─ link
//!                        knowledge Now  leases
//! ```
//! All decisions are pure: [`Engine`] is given packets, what others know of the sender, and the time. The socket
//! loop only moves bytes, and keeps the one promise that needs a disk: no ACK leaves before its lease is durable.

mod coexistence;
mod control;
mod engine;
pub mod export;
mod frame;
#[cfg(test)]
mod hostile;
mod knowledge;
pub mod lease_file;
mod link;
mod options;
#[cfg(test)]
mod packets;
mod players;
mod promises;
mod provisioning;
mod question;
mod reply;
mod request;
mod serve;
mod server;
mod server_id;
mod sightings;
mod told;

pub use coexistence::{Answer, Coexistence, Marker, Memory, Part, Server, Setting, Standing};
pub use control::{Control, Explained, Heard, NotRunning, Offered, Order, Player, View};
pub use engine::{Conduct, Decision, Engine, LeaseWrite, Network, Preview, Reservation, Segments, Silence, Subnet};
pub use knowledge::Knowledge;
pub use options::{Options, code};
pub use players::{in_words, players, readable};
pub use provisioning::{ForStrangers, Provisioning, Stranger};
pub use reply::{Destination, Reply};
pub use request::{Kind, Malformed, Request};
pub use serve::{Ended, Error, Parts, Running, may_answer, serve};
pub use sightings::{Glimpse, Seen, Sightings};
pub use told::{Told, Verdict};
