//! The real program on a real network: in namespaces of this machine, with clients that other people wrote.
//!
//! Needs root, `ip`, `unshare`, `tcpdump` and the clients; a client that is missing is a failure, not a skip.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod capture;
mod coexistence;
#[path = "../devices/mod.rs"]
mod devices;
mod dhcp;
mod export;
mod ground;
mod hand;
mod http;
mod leases;
mod life;
mod neighbours;
mod outlets;
mod own_brand;
mod relay;
mod vlan;
