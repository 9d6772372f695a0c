//! `block66 backup …`: everything that makes this box the one that its phones know, in one file.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, print, table};
use super::secret;
use crate::admin::types;
use crate::backup::About;
use crate::model::Secret;

/// Back this box up, and bring a backup back: after it, phones carry on with no visit to a desk
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 backup create branch.backup
        asks for a passphrase of 12 characters or more
  block66 backup inspect branch.backup
        what is in it, and whether it is whole
  block66 backup restore branch.backup --confirm
        on this box or on another one
  block66 backup restore --undo --confirm
        back to what was there before the last restore

In it: phones, lines, logins, settings, organisations, books, pictures, brand
folders, leases, the certificate authority and the keys. Not in it: events,
uploads of phones, firmware images, and the system's own address. Give the new
box the old one's address: phones look for it there.")]
pub(super) enum Backup {
    /// Write a backup
    Create {
        /// File to write; one that is there is not overwritten
        file: PathBuf,
        /// File whose first line is the passphrase; without it you are asked
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Say what is in a backup, and whether it could be restored here
    Inspect {
        /// The backup
        file: PathBuf,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Put a backup in the place of what is on this box; it starts anew at once
    Restore {
        /// The backup
        #[arg(required_unless_present = "undo")]
        file: Option<PathBuf>,
        /// The backup that was made before the last restore
        #[arg(long, conflicts_with = "file")]
        undo: bool,
        /// Do it: without this, only what would be done is said
        #[arg(long)]
        confirm: bool,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// List the backups that this box made by itself before a restore
    List,
}

impl Backup {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Create { file, passphrase_file } => {
                let passphrase = passphrase(passphrase_file.as_deref(), true)?;
                let bytes = client.post_for_bytes("backup", &json!({ "passphrase": passphrase.expose() })).await?;
                write_new(&file, &bytes)?;
                answer(&json!({ "file": file, "size": bytes.len() }));
                eprintln!(
                    "{} holds everything, in {} bytes. Keep it and its passphrase apart.",
                    file.display(),
                    bytes.len()
                );
                Ok(())
            }
            Self::Inspect { file, passphrase_file } => {
                let bytes = read(&file)?;
                let passphrase = passphrase(passphrase_file.as_deref(), false)?;
                let about: About = client.post_backup("backup/inspect", &passphrase, bytes).await?;
                print(&text(&about));
                Ok(())
            }
            Self::Restore { file, undo: _, confirm, passphrase_file } => {
                let bytes = match file {
                    Some(file) => read(&file)?,
                    None => newest_kept(client).await?,
                };
                let passphrase = passphrase(passphrase_file.as_deref(), false)?;
                let path = if confirm { "backup/restore?confirm=true" } else { "backup/restore" };
                let done: types::Restored = client.post_backup(path, &passphrase, bytes).await?;
                print(&text(&done.about));
                eprintln!(
                    "Restored: this box starts anew with it now. What was here is kept as {}; \
                     `block66 backup restore --undo --confirm` brings it back, with the passphrase of this restore.\n\
                     Phones look for the address above: give it to this box.",
                    done.undo
                );
                Ok(())
            }
            Self::List => {
                let kept: types::KeptBackups = client.get("backup/kept").await?;
                let rows: Vec<[String; 2]> =
                    kept.kept.into_iter().map(|backup| [backup.name, backup.size.to_string()]).collect();
                print(&table(["BACKUP", "BYTES"], &rows));
                Ok(())
            }
        }
    }
}

async fn newest_kept(client: &Client) -> Result<Vec<u8>, Failure> {
    let kept: types::KeptBackups = client.get("backup/kept").await?;
    let newest = kept.kept.last().ok_or_else(|| Failure::Given("This box keeps no backup of its own.".into()))?;
    Ok(client.get_bytes(&format!("backup/kept/{}", newest.name)).await?.to_vec())
}

fn text(about: &About) -> String {
    format!(
        "Backup of  {}, made {} by version {}\nAddresses  {}\nHolds      {} phones, {} organisations, {} leases\nAuthority  {}\n",
        about.name,
        about.made,
        about.version,
        about.addresses.join(", "),
        about.phones,
        about.organisations,
        about.leases,
        about.fingerprint,
    )
}

/// The passphrase from a file, or as somebody types it: twice where it is a new one.
fn passphrase(file: Option<&Path>, new: bool) -> Result<Secret, Failure> {
    let Some(file) = file else {
        let first = secret::read("Passphrase of the backup")?;
        if new && secret::is_typed() && secret::read("The same again")? != first {
            return Err(Failure::Given("These are two different passphrases: nothing was written.".into()));
        }
        return Ok(first);
    };
    let text = read(file)?;
    let text = String::from_utf8(text).map_err(|_| Failure::Given(format!("{} is no text.", file.display())))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| Failure::Unreadable { path: file.display().to_string(), why: e.to_string() })
}

pub(super) fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let unwritable = |e: std::io::Error| Failure::Unwritable { path: file.display().to_string(), why: e.to_string() };
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(file).map_err(unwritable)?;
    opened.write_all(bytes).and_then(|()| opened.sync_all()).map_err(|error| {
        // A part of it would look like the whole.
        let _ = std::fs::remove_file(file);
        unwritable(error)
    })
}
