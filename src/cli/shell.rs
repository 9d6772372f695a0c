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
        let mut command = command.disable_help_subcommand(true);
        command.build();
        self.write(&command)?;
        eprintln!("The pages are in {}.", self.directory.display());
        Ok(())
    }

    /// Writes the page of a command, and those of the commands below it.
    fn write(&self, command: &clap::Command) -> Result<(), Failure> {
        let man = clap_mangen::Man::new(command.clone());
        let man = man.source(concat!("block66 ", env!("CARGO_PKG_VERSION"))).manual("Block66");
        let path = self.directory.join(man.get_filename());
        let written = page(&man).and_then(|page| std::fs::write(&path, page));
        written.map_err(|e| Failure::Unwritable { path: path.display().to_string(), why: e.to_string() })?;
        command.get_subcommands().filter(|next| !next.is_hide_set()).try_for_each(|next| self.write(next))
    }
}

/// A page as `man` reads it. Examples keep their lines: without that they are filled as a paragraph is.
fn page(man: &clap_mangen::Man) -> std::io::Result<String> {
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = String::from_utf8_lossy(&page);
    let Some((before, after)) = page.split_once("\n.SH EXTRA\n") else { return Ok(page.into_owned()) };
    let after = after.replacen("\n.SH VERSION", "\n.fi\n.SH VERSION", 1);
    Ok(format!("{before}\n.SH EXAMPLES AND NOTES\n.in 0\n.nf\n{after}"))
}
