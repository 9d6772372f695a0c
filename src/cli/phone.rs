//! `block66 phones …` about one phone: what is said of it, its files, and its device.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, encode, print, table, time};
use super::phones::read;
use crate::admin::{PhoneEdit, types};
use crate::model::Mac;

/// One phone of the list
#[derive(Debug, clap::Subcommand)]
pub(super) enum Phone {
    /// Change what is said of a phone
    #[command(after_help = "Examples:
  block66 phones edit 805ec0123456 --name Hall --group Sales
  block66 phones edit 805ec0123456 --group \"\"
        takes it out of its group
  block66 phones edit 805ec0123456 --lines lines.json
        [{\"user\": \"201\", \"server\": …}]; a line without a password keeps the one
        that it has")]
    Edit {
        /// Its MAC address
        mac: Mac,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Organisation that it is to belong to
        #[arg(long)]
        organisation: Option<String>,
        /// Group that it is put into; an empty text takes it out
        #[arg(long)]
        group: Option<String>,
        /// Folder name of its brand
        #[arg(long)]
        brand: Option<String>,
        /// Its model
        #[arg(long)]
        model: Option<String>,
        /// All of its lines, from a JSON file; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        lines: Option<PathBuf>,
        /// All of its cordless handsets, from a JSON file
        #[arg(long, value_name = "FILE")]
        handsets: Option<PathBuf>,
        /// All of its analogue ports, from a JSON file
        #[arg(long, value_name = "FILE")]
        ports: Option<PathBuf>,
    },
    /// List the files that a phone asks for, and what it sent up
    Files {
        /// Its MAC address
        mac: Mac,
    },
    /// Show a phone's files as it would get them, with its secrets masked
    #[command(after_help = "Examples:
  block66 phones render 805ec0123456
        each of its own files
  block66 phones render 805ec0123456 --file 805ec0123456.cfg
        one of them
  block66 phones render 805ec0123456 --content pointer
        as it is before the phone has logged in")]
    Render {
        /// Its MAC address
        mac: Mac,
        /// Only this file
        #[arg(long)]
        file: Option<String>,
        /// How much stands in it: pointer, first-contact, settings or full
        #[arg(long, default_value = "full")]
        content: String,
    },
    /// Write a file that a phone sent up to standard output
    Upload {
        /// Its MAC address
        mac: Mac,
        /// Name of the file
        file: String,
    },
    /// Show a password of a phone's own menus; that it was shown is on record
    Reveal {
        /// Its MAC address
        mac: Mac,
        /// The user's in place of the administrator's
        #[arg(long)]
        user: bool,
    },
    /// Put another device in a phone's place: it gets its lines, keys, books and history
    Replace {
        /// The MAC address of the old device, or the made-up one of an entry that waits for its device
        mac: Mac,
        /// The MAC address of the new device
        by: Mac,
        /// Its brand, where that is another and does not show
        #[arg(long)]
        brand: Option<String>,
        /// Its model, where that is another
        #[arg(long)]
        model: Option<String>,
        /// Store nothing, only tell what does not fit
        #[arg(long)]
        dry_run: bool,
    },
    /// Let a phone go: its next file holds nothing of this box
    Release {
        /// Its MAC address
        mac: Mac,
        /// Keep it after all
        #[arg(long)]
        undo: bool,
    },
}

impl Phone {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Edit { mac, name, organisation, group, brand, model, lines, handsets, ports } => {
                let edit = PhoneEdit {
                    name,
                    organisation,
                    group,
                    brand,
                    model,
                    lines: from_file(lines)?,
                    handsets: from_file(handsets)?,
                    ports: from_file(ports)?,
                };
                let phone: types::Phone = client.patch(&format!("phones/{}", mac.plain()), &edit).await?;
                eprintln!("{} {} is changed.", phone.mac, phone.name);
                Ok(())
            }
            Self::Files { mac } => {
                let files: types::Files = client.get(&format!("phones/{}/files", mac.plain())).await?;
                print(&listed(&files));
                Ok(())
            }
            Self::Render { mac, file, content } => render(client, mac, file, &content).await,
            Self::Upload { mac, file } => {
                let bytes = client.get_bytes(&format!("phones/{}/uploads/{}", mac.plain(), name(&file))).await?;
                let mut out = io::stdout().lock();
                let unwritable =
                    |e: io::Error| Failure::Unwritable { path: "standard output".into(), why: e.to_string() };
                out.write_all(&bytes).and_then(|()| out.flush()).map_err(unwritable)
            }
            Self::Reveal { mac, user } => {
                let whose = if user { "user" } else { "admin" };
                let path = format!("phones/{}/reveal", mac.plain());
                let login: types::Login = client.post(&path, &json!({ "whose": whose })).await?;
                print(&format!("User      {}\nPassword  {}\n", login.user, login.password));
                Ok(())
            }
            Self::Replace { mac, by, brand, model, dry_run } => {
                let path = format!("phones/{}/replace", mac.plain());
                let wanted = json!({ "mac": by, "brand": brand, "model": model, "dry_run": dry_run });
                let done: types::Replaced = client.post(&path, &wanted).await?;
                for unfit in &done.unfit {
                    print(&format!("Does not fit: {unfit}.\n"));
                }
                let tense = if dry_run { "would take" } else { "takes" };
                eprintln!("{by} {tense} the place of {mac} {}.", done.phone.name);
                Ok(())
            }
            Self::Release { mac, undo } => {
                let path = format!("phones/{}/release", mac.plain());
                let phone: types::Phone =
                    if undo { client.delete(&path).await? } else { client.post(&path, &()).await? };
                if undo {
                    eprintln!("{mac} {} stays.", phone.name);
                } else {
                    eprintln!(
                        "{mac} {} is let go: when it fetches its file next, nothing of this box is left in it. Take it off \
                         the list then, or leave it unplugged here: DHCP would lead it back.",
                        phone.name
                    );
                }
                Ok(())
            }
        }
    }
}

fn from_file<T: serde::de::DeserializeOwned>(file: Option<PathBuf>) -> Result<Option<T>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let read = serde_json::from_slice(&read(&file)?);
    read.map(Some).map_err(|e| Failure::Given(format!("{}: {e}", file.display())))
}

/// A file's name as a path takes it.
fn name(file: &str) -> String {
    file.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn listed(files: &types::Files) -> String {
    let row = |file: &types::File| {
        let says = match (&file.fault, file.made) {
            (Some(fault), _) => format!("cannot be made: {fault}"),
            (None, true) if file.secret => "made, with secrets".into(),
            (None, true) => "made".into(),
            (None, false) => String::new(),
        };
        [file.name.clone(), file.kind.clone(), says]
    };
    let rows: Vec<[String; 3]> = files.files.iter().map(row).collect();
    let mut said = table(["FILE", "KIND", "IS"], &rows);
    if !files.uploads.is_empty() {
        let row = |upload: &types::Upload| [upload.name.clone(), upload.size.to_string(), time(&upload.at)];
        let rows: Vec<[String; 3]> = files.uploads.iter().map(row).collect();
        said += &format!("\n{}", table(["SENT UP", "BYTES", "WHEN (UTC)"], &rows));
    }
    said
}

async fn render(client: &Client, mac: Mac, file: Option<String>, content: &str) -> Result<(), Failure> {
    let of = |file: &str| format!("phones/{}/files/{}?content={}", mac.plain(), name(file), encode(content));
    if let Some(file) = file {
        let preview: types::Preview = client.get(&of(&file)).await?;
        print(&preview.text);
        return preview
            .fault
            .map_or(Ok(()), |fault| Err(Failure::Given(format!("The phone does not get it: {fault}."))));
    }
    let files: types::Files = client.get(&format!("phones/{}/files", mac.plain())).await?;
    let own = files.files.into_iter().filter(|file| file.made && file.kind == "own");
    let (mut made, mut withheld) = (Vec::new(), Vec::new());
    for file in own {
        match client.get::<types::Preview>(&of(&file.name)).await {
            Ok(preview) => {
                print(&format!("==> {} ({})\n{}\n", file.name, preview.content_type, preview.text));
                withheld.extend(preview.fault.iter().map(|fault| format!("{}: {fault}", file.name)));
                made.push(json!(preview));
            }
            Err(super::client::Error::Refused(problem)) => {
                print(&format!("==> {}: {}\n\n", file.name, problem.detail));
                withheld.push(format!("{}: {}", file.name, problem.detail.trim_end_matches('.')));
                made.push(json!({ "name": file.name, "fault": problem.detail }));
            }
            Err(error) => return Err(error.into()),
        }
    }
    answer(&json!({ "files": made }));
    match withheld.is_empty() {
        true => Ok(()),
        false => Err(Failure::NotDone(format!("The phone does not get {}.", withheld.join("; ")))),
    }
}
