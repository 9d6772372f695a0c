//! `block66 phones history`, `undo` and `timeline`: what was changed of a phone, and what happened to it.

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, encode, is_for_programs, print, table, time};
use crate::admin::types::{self, TimelineEntry};
use crate::model::Mac;

/// Entries of a timeline that are asked for at a time.
const ROWS: usize = 500;

/// What was changed of a phone, and what happened to it
#[derive(Debug, clap::Subcommand)]
pub(super) enum Past {
    /// Show what was changed of a phone, by whom and when; with a number, what was before and after
    #[command(after_help = "Examples:
  block66 phones history 805ec0123456     the changes, newest first
  block66 phones history 805ec0123456 7   what change 7 altered")]
    History {
        /// Its MAC address
        mac: Mac,
        /// The number of a change
        change: Option<u64>,
    },
    /// Take a change of a phone back: all that it altered becomes what it was before
    #[command(after_help = "What was changed again since is named, and nothing is done. An undo can be
undone itself.")]
    Undo {
        /// Its MAC address
        mac: Mac,
        /// The number of the change, as `phones history` shows it
        change: u64,
    },
    /// Show what happened to a phone and what it said of itself by syslog
    Timeline {
        /// Its MAC address
        mac: Mac,
        /// At most so many, the newest ones
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

impl Past {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::History { mac, change: None } => {
                let history: types::PhoneHistory = client.get(&format!("phones/{}/history", mac.plain())).await?;
                print(&listed(&history));
            }
            Self::History { mac, change: Some(number) } => {
                let path = format!("phones/{}/history/{number}", mac.plain());
                print(&shown(&client.get::<types::PhoneChange>(&path).await?));
            }
            Self::Undo { mac, change } => {
                let path = format!("phones/{}/history/{change}/undo", mac.plain());
                let phone: types::Phone = client.post(&path, &()).await?;
                eprintln!("Change {change} of {} {} is undone.", phone.mac, phone.name);
            }
            Self::Timeline { mac, limit } => timeline(client, mac, limit).await?,
        }
        Ok(())
    }
}

fn listed(history: &types::PhoneHistory) -> String {
    let row = |change: &types::PhoneChange| {
        let by = change.by.clone().unwrap_or_else(|| "the box itself".into());
        [change.change.to_string(), time(&change.at), by, change.says.clone(), change.parts.join(", ")]
    };
    let rows: Vec<[String; 5]> = history.changes.iter().map(row).collect();
    let mut text = table(["CHANGE", "WHEN (UTC)", "BY", "HOW", "WHAT"], &rows);
    if history.forgotten > 0 {
        text += &format!("{} older ones are not kept.\n", history.forgotten);
    }
    text
}

fn shown(change: &types::PhoneChange) -> String {
    let by = change.by.as_deref().unwrap_or("the box itself");
    let mut text = format!("Change {}, {} UTC, by {by}: {}\n", change.change, time(&change.at), change.says);
    let row = |one: &types::PhoneDifference| {
        let value = |value: &Option<String>| match value {
            _ if one.secret => "(secret)".to_owned(),
            Some(value) => value.clone(),
            None => "-".to_owned(),
        };
        [one.label.clone(), value(&one.before), value(&one.after)]
    };
    let rows: Vec<[String; 3]> = change.differences.iter().map(row).collect();
    text += &table(["WHAT", "BEFORE", "AFTER"], &rows);
    if let Some(why) = &change.why_not {
        text += &format!("It cannot be undone: {why}\n");
    }
    text
}

async fn timeline(client: &Client, mac: Mac, limit: usize) -> Result<(), Failure> {
    let mut all = types::Timeline { entries: Vec::new(), next: None };
    while all.entries.len() < limit {
        let rows = (limit - all.entries.len()).min(ROWS);
        let after = all.next.as_deref().map(|next| format!("&after={}", encode(next))).unwrap_or_default();
        let path = format!("phones/{}/timeline?limit={rows}{after}", mac.plain());
        let page: types::Timeline = client.get(&path).await?;
        all.entries.extend(page.entries);
        all.next = page.next;
        if all.next.is_none() {
            break;
        }
    }
    if is_for_programs() {
        answer(&all);
        return Ok(());
    }
    let row = |entry: &TimelineEntry| match entry {
        TimelineEntry::Event(event) => [time(&event.last), event.door.clone(), event.says.clone()],
        TimelineEntry::Said(line) => [time(&line.at), "phone".into(), format!("The phone says: {}", line.text)],
    };
    let rows: Vec<[String; 3]> = all.entries.iter().rev().map(row).collect();
    print(&table(["WHEN (UTC)", "FROM", "WHAT"], &rows));
    Ok(())
}
