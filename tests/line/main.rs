//! The real program at the end of a line that is bad, or cut: TFTP to real clients and to one that means no good, and
//! images while nothing outside can be reached.
//!
//! Needs root, and the clients of Debian's tftp-hpa, atftp and curl.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod clients;
mod ground;
mod hostile;
#[path = "../impair/mod.rs"]
mod impair;
mod outside;
