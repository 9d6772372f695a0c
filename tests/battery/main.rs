//! One battery of tests over every brand folder. It names no brand: a new folder is tested by being there.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // what helpers of a test do when it fails

mod hostile;
mod recognition;
mod samples;
mod sheets;
mod toy;

use std::path::PathBuf;

/// Where the folder of this brand is.
fn folder(id: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/brands").join(id)
}
