//! Reading a password without leaving it in the shell's history or in the list of processes.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::{Command, Stdio};

use super::exit::Failure;
use crate::model::Secret;

/// Reads one line: from the terminal, unseen, after `prompt`; else the first line of standard input.
pub(crate) fn read(prompt: &str) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let unreadable = |e: io::Error| Failure::Unreadable { path: "standard input".into(), why: e.to_string() };
    let mut line = String::new();
    if stdin.is_terminal() {
        eprint!("{prompt}: ");
        let _ = io::stderr().flush();
        let hidden = echo(false);
        if !hidden {
            eprint!("(it will be seen) ");
        }
        let read = stdin.lock().read_line(&mut line);
        if hidden {
            echo(true);
            eprintln!();
        }
        read.map_err(unreadable)?;
    } else {
        stdin.lock().read_line(&mut line).map_err(unreadable)?;
    }
    Ok(Secret::new(line.trim_end_matches(['\n', '\r'])))
}

/// Whether somebody types what is read.
pub(super) fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// Whether the terminal shows what is typed, by its own program. Whether that worked.
fn echo(on: bool) -> bool {
    let mode = if on { "echo" } else { "-echo" };
    let ran = Command::new("stty").arg(mode).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}
