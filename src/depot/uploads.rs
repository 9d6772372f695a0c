use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Depot, sha256};
use crate::model::{Id, Timestamp};
use crate::sys::{files, hex};

/// What is known of a file that a phone sent up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Its name, in lower case.
    pub name: String,
    /// When it came last.
    pub at: Timestamp,
    /// What the phone said it is.
    pub content_type: String,
    /// Bytes.
    pub size: u64,
}

/// How an upload was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// There was none of this name.
    New,
    /// In place of an earlier one.
    Replaced,
}

/// Why an upload was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The phone has as many files as it may have.
    #[error("this phone has {0} files already")]
    TooMany(usize),
    /// All phones together have as much as they may have, or the disk has no room.
    #[error("phones have sent up all that there is room for")]
    NoRoom,
    /// The phone is not there any more.
    #[error("this phone is gone")]
    Gone,
    /// The disk is full or broken.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// What phones sent up. Each file is sealed for its phone and its name.
impl Depot {
    /// Keeps what a phone sent, in place of an earlier file of that name. `is_there` says whether that phone still is
    /// there; nothing is forgotten between its answer and the file, so that what is forgotten of a phone that went
    /// stays so.
    ///
    /// # Errors
    /// When the phone is gone, when it or the box has too much already, or the disk refuses. What was there stays.
    pub fn keep(
        &self,
        phone: Id,
        name: &str,
        content_type: &str,
        bytes: &[u8],
        at: Timestamp,
        is_there: impl FnOnce() -> bool,
    ) -> Result<Kept, Refused> {
        let about =
            Upload { name: name.to_owned(), at, content_type: content_type.to_owned(), size: bytes.len() as u64 };
        let head = serde_json::to_vec(&about).map_err(io::Error::other)?;
        let plain = [head.as_slice(), b"\n", bytes].concat();
        let (directory, file) = (self.directory(phone), file_of(name));
        let path = directory.join(&file);
        let sealed = self.0.key.seal_bytes(&plain, &document(phone), &file).map_err(io::Error::other)?;
        let mut used = self.used();
        if !is_there() {
            return Err(Refused::Gone);
        }
        let before = size(&path)?;
        if before.is_none() {
            let others = entries(&directory)?.len();
            if others >= self.0.limits.files {
                return Err(Refused::TooMany(others));
            }
        }
        let after = used.saturating_sub(before.unwrap_or_default()).saturating_add(sealed.len() as u64);
        let room = files::free(&self.0.uploads)?.saturating_sub(sealed.len() as u64);
        if after > self.0.limits.bytes || room < self.0.limits.room {
            return Err(Refused::NoRoom);
        }
        files::create_private_directory(&directory)?;
        files::replace(&path, &sealed, 0o600)?;
        *used = after;
        Ok(if before.is_some() { Kept::Replaced } else { Kept::New })
    }

    /// What a phone sent under this name.
    ///
    /// # Errors
    /// When the operating system refuses, or what is there does not open.
    pub fn upload(&self, phone: Id, name: &str) -> io::Result<Option<(Upload, Vec<u8>)>> {
        self.open_file(phone, &file_of(name))
    }

    /// All that a phone sent, by name. What does not open is left out.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn uploads(&self, phone: Id) -> io::Result<Vec<Upload>> {
        let mut all = Vec::new();
        for entry in entries(&self.directory(phone))? {
            match self.open_file(phone, &entry.file_name().to_string_lossy()) {
                Ok(found) => all.extend(found.map(|(about, _)| about)),
                Err(error) => tracing::warn!(%error, phone = %phone, "a file that a phone sent up cannot be read"),
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Forgets all that a phone sent.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn forget(&self, phone: Id) -> io::Result<()> {
        let directory = self.directory(phone);
        let mut used = self.used();
        let freed: u64 = size_of(&directory)?;
        match fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        *used = used.saturating_sub(freed);
        Ok(())
    }

    /// Forgets what phones sent that are gone by what `is_there` says: those that were removed as the power went.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn forget_gone(&self, is_there: impl Fn(Id) -> bool) -> io::Result<()> {
        for entry in entries(&self.0.uploads)? {
            let phone = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(phone) = phone.filter(|phone| !is_there(*phone)) {
                self.forget(phone)?;
            }
        }
        Ok(())
    }

    fn open_file(&self, phone: Id, file: &str) -> io::Result<Option<(Upload, Vec<u8>)>> {
        let sealed = match fs::read(self.directory(phone).join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut plain = self.0.key.open_bytes(&sealed, &document(phone), file).map_err(io::Error::other)?;
        let end = plain.iter().position(|byte| *byte == b'\n').ok_or(io::ErrorKind::InvalidData)?;
        let bytes = plain.split_off(end.saturating_add(1));
        let about = serde_json::from_slice(plain.get(..end).unwrap_or_default())?;
        Ok(Some((about, bytes)))
    }

    fn directory(&self, phone: Id) -> PathBuf {
        self.0.uploads.join(phone.to_string())
    }

    fn used(&self) -> MutexGuard<'_, u64> {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that phones choose never becomes a path.
fn file_of(name: &str) -> String {
    hex::encode(&sha256(name.as_bytes()))
}

/// What the seal is bound to.
fn document(phone: Id) -> String {
    format!("uploads of phone {phone}")
}

/// Bytes of all uploads below this directory.
pub(super) fn size_of_all(directory: &Path) -> io::Result<u64> {
    entries(directory)?.iter().map(|entry| size_of(&entry.path())).sum()
}

fn size_of(directory: &Path) -> io::Result<u64> {
    entries(directory)?.iter().map(|entry| Ok(entry.metadata()?.len())).sum()
}

fn size(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn entries(directory: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
