//! The real program speaks SIP on a real network: with sipp, sipsak, baresip and bytes as phones send them.
//!
//! Needs the right to make network namespaces (root), and the programs; one that is missing is a failure, not a skip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod brands;
mod gateway;
mod ground;
mod harvest;
mod hostile;
mod inside;
mod notify;
mod others;
mod pnp;
mod registrar;
