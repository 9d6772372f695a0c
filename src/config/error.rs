//! What is wrong with a configuration, where, and what to write instead.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The file says something that makes no sense.
    #[error("{}:{line}: {what}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        what: String,
    },
}

impl Error {
    /// What is wrong, without the place.
    #[must_use]
    pub fn what(&self) -> &str {
        match self {
            Self::Unreadable { why: what, .. } | Self::Wrong { what, .. } => what,
        }
    }
}

/// Something that is allowed and yet probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub(super) String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fault that was found by checking, at these bytes of the file.
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) what: String,
}

pub(super) fn at(fault: &Fault, text: &str, path: &Path) -> Error {
    Error::Wrong { path: path.to_owned(), line: line_of(text, fault.span.start), what: fault.what.clone() }
}

pub(super) fn from_toml(error: &toml::de::Error, text: &str, path: &Path) -> Error {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let message = error.message();
    let what = match unknown_key(message) {
        Some((key, known)) => match nearest(key, &known) {
            Some(right) => format!("there is no key \"{key}\" here; did you mean \"{right}\"?"),
            None => format!("there is no key \"{key}\" here; the keys are {}", known.join(", ")),
        },
        // `[network.dhcp]` makes a table of what is a list, where no network stands above it.
        None if message.trim() == "invalid type: map, expected a sequence" => {
            "this belongs to a network: write [[network]] with its interface and subnet above it".to_owned()
        }
        None => message.trim().replace('\n', "; "),
    };
    Error::Wrong { path: path.to_owned(), line, what }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

/// Reads serde's sentence ``unknown field `a`, expected one of `b`, `c` ``.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|&right| (strsim::damerau_levenshtein(&key.replace('_', "-"), right), right));
    scored.filter(|(distance, right)| *distance <= right.len().max(key.len()) / 2).min().map(|(_, right)| right)
}
