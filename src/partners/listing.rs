//! Lists in answers, on the command line.

use serde_json::Value;

use crate::cli::output::print;

/// Prints the entries of the list `name`, one a line; `none` where there are none and something is to be said of that.
pub(super) fn list(said: &Value, name: &str, none: &str) {
    let entries = said.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    if entries.is_empty() && !none.is_empty() {
        print(&format!("{none}\n"));
    }
    for entry in entries {
        print(&format!("- {}\n", entry.as_str().unwrap_or_default()));
    }
}
