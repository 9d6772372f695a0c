use super::{Id, Timestamp};

/// A phone book that the phones of one organisation show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneBook {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// Whose phones show it.
    pub organisation: Id,
    /// Short number that stands for it in the names of files; unique on the box, never 0.
    pub number: u32,
    /// Name on the phone and on the page.
    pub name: String,
    /// Who is in it, in the order shown.
    pub contacts: Vec<Contact>,
    /// When it was made.
    pub created: Timestamp,
}

/// Somebody in a phone book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Name as shown.
    pub name: String,
    /// Numbers to dial, the usual one first.
    pub numbers: Vec<String>,
}
