//! `block66 completions` and `block66 man`: what shells and readers get of the command line's own definition.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use super::exit::Failure;
use super::output::write_out;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 completions bash > /usr/share/bash-completion/completions/block66
  block66 completions zsh > /usr/share/zsh/vendor-completions/_block66
  block66 completions fish > /usr/share/fish/vendor_completions.d/block66.fish")]
pub(super) struct Completions {
    /// bash, zsh or fish
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

impl Completions {
    pub(super) fn run(&self, mut command: clap::Command) -> Result<(), Failure> {
        let shell = match self.shell.as_str() {
            "zsh" => Shell::Zsh,
            "fish" => Shell::Fish,
            _ => Shell::Bash,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut command, "block66", &mut script);
        write_out(&String::from_utf8_lossy(&script));
        Ok(())
    }
}

/// Write the manual pages, one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 man /usr/local/share/man/man1 && man block66")]
pub(super) struct Man {
    /// Directory to write them to; made when it is not there
    directory: PathBuf,
}

impl Man {
    pub(super) fn run(&self, command: clap::Command) -> Result<(), Failure> {
        let unwritable = |path: &Path, e: std::io::Error| Failure::Unwritable {
            path: path.display().to_string(),
            why: e.to_string(),
        };
        std::fs::create_dir_all(&self.directory).map_err(|e| unwritable(&self.directory, e))?;
        clap_mangen::generate_to(command.disable_help_subcommand(true), &self.directory)
            .map_err(|e| unwritable(&self.directory, e))?;
        eprintln!("The pages are in {}.", self.directory.display());
        Ok(())
    }
}
