//! `block66 steward` and `block66 preset`: what the image's units run as root.

use std::path::PathBuf;
use std::process::ExitCode;

use super::exit::{self, Failure};
use crate::steward::{self, Ground, preset};

/// Answer one request on standard input, as root; the service manager starts it
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Steward {}

impl Steward {
    pub(super) fn run(self) -> ExitCode {
        match steward::serve(&Ground::of_the_box()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the request broke off: {error}");
                exit::software()
            }
        }
    }
}

/// Take over the settings of a block66-setup.toml, as the appliance does when it starts
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  block66 preset /media/usb/block66-setup.toml --keep")]
pub(super) struct Preset {
    /// The file
    file: PathBuf,
    /// Leave the file where it is instead of erasing it
    #[arg(long)]
    keep: bool,
    /// Below which the files of the box are
    #[arg(long, default_value = "/", value_name = "DIRECTORY")]
    root: PathBuf,
}

impl Preset {
    pub(super) fn run(self) -> Result<(), Failure> {
        preset::take_over(&self.file, &self.root, self.keep).map_err(|refusal| Failure::Given(refusal.says))?;
        eprintln!("The settings of {} are taken over.", self.file.display());
        Ok(())
    }
}
