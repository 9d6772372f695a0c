//! One battery of tests over every brand folder. A new folder is tested by being there; brands are named only in
//! `devices` and `export`, which hold in literal bytes what DHCP tells each, here and from other servers.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // what helpers of a test do when it fails

#[path = "../devices/mod.rs"]
mod devices;
mod export;
mod hostile;
mod options;
mod recognition;
mod reference;
mod samples;
mod settings;
mod sheets;
mod table;
mod toy;

use std::path::PathBuf;

/// Where the folder of this brand is.
fn folder(id: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/brands").join(id)
}

/// The octets of hexadecimal text, in which blanks do not count.
fn octets(hex: &str) -> Vec<u8> {
    let digits: String = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    let octet = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(octet).collect()
}
