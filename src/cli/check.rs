//! `block66 check`: whether a configuration makes sense.

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit;
use super::output::print;
use crate::config::{self, Config};

/// Check a configuration, without touching the running box
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The configuration
    #[arg(default_value = config::USUAL_PATH)]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> ExitCode {
        match Config::load(&self.file) {
            Ok((_, warnings)) => {
                for warning in &warnings {
                    eprintln!("{}: {warning}", self.file.display());
                }
                print(&format!("{}: in order\n", self.file.display()));
                ExitCode::SUCCESS
            }
            Err(error) => exit::config(&error),
        }
    }
}
