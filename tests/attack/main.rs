//! The attacker's suite: what somebody on the LAN, in a browser or with a copied disk can try against the real program,
//! from a namespace beside the phones. `docs/threat-model.md` says which defence each test proves.
//!
//! Needs root, openssl and python3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may panic.

mod addresses;
mod bombs;
mod files;
mod floods;
mod ground;
mod links;
mod logins;
mod logs;
mod model;
mod outside;
mod page;
mod place;
mod requests;
mod speak;
