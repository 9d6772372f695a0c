use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The catalogue of images for phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Images {
    /// The images, oldest first.
    pub images: Vec<Image>,
    /// Bytes that their files take.
    pub used: u64,
    /// Bytes that they may take.
    pub quota: u64,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
}

/// An image for phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Image {
    /// Identity.
    pub id: String,
    /// Counts every change of what is known of it.
    pub revision: u64,
    /// Folder name of the brand that it is for.
    pub brand: String,
    /// The models that it is for; none means all of the brand.
    pub models: Vec<String>,
    /// The release in it, as phones report it.
    pub version: String,
    /// Its file name.
    pub name: String,
    /// Where phones fetch it from this box.
    pub path: String,
    /// SHA-256 of its bytes, once known.
    pub sha256: Option<String>,
    /// How many bytes it has, once known.
    pub size: Option<u64>,
    /// Where the box fetches it from; none for one that was uploaded.
    pub url: Option<String>,
    /// Whether the box may.
    pub enabled: bool,
    /// The oldest release that can be updated to it at once.
    pub needs: Option<String>,
    /// What an administrator should know of it.
    pub notes: String,
    /// Whether it stays on the box whatever else needs the room.
    pub pinned: bool,
    /// Where its bytes are: `here`, `arriving`, `elsewhere`, `failed` or `gone`.
    pub place: String,
    /// Bytes that have arrived.
    pub received: Option<u64>,
    /// Why it could not be fetched.
    pub why: Option<String>,
    /// Since when it could not.
    pub since: Option<String>,
    /// When it was put into the catalogue.
    pub created: String,
}
