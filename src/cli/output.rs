//! What commands print: tables for people, or one JSON document for programs.
//!
//! With `--json` a command prints the last answer that it got of the box, as the API gave it; the few that put several
//! answers together, or ask nobody, say what they found with [`answer`]. No command prints for both.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::Serialize;
use serde_json::Value;

pub(crate) use crate::sys::percent::encode;

/// What a command has to say to a program: nothing is printed for people then. Set once, before the command runs.
static ANSWER: OnceLock<Mutex<Option<Value>>> = OnceLock::new();

/// Whether standard output took less than it was given, otherwise than because its reader has seen enough.
static CUT_OFF: AtomicBool = AtomicBool::new(false);

/// From now on the last answer of the box is printed as one JSON document, in the place of what is for people.
pub(super) fn print_for_programs() {
    ANSWER.get_or_init(Mutex::default);
}

/// Whether a program reads what is printed.
pub(crate) fn is_for_programs() -> bool {
    ANSWER.get().is_some()
}

/// Says this to a program, in the place of the last answer of the box.
pub(crate) fn answer(value: &impl Serialize) {
    if let Some(answer) = ANSWER.get() {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::to_value(value).ok();
    }
}

/// Keeps an answer of the box for a program, word for word as far as JSON goes.
pub(super) fn keep(bytes: &[u8]) {
    if let Some(answer) = ANSWER.get() {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::from_slice(bytes).ok();
    }
}

/// Says nothing to a program: bytes were written that are what it asked for.
pub(crate) fn no_answer() {
    if let Some(answer) = ANSWER.get() {
        *answer.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Prints what a command has to say to a program.
pub(super) fn finish() {
    let Some(answer) = ANSWER.get() else { return };
    if let Some(value) = &*answer.lock().unwrap_or_else(PoisonError::into_inner) {
        write_out(&format!("{value:#}\n"));
    }
}

/// Writes to standard output for people.
pub(crate) fn print(text: &str) {
    if !is_for_programs() {
        write_out(text);
    }
}

/// Writes a value as JSON that people can read, too: a document that is taken back by another command.
pub(crate) fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(&(text + "\n")),
        Err(error) => eprintln!("the answer cannot be written as JSON: {error}"),
    }
}

/// Writes to standard output. A reader that has seen enough, as `head`, is no failure.
pub(crate) fn write_out(text: &str) {
    let _ = write_on(text);
}

/// The same, for what goes on until nobody reads it any more.
pub(super) fn write_on(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).inspect_err(|error| {
        if error.kind() != io::ErrorKind::BrokenPipe && !CUT_OFF.swap(true, Ordering::Relaxed) {
            eprintln!("standard output: {error}");
        }
    })
}

/// Whether something that was to be printed was not.
pub(super) fn is_cut_off() -> bool {
    CUT_OFF.load(Ordering::Relaxed)
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
