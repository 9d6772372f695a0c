//! Exit codes, as `sysexits.h` has them.

use std::process::ExitCode;

use super::client;
use super::output::is_for_programs;
use crate::config;

/// The command line makes no sense.
pub(super) const USAGE: u8 = 64;
/// What was given cannot be taken as it is.
const DATA: u8 = 65;
/// A file that is to be read is not there, or may not be read.
const NO_INPUT: u8 = 66;
/// No box runs here.
const UNAVAILABLE: u8 = 69;
/// The program itself failed.
const SOFTWARE: u8 = 70;
/// A file cannot be made.
const CANNOT_CREATE: u8 = 73;
/// The caller may not.
const NOT_PERMITTED: u8 = 77;
/// The configuration makes no sense.
const CONFIG: u8 = 78;

/// Says that the configuration cannot be used, and why.
pub(super) fn config(error: &config::Error) -> ExitCode {
    eprintln!("{error}{}", after(error));
    CONFIG.into()
}

/// What to do next about a configuration that is not there; what is wrong in one says so itself.
fn after(error: &config::Error) -> &'static str {
    match error {
        config::Error::Unreadable { .. } => {
            "\nLet this user read it, name another file, or write one to begin with: block66 init"
        }
        _ => "",
    }
}

/// What was to be printed could not be; it was said why.
pub(super) fn cut_off() -> ExitCode {
    CANNOT_CREATE.into()
}

/// The program itself failed; the caller has said how.
pub(super) fn software() -> ExitCode {
    SOFTWARE.into()
}

/// The caller may not; it was said what.
pub(super) fn not_permitted() -> ExitCode {
    NOT_PERMITTED.into()
}

/// Says to a program what is wrong with its command line.
pub(super) fn usage(what: &str) -> ExitCode {
    tell("usage", what);
    USAGE.into()
}

/// Problem details (RFC 9457) of what went wrong here and not in the box.
fn tell(code: &str, detail: &str) {
    let problem =
        serde_json::json!({ "type": "about:blank", "title": "Not done", "code": code, "detail": detail.trim() });
    eprintln!("{problem:#}");
}

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Asking the box failed, or the box refused.
    #[error(transparent)]
    Box(#[from] client::Error),
    /// A file cannot be read.
    #[error("{path} cannot be read: {why}.\nLook whether its name is right, and who may read it.")]
    Unreadable { path: String, why: String },
    /// A file cannot be made.
    #[error("{path} cannot be made: {why}.\nName another file, or a directory that you may write to.")]
    Unwritable { path: String, why: String },
    /// The box did what it was told, and it led to nothing.
    #[error("{0}")]
    NotDone(String),
    /// What was given cannot be taken.
    #[error("{0}")]
    Given(String),
    /// This machine has nothing of the kind.
    #[error("{0}")]
    NotHere(String),
    /// A configuration makes no sense.
    #[error(transparent)]
    Configuration(#[from] config::Error),
}

impl Failure {
    /// Says what went wrong.
    pub(super) fn report(&self) -> ExitCode {
        if is_for_programs() {
            self.tell();
        } else {
            let after = if let Self::Configuration(error) = self { after(error) } else { "" };
            eprintln!("{self}{after}");
        }
        let code = match self {
            Self::Box(client::Error::NotRunning { .. }) | Self::NotHere(_) => UNAVAILABLE,
            Self::Box(client::Error::NotPermitted { .. }) => NOT_PERMITTED,
            Self::Box(client::Error::Refused(problem)) => match problem.status {
                400 | 413 | 415 | 422 => DATA,
                403 => NOT_PERMITTED,
                500.. => SOFTWARE,
                _ => 1,
            },
            Self::NotDone(_) => 1,
            Self::Box(client::Error::Broken { .. }) => SOFTWARE,
            Self::Unreadable { .. } => NO_INPUT,
            Self::Given(_) => DATA,
            Self::Unwritable { .. } => CANNOT_CREATE,
            Self::Configuration(_) => CONFIG,
        };
        code.into()
    }

    /// Says it as problem details: the box's own, where it refused.
    fn tell(&self) {
        let code = match self {
            Self::Box(client::Error::Refused(problem)) => match serde_json::to_string_pretty(problem) {
                Ok(text) => return eprintln!("{text}"),
                Err(_) => "refused",
            },
            Self::Box(client::Error::NotRunning { .. }) => "no-box",
            Self::Box(client::Error::NotPermitted { .. }) => "not-permitted",
            Self::Box(client::Error::Broken { .. }) => "broke-off",
            Self::Unreadable { .. } => "unreadable",
            Self::Unwritable { .. } => "unwritable",
            Self::NotDone(_) => "not-done",
            Self::Given(_) => "given",
            Self::NotHere(_) => "not-here",
            Self::Configuration(_) => "configuration",
        };
        tell(code, &self.to_string());
    }
}
