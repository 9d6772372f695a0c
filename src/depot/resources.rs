use std::io;
use std::path::PathBuf;

use super::{Depot, sha256};
use crate::sys::{files, hex};

/// What administrators gave to the box.
impl Depot {
    /// Keeps a resource; its digest is its name from now on.
    ///
    /// # Errors
    /// When the disk is full or the operating system refuses.
    pub fn put_resource(&self, bytes: &[u8]) -> io::Result<[u8; 32]> {
        let sum = sha256(bytes);
        files::replace(&self.resource_path(&sum), bytes, 0o600)?;
        Ok(sum)
    }

    /// The resource with this digest; `None` when there is none, or when its bytes are not what they were.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn resource(&self, sum: &[u8; 32]) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.resource_path(sum)) {
            Ok(bytes) => Ok(Some(bytes).filter(|bytes| sha256(bytes) == *sum)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets the resource with this digest. One that is not there is no error.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn remove_resource(&self, sum: &[u8; 32]) -> io::Result<()> {
        match std::fs::remove_file(self.resource_path(sum)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Forgets the resources whose digest nobody has by what `is_there` says, and what is left of those that were being
    /// kept as the power went. To be called while none is.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn forget_resources(&self, is_there: impl Fn(&[u8]) -> bool) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.0.resources)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let (sum, unfinished) = name.strip_suffix(".new").map_or((&*name, false), |sum| (sum, true));
            // Whatever else somebody laid there is not ours to remove.
            let sum = hex::decode(sum).filter(|sum| sum.len() == 32);
            if sum.is_some_and(|sum| unfinished || !is_there(&sum)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn resource_path(&self, sum: &[u8; 32]) -> PathBuf {
        self.0.resources.join(hex::encode(sum))
    }
}
