//! `block66 pairing`: the time in which phones that come are put on the list by themselves.

use std::path::PathBuf;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, time};
use super::phones::read;
use crate::admin::types;
use crate::pairing::FreeLine;

/// A time in which phones that come are put on the list by themselves
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 pairing open --minutes 30
  block66 pairing state
  block66 pairing close")]
pub(super) enum Pairing {
    /// Say whether the pairing window is open
    State,
    /// Open the pairing window
    #[command(after_help = "Without lines, phones that come are guests: on the list, and without a line.

Examples:
  block66 pairing open
        for ten minutes
  block66 pairing open --minutes 30 --lines lines.csv
        each phone gets the next line; columns: user,password,display,server")]
    Open {
        /// How many minutes [default: 10]
        #[arg(long)]
        minutes: Option<u32>,
        /// Organisation that the phones are to belong to
        #[arg(long)]
        organisation: Option<String>,
        /// Group that they are put into
        #[arg(long)]
        group: Option<String>,
        /// Lines to be given out one by one, as CSV; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        lines: Option<PathBuf>,
    },
    /// Close the pairing window
    Close,
}

impl Pairing {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let state = match self {
            Self::State => client.get::<types::Pairing>("pairing").await?,
            Self::Open { minutes, organisation, group, lines } => {
                let free_lines = match lines {
                    Some(file) => free_lines(&file)?,
                    None => Vec::new(),
                };
                let opening = json!({
                    "minutes": minutes, "organisation": organisation, "group": group, "free_lines": free_lines
                });
                client.post("pairing", &opening).await?
            }
            Self::Close => client.delete("pairing").await?,
        };
        match state.until {
            Some(until) => {
                let lines = match state.free_lines.len() {
                    0 => "as guests without a line".to_owned(),
                    1 => "the first with a line, then as guests".to_owned(),
                    count => format!("the first {count} with a line each, then as guests"),
                };
                let group = state.group.map(|group| format!(", group {}", group.name)).unwrap_or_default();
                let organisation = state.organisation.unwrap_or_default().name;
                print(&format!("Open until {} UTC for {organisation}{group}: {lines}.\n", time(&until)));
            }
            None => print("Closed: phones that come wait until somebody adopts them.\n"),
        }
        Ok(())
    }
}

fn free_lines(file: &std::path::Path) -> Result<Vec<FreeLine>, Failure> {
    let wrong = |why: String| Failure::Given(format!("{}: {why}", file.display()));
    let bytes = read(file)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(bytes.as_slice());
    let headings = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let mut lines = Vec::new();
    for (index, row) in reader.into_records().enumerate() {
        let row = row.map_err(|error| wrong(error.to_string()))?;
        let line = row.deserialize(Some(&headings)).map_err(|error| wrong(format!("row {}: {error}", index + 2)))?;
        lines.push(line);
    }
    Ok(lines)
}
