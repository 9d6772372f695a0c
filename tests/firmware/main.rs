//! Images from outside: real sockets against a made-up upstream that counts what it is asked, and that lies.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod ground;
mod upstream;
