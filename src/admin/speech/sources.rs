//! The program's own sources, for tests that compare what is said with what the catalogues hold.

use std::path::{Path, PathBuf};

use regex::Regex;

/// The code of this file, or of every file below this folder, by its path. Tests at the end of a file are no part of
/// it.
pub(super) fn below(place: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(place)];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            found.push((path, code));
        }
    }
    found
}

/// A literal as it is at run time, as far as sentences need it.
pub(super) fn unescaped(literal: &str) -> String {
    let joined = Regex::new(r"\\\n\s*").unwrap().replace_all(literal, "").into_owned();
    joined.replace("\\\"", "\"").replace("\\\\", "\\")
}
