use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be stored, or the store not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The document was changed since the caller read it.
    #[error("{what} is at version {found}, not {expected}: it was changed in the meantime")]
    Conflict {
        /// The document.
        what: String,
        /// The version that the caller had read; 0 when there should be none.
        expected: u64,
        /// The version that is stored; 0 when there is none.
        found: u64,
    },
    /// Something that must be unique is in use already.
    #[error("{what} is taken")]
    Taken {
        /// What is taken, as "MAC 80:5e:c0:12:34:56".
        what: String,
    },
    /// The write names a document that is not there.
    #[error("{what} does not exist")]
    Missing {
        /// The document.
        what: String,
    },
    /// Other documents name the one to be deleted.
    #[error("{what} still has phones, phone books or resources")]
    InUse {
        /// The document.
        what: String,
    },
    /// The value cannot be stored.
    #[error("{what} cannot be stored: {why}")]
    Unfit {
        /// What was to be stored.
        what: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More is waiting to be stored than the queue holds.
    #[error("the store has more to write than it can take: try again")]
    Busy,
    /// The disk is full. Nothing of the commit was stored; all that was stored before is safe.
    #[error("the disk is full: make room on the disk of the data directory")]
    DiskFull,
    /// The disk can only be read. Nothing of the commit was stored; all that was stored before is safe.
    #[error("{doing}: the disk can only be read: it is write-protected, or its file system was found damaged")]
    ReadOnly {
        /// What was being done.
        doing: String,
    },
    /// The store was closed, or its writer died.
    #[error("the store is closed")]
    Closed,
    /// Another process has the store open.
    #[error("{} is in use by another process", .path.display())]
    InUseElsewhere {
        /// The lock file.
        path: PathBuf,
    },
    /// Too little room to open the store safely.
    #[error(
        "only {} MiB are free on the disk of {}, and {} MiB are needed to open the store: delete files there or enlarge it",
        .free >> 20, .path.display(), .needed >> 20
    )]
    NoRoom {
        /// The directory of the store.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        needed: u64,
    },
    /// The data was written by a newer version of the program.
    #[error(
        "the data has schema {found}, and this version of block66 knows schemas up to {known}: install the newer version again; or move the data directory away, start the box, then restore a backup made by this version"
    )]
    NewerSchema {
        /// Schema of the data.
        found: u32,
        /// Newest schema that this program knows.
        known: u32,
    },
    /// The secrets in the store were encrypted with a key that is not at hand.
    #[error("the secrets in the store are encrypted with another key ({wanted}): put the right key file back")]
    WrongKey {
        /// Id of the key that is missing.
        wanted: String,
    },
    /// The key file cannot be used.
    #[error("key file {}: {what}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        what: String,
    },
    /// The database is damaged and there is no snapshot to go back to.
    #[error("the database in {} is damaged ({what}) and there is no snapshot to restore: move the directory away, start the box, then restore a backup", .path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The operating system refused.
    #[error("{doing}: {what}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the operating system said.
        what: String,
    },
}

impl Error {
    /// The stable code, as `store.conflict`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "store.conflict",
            Self::Taken { .. } => "store.taken",
            Self::Missing { .. } => "store.missing",
            Self::InUse { .. } => "store.in-use",
            Self::Unfit { .. } => "store.unfit",
            Self::Busy => "store.busy",
            Self::DiskFull => "store.disk-full",
            Self::ReadOnly { .. } => "store.read-only",
            Self::Closed => "store.closed",
            Self::InUseElsewhere { .. } => "store.in-use-elsewhere",
            Self::NoRoom { .. } => "store.no-room",
            Self::NewerSchema { .. } => "store.newer-schema",
            Self::WrongKey { .. } => "store.wrong-key",
            Self::Key { .. } => "store.key",
            Self::Damaged { .. } => "store.damaged",
            Self::Io { .. } => "store.io",
        }
    }

    /// Whether the disk refused, which may end by itself: nothing of the commit was stored, and all that was stored
    /// before is safe.
    pub fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::DiskFull | Self::ReadOnly { .. })
    }

    pub(super) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let doing = format!("{doing} {}", path.display());
        match error.kind() {
            _ if is_full(error) => Self::DiskFull,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { doing },
            _ => Self::Io { doing, what: error.to_string() },
        }
    }
}

/// Whether the operating system says that there is no room: disk, quota or file size.
pub(super) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
