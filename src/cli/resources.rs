//! `block66 resources`: pictures, sounds and XML that phones fetch.

use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table};
use super::phones::read;
use crate::admin::types;

/// Pictures, sounds and XML that phones fetch
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 resources put ringtone bell.wav
  block66 resources list
  block66 resources remove bell.wav")]
pub(super) enum Resources {
    /// List the pictures, sounds and XML
    List,
    /// Give a file to the box, in place of one of that name; it is checked to be what it claims to be
    #[command(after_help = "Examples:
  block66 resources put wallpaper branch.png
  block66 settings set --organisation Branch screen.wallpaper=branch.png")]
    Put {
        /// What phones do with it: wallpaper, ringtone or xml
        #[arg(value_parser = ["wallpaper", "ringtone", "xml"])]
        kind: String,
        /// The file
        file: PathBuf,
        /// Name as phones ask for it [default: that of the file]
        #[arg(long)]
        name: Option<String>,
        /// Organisation whose phones may fetch it
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Remove a file
    Remove {
        /// Its name or id
        resource: String,
    },
}

impl Resources {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Resources = client.get("resources").await?;
                let row =
                    |found: types::Resource| [found.name, found.kind, found.organisation.name, found.size.to_string()];
                let rows: Vec<[String; 4]> = found.resources.into_iter().map(row).collect();
                print(&table(["NAME", "KIND", "ORGANISATION", "BYTES"], &rows));
            }
            Self::Put { kind, file, name, organisation } => {
                let own = || file.file_name().map(|name| name.to_string_lossy().into_owned());
                let name = name.or_else(own).unwrap_or_default();
                let mut path = format!("resources?kind={kind}&name={}", encode(&name));
                if let Some(organisation) = organisation {
                    path += &format!("&organisation={}", encode(&organisation));
                }
                let kept: types::Resource = client.put_bytes(&path, read(&file)?).await?;
                eprintln!("The {} {} is kept for phones of {}.", kept.kind, kept.name, kept.organisation.name);
            }
            Self::Remove { resource } => {
                let gone: types::Resource = client.delete(&format!("resources/{}", encode(&resource))).await?;
                eprintln!("The {} {} is removed.", gone.kind, gone.name);
            }
        }
        Ok(())
    }
}
