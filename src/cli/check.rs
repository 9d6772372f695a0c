//! `block66 check`: whether a configuration makes sense.

use std::path::PathBuf;

use super::exit::Failure;
use super::output::{answer, print};
use crate::config::{self, Config};

/// Check a configuration, without touching the running box
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 check                  /etc/block66/block66.toml
  block66 check ./block66.toml   this file")]
pub(super) struct Check {
    /// The configuration
    #[arg(default_value = config::USUAL_PATH)]
    file: PathBuf,
}

impl Check {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (_, warnings) = Config::load(&self.file)?;
        for warning in &warnings {
            eprintln!("{}: {warning}", self.file.display());
        }
        print(&format!("{}: in order\n", self.file.display()));
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        answer(&serde_json::json!({ "file": self.file, "warnings": warnings }));
        Ok(())
    }
}
