//! Transactions (RFC 3261 section 17) as data: nothing here sends, waits or reads a clock.
//!
//! ```text
//!  request of ours ─ begin ─► Client ─┐                  ┌─► Send
//!  bytes from the wire ─ receive ─►   ├─ Transactions ───┼─► Response, Request (to the user of the layer)
//!  time ─ due ─►              Server ─┘                  └─► TimedOut
//! ```
//!
//! A machine is one transaction: [`client::Client`] with the timers A, B, D, E, F and K, [`server::Server`] with H, I
//! and J. [`Transactions`] holds all of them, matches what comes in, and knows which is due next.

pub mod client;
mod layer;
pub mod server;
mod timers;

#[cfg(test)]
mod tests;

pub use layer::{Hop, Key, Outcome, Stray, Transactions};
pub use timers::{Next, Timers};
