//! The HTTP and HTTPS doors over a real store, journal and registry: what whom is handed out, and what a listener
//! bears.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod access;
mod behind_a_router;
mod diagram;
mod door;
mod gateway;
mod ground;
mod kinds;
mod logins;
mod matrix;
mod revisions;
mod silence;
mod sockets;
mod table;
mod toy;
