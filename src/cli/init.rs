//! `block66 init`: a configuration to begin with.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::exit::Failure;
use super::output::print;
use crate::config;
use crate::sys::files;

/// Write a commented configuration to begin with
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 init                  writes /etc/block66/block66.toml
  block66 init ./block66.toml   writes it here
  block66 init -                prints it

A box runs without a configuration, too. It then serves its page, its
certificate and the time, and gives no addresses.")]
pub(super) struct Init {
    /// Where to; `-` prints it
    #[arg(default_value = config::USUAL_PATH)]
    file: PathBuf,
    /// Replace the file that is there
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.file.as_os_str() == "-" {
            print(config::EXAMPLE);
            return Ok(());
        }
        let path = if self.file.components().count() == 1 { PathBuf::from(".").join(&self.file) } else { self.file };
        let unwritable = |why: String| Failure::Unwritable { path: path.display().to_string(), why };
        if path.exists() && !self.force {
            return Err(unwritable("it is there already, and only --force replaces it".into()));
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            // The service runs as a user of its own, whatever the umask of whoever calls.
            let made = std::fs::create_dir_all(directory)
                .and_then(|()| std::fs::set_permissions(directory, Permissions::from_mode(0o755)));
            made.map_err(|e| unwritable(e.to_string()))?;
        }
        files::replace(&path, config::EXAMPLE.as_bytes(), 0o644).map_err(|e| unwritable(e.to_string()))?;
        eprintln!("Written: {0}\nEdit it, then run: block66 check {0}", path.display());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn writes_what_check_accepts_and_replaces_only_when_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("etc/block66.toml");
        Init { file: file.clone(), force: false }.run().unwrap();
        assert!(Config::load(&file).is_ok());
        std::fs::write(&file, "name = \"mine\"").unwrap();
        assert!(matches!(Init { file: file.clone(), force: false }.run(), Err(Failure::Unwritable { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "name = \"mine\"");
        Init { file: file.clone(), force: true }.run().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), config::EXAMPLE);
    }
}
