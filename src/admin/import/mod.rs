//! A spreadsheet of phones, as people have them: read leniently, taken whole or not at all.

mod columns;
mod decode;
mod plan;
mod rows;

use crate::admin::draft::CheckedPhone;
use crate::admin::problem::FieldError;

pub use plan::Action;
pub(crate) use plan::{Plan, plan};
pub(crate) use rows::read;

/// Most phones that one import brings; more come in several files.
pub(crate) const MOST_PHONES: usize = 5_000;
/// Most bytes of one import.
pub(crate) const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Most mistakes that are listed; the rest is counted.
const MOST_ERRORS: usize = 100;

/// What holds for every row that does not say otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    /// SIP server for files without such a column.
    pub(crate) server: Option<String>,
    /// Organisation for files without such a column.
    pub(crate) organisation: Option<String>,
}

/// A file of which every row is in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sheet {
    /// The phones with the number of the first row that names each, in the order of the file.
    pub(crate) phones: Vec<(usize, CheckedPhone)>,
    /// What an administrator may want to look at, though it stops nothing.
    pub(crate) warnings: Vec<String>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("The file is empty.")]
    Empty,
    #[error("The file has {0} bytes; an import has at most {MOST_BYTES}.")]
    TooLarge(usize),
    #[error("The file is no text: byte {0} is zero. Save it as CSV, not as a workbook.")]
    Binary(usize),
    #[error("The first row must name the columns, and none of them is \"mac\". It reads: {0}")]
    NoMacColumn(String),
    #[error("Two columns mean the same: \"{0}\" and \"{1}\".")]
    SameColumn(String, String),
    #[error("There is no column for {0}.")]
    ColumnMissing(&'static str),
    #[error("There are more than {MOST_PHONES} phones in the file.")]
    TooMany,
    #[error("{} cannot be taken as {} stand{}.", rows(.0), if .1 == &1 { "it" } else { "they" }, if .1 == &1 { "s" } else { "" })]
    Rows(Vec<FieldError>, usize),
}

fn rows(errors: &[FieldError]) -> String {
    let distinct: std::collections::BTreeSet<&str> = errors.iter().filter_map(|e| e.field.split(',').next()).collect();
    if distinct.len() == 1 { "One row".into() } else { format!("{} rows", distinct.len()) }
}
