use std::io;
use std::path::{Path, PathBuf};

use crate::sys;

/// A directory of the lab's own, which is gone when the lab is.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> io::Result<Self> {
        // Short, since the path of a socket has at most 107 bytes (unix(7)).
        let name = format!("block66-lab-{}-{}", std::process::id(), sys::random::token(6));
        let path = std::env::temp_dir().join(name);
        sys::files::create_private_directory(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, directory = %self.0.display(), "the lab's directory could not be removed");
        }
    }
}
