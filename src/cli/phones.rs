//! `block66 phones`: the list of phones.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client::Client;
use super::enlist::{self, Add};
use super::exit::Failure;
use super::history::Past;
use super::output::{answer, encode, is_for_programs, print, print_json, table, time};
use super::phone::Phone;
use crate::admin::{Action, Standing, types};
use crate::model::Mac;
use crate::sip::Telling;

/// Rows that are asked for at a time.
const ROWS: usize = 500;

/// The list of phones
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 phones list --state attention
  block66 phones show 80:5e:c0:12:34:56
  block66 phones resync 805ec0123456                   fetch the files again
  block66 phones reboot 805ec0123456
  block66 phones files 805ec0123456                    what it asks for
  block66 phones upload 805ec0123456 805ec0123456-local.cfg > local.cfg
  block66 phones reveal 805ec0123456                   the menu's password
  block66 phones replace 805ec0123456 805ec0abcdef     a new device on the desk
  block66 phones release 805ec0123456                  before it leaves us
  block66 phones timeline 805ec0123456 --limit 200
  block66 phones undo 805ec0123456 7                   takes change 7 back
  block66 phones start-over 805ec0123456               after a factory reset
  block66 phones export > phones.json
  block66 phones remove 805ec0123456")]
pub(super) enum Phones {
    /// Put a phone on the list
    #[command(after_help = "Examples:
  block66 phones add 80:5e:c0:12:34:56 --name Reception --user 201 \\
      --server pbx.example.net
        asks for the SIP password
  pass show pbx/201 | block66 phones add 805ec0123456 --user 201 \\
      --server pbx.example.net
        reads it from standard input
  block66 phones add --from phone.json
        takes all of it from a file, as `phones remove` printed it")]
    Add(Box<Add>),
    /// List the phones
    #[command(after_help = "Examples:
  block66 phones list --state attention
        those that need you
  block66 phones list --find \"meeting 2\"
        by name, MAC, extension, model or address")]
    List {
        /// Only those that match all of these words
        #[arg(long, value_name = "WORDS")]
        find: Option<String>,
        /// Only those that stand so: attention, on-the-way, not-seen or in-service
        #[arg(long, value_name = "STATE", value_parser = standing)]
        state: Option<Standing>,
    },
    /// Show one phone: how it stands, its lines, and what happened to it
    #[command(after_help = "Example:
  block66 phones show 80:5e:c0:12:34:56")]
    Show {
        /// Its MAC address
        mac: Mac,
    },
    /// Import a list of phones (CSV or JSON): all of it or nothing
    #[command(after_help = "The first row names the columns: mac, name, extension (or user), password (or
secret), server … A phone with several lines has several rows. Phones that are
on the list already are changed. Lines without a MAC wait for their devices;
where a phone has such a line already, that line is changed and no other.
Exports of FusionPBX, FreePBX and wazo-provd are read as they are.

Examples:
  block66 phones import phones.csv --dry-run
        only tell what would happen
  block66 phones import phones.csv --server pbx.example.net
        for lists without that column")]
    Import {
        /// The list; `-` reads standard input
        file: PathBuf,
        /// Store nothing, only tell what would happen
        #[arg(long)]
        dry_run: bool,
        /// SIP server, where the list names none
        #[arg(long)]
        server: Option<String>,
        /// Organisation, where the list names none
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Print the list as JSON, as `import` takes it
    #[command(after_help = "Without passwords, phones that are on the list keep theirs when it is imported
again. That passwords were written is on record.")]
    Export {
        /// Only phones of this organisation
        #[arg(long)]
        organisation: Option<String>,
        /// With passwords, and the values of raw settings
        #[arg(long)]
        passwords: bool,
    },
    /// Take a phone off the list, and print what it was
    #[command(after_help = "What is printed can be given to `phones add --from`, once its passwords and the
values of its raw settings are filled in, which the box does not tell here:
they are empty or null. Its login, its history and what it sent up are gone.")]
    Remove {
        /// Its MAC address, whole
        mac: Mac,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Have a phone fetch its files again, and see whether it does
    Resync {
        /// Its MAC address
        mac: Mac,
        /// Do not wait for what comes of it
        #[arg(long)]
        no_wait: bool,
    },
    /// Have a phone restart, and see whether it comes back
    Reboot {
        /// Its MAC address
        mac: Mac,
        /// Do not wait for what comes of it
        #[arg(long)]
        no_wait: bool,
    },
    #[command(flatten)]
    One(Phone),
    #[command(flatten)]
    Past(Past),
    /// Let a phone start over, as after a factory reset: it gets a new login when it asks next
    StartOver {
        /// Its MAC address
        mac: Mac,
    },
}

fn standing(key: &str) -> Result<Standing, String> {
    Standing::from_key(key).ok_or_else(|| "the states are attention, on-the-way, not-seen and in-service".into())
}

impl Phones {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(client).await,
            Self::List { find, state } => list(client, find.as_deref(), state).await,
            Self::Show { mac } => {
                let phone: types::Phone = client.get(&format!("phones/{}", mac.plain())).await?;
                print(&shown(&phone));
                Ok(())
            }
            Self::Import { file, dry_run, server, organisation } => {
                let mut path = format!("phones/import?dry-run={dry_run}");
                for (name, value) in [("server", server), ("organisation", organisation)] {
                    if let Some(value) = value {
                        path += &format!("&{name}={}", encode(&value));
                    }
                }
                let done: types::Import = client.post_csv(&path, read(&file)?).await?;
                print(&imported(&done));
                Ok(())
            }
            Self::Export { organisation, passwords } => {
                let mut path = format!("phones/export?passwords={passwords}");
                if let Some(organisation) = organisation {
                    path += &format!("&organisation={}", encode(&organisation));
                }
                let list: types::Export = client.get(&path).await?;
                print_json(&list);
                Ok(())
            }
            Self::One(phone) => phone.run(client).await,
            Self::Past(past) => past.run(client).await,
            Self::Remove { mac, yes } => enlist::remove(client, mac, yes).await,
            Self::Resync { mac, no_wait } => tell(client, mac, "resync", no_wait).await,
            Self::Reboot { mac, no_wait } => tell(client, mac, "reboot", no_wait).await,
            Self::StartOver { mac } => {
                let phone: types::Phone = client.post(&format!("phones/{}/first-contact", mac.plain()), &()).await?;
                print(&format!("{} {}: {}\n", phone.mac, phone.name, phone.first_contact.says));
                Ok(())
            }
        }
    }
}

async fn list(client: &Client, find: Option<&str>, state: Option<Standing>) -> Result<(), Failure> {
    let mut all: Vec<types::Phone> = Vec::new();
    let mut matching;
    loop {
        let path = format!(
            "phones?limit={ROWS}&offset={}&q={}&state={}",
            all.len(),
            encode(find.unwrap_or_default()),
            state.map_or("", Standing::key)
        );
        let page: types::Phones = client.get(&path).await?;
        let last = page.phones.is_empty();
        matching = page.matching;
        all.extend(page.phones);
        if last || all.len() >= matching {
            break;
        }
    }
    if is_for_programs() {
        answer(&types::Phones { phones: all, matching, offset: 0, next: None });
        return Ok(());
    }
    if all.is_empty() {
        eprintln!(
            "No phone is on the list{}.",
            if find.is_some() || state.is_some() { " that matches" } else { " yet" }
        );
        return Ok(());
    }
    let rows: Vec<[String; 6]> = all
        .iter()
        .map(|phone| {
            let lines: Vec<&str> = phone.lines.iter().map(|line| line.user.as_str()).collect();
            [
                phone.mac.to_string(),
                phone.name.clone(),
                lines.join(","),
                phone.address.clone().unwrap_or_else(|| "-".into()),
                phone.standing.word().into(),
                phone.says.clone(),
            ]
        })
        .collect();
    print(&table(["MAC", "NAME", "LINES", "ADDRESS", "STANDING", "WHY"], &rows));
    Ok(())
}

fn shown(phone: &types::Phone) -> String {
    let mut text = format!("{}  {}\n{}: {}\n", phone.mac, phone.name, phone.standing.word(), phone.says);
    if let Some(advice) = &phone.advice {
        text += &format!("→ {advice}\n");
    }
    if phone.start_over {
        text += &format!("  block66 phones start-over {}\n", phone.mac);
    }
    let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
    text += &format!(
        "\nOrganisation   {}\nModel          {}\nFirmware       {}\nAddress        {}\nFirst contact  {}\n\n",
        phone.organisation.name,
        or_dash(&phone.model),
        or_dash(&phone.firmware),
        or_dash(&phone.address),
        phone.first_contact.says
    );
    let lights: Vec<[String; 4]> = phone
        .journey
        .iter()
        .map(|l| [l.label.clone(), l.state.clone(), l.at.as_deref().map_or("-".into(), time), l.says.clone()])
        .collect();
    text += &table(["STEP", "STATE", "WHEN (UTC)", "WHY"], &lights);
    if !phone.lines.is_empty() {
        let lines: Vec<[String; 4]> = phone
            .lines
            .iter()
            .map(|line| {
                let port = line.port.map(|port| format!(":{port}")).unwrap_or_default();
                let transport = format!("{:?}", line.transport).to_lowercase();
                [line.user.clone(), line.display.clone(), format!("{}{port}", line.server), transport]
            })
            .collect();
        text += &format!("\n{}", table(["LINE", "SHOWN AS", "SERVER", "TRANSPORT"], &lines));
    }
    if !phone.events.is_empty() {
        let events: Vec<[String; 3]> = phone
            .events
            .iter()
            .take(10)
            .rev()
            .map(|event| [time(&event.last), event.door.clone(), event.says.clone()])
            .collect();
        text += &format!("\n{}", table(["WHEN (UTC)", "DOOR", "WHAT"], &events));
    }
    text
}

fn imported(done: &types::Import) -> String {
    let rows: Vec<[String; 5]> = done
        .phones
        .iter()
        .filter(|phone| phone.action != Action::Keep)
        .map(|phone| {
            let action = if phone.action == Action::Add { "add" } else { "change" };
            let mac = if phone.unassigned { "-".into() } else { phone.mac.to_string() };
            [phone.row.to_string(), action.into(), mac, phone.name.clone(), phone.lines.join(",")]
        })
        .collect();
    let mut text = String::new();
    if !rows.is_empty() {
        text += &table(["ROW", "ACTION", "MAC", "NAME", "LINES"], &rows);
    }
    for warning in &done.warnings {
        text += &format!("{warning}\n");
    }
    let tense = if done.dry_run { "Would be" } else { "Have been" };
    text + &format!("{tense} added: {}, changed: {}, kept as before: {}\n", done.added, done.changed, done.kept)
}

/// How often it is looked whether it is known what came of a message.
const LOOK: Duration = Duration::from_millis(200);

async fn tell(client: &Client, mac: Mac, order: &str, no_wait: bool) -> Result<(), Failure> {
    let mut telling: Telling = client.post(&format!("phones/{}/{order}", mac.plain()), &()).await?;
    while !telling.over && !no_wait {
        tokio::time::sleep(LOOK).await;
        telling = client.get(&format!("phones/{}/telling", mac.plain())).await?;
    }
    let line = format!("{mac}: {}\n", telling.says);
    match telling.code.as_deref() {
        None | Some("sip.resynced" | "sip.restarted" | "sip.fetched-by-chance" | "sip.nothing-new") => print(&line),
        Some(_) => return Err(Failure::NotDone(line.trim_end().to_owned())),
    }
    Ok(())
}

/// Reads a file; `-` is standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|e| Failure::Unreadable { path: file.display().to_string(), why: e.to_string() })
}
