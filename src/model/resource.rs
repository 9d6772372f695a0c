use serde::{Deserialize, Serialize};

use super::{Id, Timestamp};

/// A file that phones of one organisation fetch besides their configuration. The document says what it is;
/// the bytes are a file of their own, named by their digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// Whose phones may fetch it.
    pub organisation: Id,
    /// File name as phones ask for it.
    pub name: String,
    /// What phones do with it.
    pub kind: ResourceKind,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// Number of bytes.
    pub size: u64,
    /// When it was made.
    pub created: Timestamp,
}

/// What phones do with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceKind {
    /// Picture behind the idle screen.
    Wallpaper,
    /// Sound of a call.
    Ringtone,
    /// XML that the phone's own browser shows.
    Xml,
}

impl ResourceKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Wallpaper, Self::Ringtone, Self::Xml];
}
