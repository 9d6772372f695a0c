//! docs/templates.md lists every name that a template may use, and no other.

use std::fmt::Write;
use std::path::PathBuf;

use block66::brands::{Format, chapters};

const BEGIN: &str = "<!-- names: begin -->\n";
const END: &str = "<!-- names: end -->\n";

fn tables() -> String {
    let mut text = String::new();
    for (title, entries) in chapters() {
        let _ = write!(text, "\n### {title}\n\n| Name | Holds | Means | Example | Where there is nothing |\n");
        text.push_str("|---|---|---|---|---|\n");
        for entry in entries {
            let cell = |text: &str| text.replace('|', "\\|");
            let example = if entry.example.is_empty() { String::new() } else { format!("`{}`", cell(&entry.example)) };
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {example} | {} |",
                entry.name, entry.kind, entry.meaning, entry.absent
            );
        }
    }
    text
}

#[test]
fn the_reference_lists_every_name() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let written = std::fs::read_to_string(&path).expect("docs/templates.md");
    let (before, rest) = written.split_once(BEGIN).expect("where the names begin");
    let (names, after) = rest.split_once(END).expect("where the names end");
    if names != tables() {
        // What it must be is left where it can be taken from.
        let right = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("templates.md");
        std::fs::write(&right, format!("{before}{BEGIN}{}{END}{after}", tables())).expect("a place for it");
        panic!("docs/templates.md is not what the program knows: {} is", right.display());
    }
    for format in Format::ALL {
        assert!(written.contains(&format!("| `{}` |", format.name())), "{} is not described", format.name());
    }
    for word in ["setting", "write_overrides", "flag", "quoted", "percent_of"] {
        assert!(written.contains(&format!("`{word}(")) || written.contains(&format!("| {word}")), "{word}");
    }
}
