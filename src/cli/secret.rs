//! Reading a password without leaving it in the shell's history or in the list of processes.

use std::io::{self, BufRead, IsTerminal, Read, Stdin, Write};

use nix::sys::signal::{self, Signal};
use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices, Termios};

use super::exit::Failure;
use crate::model::Secret;

/// What Ctrl-C sends.
const CTRL_C: u8 = 3;

/// Reads one line: from the terminal, unseen, after `prompt`; else the first line of standard input.
pub(crate) fn read(prompt: &str) -> Result<Secret, Failure> {
    let stdin = io::stdin();
    let unreadable = |e: io::Error| Failure::Unreadable { path: "standard input".into(), why: e.to_string() };
    if !stdin.is_terminal() {
        let mut line = String::new();
        stdin.lock().read_line(&mut line).map_err(unreadable)?;
        return Ok(Secret::new(line.trim_end_matches(['\n', '\r'])));
    }
    let unseen = Unseen::of(&stdin);
    let warning = if unseen.is_err() { "(it will be seen) " } else { "" };
    eprint!("{prompt}: {warning}");
    let _ = io::stderr().flush();
    let line = typed(&stdin);
    if unseen.is_ok() {
        eprintln!();
    }
    drop(unseen);
    let line = line.map_err(unreadable)?;
    if line.ends_with(char::from(CTRL_C)) {
        let _ = signal::raise(Signal::SIGINT);
    }
    Ok(Secret::new(line.trim_end_matches('\n')))
}

/// What is typed up to the end of the line, which Ctrl-C is, too.
fn typed(terminal: &Stdin) -> io::Result<String> {
    let mut line = Vec::new();
    for byte in terminal.lock().bytes() {
        line.push(byte?);
        if let Some(b'\n' | &CTRL_C) = line.last() {
            break;
        }
    }
    String::from_utf8(line).map_err(io::Error::other)
}

/// Whether somebody types what is read.
pub(super) fn is_typed() -> bool {
    io::stdin().is_terminal()
}

/// A terminal that does not show what is typed. It does as before when this is dropped; so that Ctrl-C cannot end the
/// program before that, it ends the line.
struct Unseen<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Unseen<'a> {
    fn of(terminal: &'a Stdin) -> nix::Result<Self> {
        let before = termios::tcgetattr(terminal)?;
        let mut unseen = before.clone();
        unseen.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        let end_of_line = unseen.control_chars.get_mut(SpecialCharacterIndices::VEOL as usize);
        *end_of_line.ok_or(nix::Error::EINVAL)? = CTRL_C;
        termios::tcsetattr(terminal, SetArg::TCSANOW, &unseen)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unseen<'_> {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(self.terminal, SetArg::TCSANOW, &self.before);
    }
}
