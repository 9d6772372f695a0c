//! Simulated phones on a LAN of namespaces: first against small servers written here, then against the real box.
//!
//! Needs the right to make network namespaces (root).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod campaigns;
mod command;
mod dead_box;
mod ground;
mod kills;
mod ledger;
mod resync;
mod rollout;
mod whole;
