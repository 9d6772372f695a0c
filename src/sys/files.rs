//! Files that are there whole or not at all, whenever the power goes.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes `path` hold exactly `bytes`, with the permission bits `mode`, durably.
///
/// After a power cut at any moment the file holds what it held before or what it holds now: the new content is
/// written beside it and synced, then renamed over it, then the directory is synced.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_os_string();
    name.push(".new");
    let beside = directory.join(name);
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
        return written;
    }
    sync_directory(directory)
}

/// Makes the entries of a directory durable: a file made or renamed there is sure to be found again only then.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Bytes that an ordinary user may still write to the disk that holds `path`.
pub fn free(path: &Path) -> io::Result<u64> {
    let disk = nix::sys::statvfs::statvfs(path)?;
    Ok(disk.blocks_available().saturating_mul(disk.fragment_size()))
}

/// Makes a directory, with those above it, that only the box itself may read.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => sync_directory(above),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn replaces_whole_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a").join("key");
        create_private_directory(path.parent().unwrap()).unwrap();
        replace(&path, b"one", 0o600).unwrap();
        std::fs::write(directory.path().join("a/key.new"), b"left over from a power cut").unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn leaves_the_old_file_when_the_new_one_cannot_be_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"two", 0o600).is_err());
        assert!(path.is_dir());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
