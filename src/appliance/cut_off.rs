//! Whether the box was shut down when it last went, or cut off: a file is there for as long as it is up. A start that fails
//! leaves it as it was.

use std::path::Path;

use crate::sys::files;

/// Name of that file in the data directory.
const UP: &str = "up";

/// Notes that the box is up from now on, and tells whether it was cut off before: by its power, or by a failure of its
/// own. Where nothing can be written, nothing is known the next time.
pub(super) fn begin(directory: &Path) -> bool {
    let path = directory.join(UP);
    if path.exists() {
        return true;
    }
    if let Err(error) = files::replace(&path, b"", 0o600) {
        tracing::debug!(path = %path.display(), %error, "whether the box was cut off will not be known");
    }
    false
}

/// Notes that the box was shut down.
pub(super) fn end(directory: &Path) {
    if let Err(error) = std::fs::remove_file(directory.join(UP)) {
        tracing::debug!(%error, "this end will be taken for one without a shutdown");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_shut_down_was_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        assert!(!begin(directory), "the first start of all");
        assert!(begin(directory), "after a power cut");
        assert!(begin(directory), "after another one");
        end(directory);
        assert!(!begin(directory), "after a shutdown");
        assert!(!begin(&directory.join("gone")), "where nothing can be written");
    }
}
