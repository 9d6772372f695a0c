//! What commands print: tables for people, JSON for programs.

use std::io::{self, Write};

use serde::Serialize;

/// Writes to standard output. A reader that has seen enough, as `head`, is no failure.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("standard output: {error}");
    }
}

/// Writes a value as JSON that people can read, too.
pub(crate) fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(text + "\n")),
        Err(error) => eprintln!("the answer cannot be written as JSON: {error}"),
    }
}

/// Rows under headings, each column as wide as its widest cell. The last column is not padded.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = headings.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(headings)).chain(body).collect()
}

/// Text as a path or query takes it.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A time of the API, shorter: `2026-11-21 14:03:07`.
pub(crate) fn time(rfc3339: &str) -> String {
    rfc3339.trim_end_matches('Z').replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let text =
            table(["NAME", "STATE"], &[["Küche".into(), "ok".into()], ["Reception".into(), "on its way".into()]]);
        assert_eq!(text, "NAME       STATE\nKüche      ok\nReception  on its way\n");
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encode("Meeting room & Küche"), "Meeting%20room%20%26%20K%C3%BCche");
    }
}
