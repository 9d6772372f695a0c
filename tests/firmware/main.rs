//! Images: from outside, against a made-up upstream that counts what it is asked and that lies; served to many at once
//! over real sockets; and through kills and power cuts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cuts;
#[path = "../powercut/disk.rs"]
mod disk;
mod ground;
#[path = "../powercut/random.rs"]
mod random;
// Its marks and restarts are those of the store.
#[allow(dead_code)]
#[path = "../powercut/record.rs"]
mod record;
mod serving;
mod upstream;
