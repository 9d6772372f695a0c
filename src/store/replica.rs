//! A copy of a database, for the engine to open.
//!
//! Opening is not reading: the engine cuts off what it takes for torn, frees what its snapshot no longer names, and
//! begins anew where it recognises nothing. So it never opens the database that counts, but a copy, and the original
//! goes only when the copy has opened with all that should be in it.
//!
//! The engine's own snapshots (`snap.*`) are copied when they are whole. A torn one keeps the engine from opening for
//! ever. A whole one must not be left out lightly: what stood before it in the log may have been overwritten since.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::database::{beside, remove_directory};
use crate::sys::files;

/// Copies the database in `from` to `to`, which is there whole or not at all.
pub(super) fn make(from: &Path, to: &Path, with_snapshots: bool) -> io::Result<()> {
    let unfinished = beside(to);
    remove_directory(&unfinished)?;
    files::create_private_directory(&unfinished.join("blobs"))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_snapshot = name.to_string_lossy().starts_with("snap.");
        let wanted = match name.to_str() {
            Some("db" | "conf") => true,
            _ => is_snapshot && with_snapshots && is_whole(&std::fs::read(entry.path())?),
        };
        if wanted {
            copy(&entry.path(), &unfinished.join(&name))?;
        }
    }
    files::sync_directory(&unfinished)?;
    std::fs::rename(&unfinished, to)?;
    files::sync_directory(to.parent().unwrap_or(to))
}

/// Bytes that a copy takes.
pub(super) fn size(directory: &Path) -> io::Result<u64> {
    let lengths = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.metadata()?.len()));
    lengths.sum()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    let mut to = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    let mut some = vec![0; 256 << 10];
    loop {
        match from.read(&mut some)? {
            0 => return to.sync_all(),
            count => to.write_all(some.get(..count).unwrap_or_default())?,
        }
    }
}

/// Whether this is one of the engine's snapshots in full: the content, its length (8 bytes) and its CRC-32 (4).
fn is_whole(bytes: &[u8]) -> bool {
    let Some((rest, checksum)) = bytes.split_last_chunk::<4>() else { return false };
    let Some((content, _)) = rest.split_last_chunk::<8>() else { return false };
    !content.is_empty() && u32::from_le_bytes(*checksum) == crc32(content)
}

/// CRC-32 as in IEEE 802.3.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_whole_snapshot() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let whole = [&b"123456789"[..], &9_u64.to_le_bytes(), &0xcbf4_3926_u32.to_le_bytes()].concat();
        assert!(is_whole(&whole));
        assert!(!is_whole(&whole[1..]) && !is_whole(&whole[..20]) && !is_whole(&[0; 12]) && !is_whole(b""));
    }

    #[test]
    fn knows_the_snapshots_of_the_engine_itself() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..3 {
            let db = sled::Config::new().path(directory.path()).open().unwrap();
            db.insert(b"a", b"1").unwrap();
        }
        let snapshots = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap());
        let whole: Vec<bool> = snapshots
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("snap."))
            .map(|entry| is_whole(&std::fs::read(entry.path()).unwrap()))
            .collect();
        assert_eq!(whole, [true]);
    }
}
