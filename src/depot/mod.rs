//! Bytes that are too large for the database: pictures and sounds by their digest, and what phones sent up, sealed.
//!
//! ```text
//!  <data directory>/resources/<sha-256>              as an administrator gave them
//!  <data directory>/uploads/<phone>/<sha-256 of the name>   sealed with the store's key
//! ```
//!
//! Every call works on files and blocks for as long as the disk takes: call from a thread that may.

mod resources;
#[cfg(test)]
mod tests;
mod uploads;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};

pub use uploads::{Kept, Refused, Upload};

use crate::store::Key;
use crate::sys::files;

/// How much is kept. The defaults are right for a box; tests choose others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files of one phone.
    pub files: usize,
    /// Bytes of all files of all phones.
    pub bytes: u64,
    /// Bytes of the disk that stay free: the store needs them more.
    pub room: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { files: 12, bytes: 256 << 20, room: 64 << 20 }
    }
}

/// Where such bytes are. Clones share it.
#[derive(Debug, Clone)]
pub struct Depot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    resources: PathBuf,
    uploads: PathBuf,
    key: Key,
    limits: Limits,
    /// Bytes of all uploads on the disk. Held while one is written, so that the sum is never passed.
    used: Mutex<u64>,
}

impl Depot {
    /// Opens the depot in the data directory, or makes it.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn open(directory: &Path, key: Key, limits: Limits) -> io::Result<Self> {
        let (resources, uploads) = (directory.join("resources"), directory.join("uploads"));
        files::create_private_directory(&resources)?;
        files::create_private_directory(&uploads)?;
        let used = Mutex::new(uploads::size_of_all(&uploads)?);
        Ok(Self(Arc::new(Inner { resources, uploads, key, limits, used })))
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}
