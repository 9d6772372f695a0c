use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Named;

/// Phone books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Books {
    /// The books, by name, without their contacts.
    pub books: Vec<Book>,
}

/// A phone book that the phones of one organisation show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Book {
    /// Identity, as `directory.books` names it.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Short number that stands for it in the names of files.
    pub number: u32,
    /// Name.
    pub name: String,
    /// Whose phones show it.
    pub organisation: Named,
    /// How many contacts are in it.
    pub size: usize,
    /// Who is in it, in the order shown. Only when one book is asked for.
    #[serde(default)]
    pub contacts: Vec<Contact>,
    /// What was noticed when a list was read.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Somebody in a phone book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Name as shown.
    pub name: String,
    /// Numbers to dial, the usual one first.
    pub numbers: Vec<String>,
}

/// Files that phones fetch besides their configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// The files, by name.
    pub resources: Vec<Resource>,
}

/// A file that phones of one organisation fetch besides their configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resource {
    /// Identity.
    pub id: String,
    /// Counts every change.
    pub version: u64,
    /// Name as phones ask for it.
    pub name: String,
    /// `wallpaper`, `ringtone` or `xml`.
    pub kind: String,
    /// Whose phones may fetch it.
    pub organisation: Named,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes.
    pub sha256: String,
}

/// Authorities and certificates that administrators gave to the box.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    /// Authorities whose certificates say which phone it is.
    pub authorities: Vec<Anchor>,
    /// Certificates of the company's own, which the box shows for their names.
    pub certificates: Vec<Anchor>,
}

/// A certificate, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Anchor {
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// Its subject, or the DNS names that it is for.
    pub names: Vec<String>,
    /// Since when it is valid.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
}
