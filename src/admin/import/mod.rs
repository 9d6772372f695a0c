//! A spreadsheet of phones, as people have them: read leniently, taken whole or not at all.

mod columns;
mod decode;
mod foreign;
mod json;
mod listed;
mod plan;
mod rows;
mod table;

use std::sync::Arc;

use super::editing::{CheckedPhone, PhoneDraft};
use crate::admin::problem::FieldError;
use crate::model::Phone;

pub(in crate::admin) use decode::decode as text_of;
pub use listed::Listed;
pub use plan::{Action, Plan, Planned, plan};
pub use rows::read;
pub(in crate::admin) use table::Rows;

/// Reads a list of phones in whichever form it is. `known` finds the phone that a draft means, as it is on the list.
///
/// # Errors
/// As [`read`].
pub fn read_any(
    bytes: &[u8],
    defaults: &Defaults,
    known: impl FnMut(&PhoneDraft) -> Option<Arc<Phone>>,
) -> Result<Sheet, Refusal> {
    if json::is_one(bytes) { json::read(bytes, defaults, known) } else { read(bytes, defaults) }
}

/// Most phones that one import brings; more come in several files.
pub const MOST_PHONES: usize = 5_000;
/// Most bytes of one import.
pub(crate) const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Most mistakes that are listed; the rest is counted.
pub(in crate::admin) const MOST_ERRORS: usize = 100;

/// What holds for every row that does not say otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// SIP server for files without such a column.
    pub server: Option<String>,
    /// Organisation for files without such a column.
    pub organisation: Option<String>,
}

/// A file of which every row is in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The phones with the number of the first row that names each, in the order of the file.
    pub phones: Vec<(usize, CheckedPhone)>,
    /// Whether each is all that is said of a phone. Else one without a device says something of one of its lines.
    pub whole: bool,
    /// What an administrator may want to look at, though it stops nothing.
    pub warnings: Vec<String>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is in it.
    #[error("The file is empty.")]
    Empty,
    /// More bytes than an import may have.
    #[error("The file has {0} bytes; an import has at most {MOST_BYTES}.")]
    TooLarge(usize),
    /// Not text: a null byte stands here.
    #[error("The file is no text: byte {0} is zero. Save it as CSV, not as a workbook.")]
    Binary(usize),
    /// The headings, of which none means the MAC.
    #[error("The first row must name the columns, and none of them is \"mac\". It reads: {0}")]
    NoMacColumn(String),
    /// Two headings with one meaning.
    #[error("Two columns mean the same: \"{0}\" and \"{1}\".")]
    SameColumn(String, String),
    /// What would be in a column that is not there.
    #[error("There is no column for {0}.")]
    ColumnMissing(&'static str),
    /// More phones than an import may have.
    #[error("There are more than {MOST_PHONES} phones in the file.")]
    TooMany,
    /// No JSON, or JSON of something else.
    #[error("The list cannot be read: {0}.")]
    Json(String),
    /// More contacts than a phone book may have.
    #[error("There are more than {0} contacts in the file.")]
    TooManyContacts(usize),
    /// What is wrong with which rows, and how many rows that are.
    #[error("{} cannot be taken as {} stand{}.", rows(.0), if .1 == &1 { "it" } else { "they" }, if .1 == &1 { "s" } else { "" })]
    Rows(Vec<FieldError>, usize),
}

fn rows(errors: &[FieldError]) -> String {
    let distinct: std::collections::BTreeSet<&str> = errors.iter().filter_map(|e| e.field.split(',').next()).collect();
    if distinct.len() == 1 { "One row".into() } else { format!("{} rows", distinct.len()) }
}
