//! `block66 outlets …`: where news of the box go.

use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, print_json, table};
use crate::admin::types;
use crate::outlets::Settings;

/// Send events to syslog and webhooks, take phones' own syslog, let Prometheus read metrics
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 outlets show > outlets.json                     as it is
  block66 outlets set outlets.json                        from now on, as in:
      {\"syslog\": [{\"host\": \"log.example.net\", \"transport\": \"tls\"}],
       \"webhooks\": [{\"url\": \"https://example.net/block66\", \"alarms\": true, \"events\": [\"admin.\", \"tls.too-old\"]}],
       \"phone_log_port\": 514}
Prometheus reads https://box/metrics with a token of the API that may read: `block66 tokens`.")]
pub(super) enum Outlets {
    /// Print what is set, as JSON
    Show,
    /// Set it from a JSON file; `-` reads standard input
    Set {
        /// The file
        file: PathBuf,
    },
    /// What became of messages
    Counts {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Outlets {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Show => {
                let settings: Settings = client.get("outlets").await?;
                print_json(&settings);
            }
            Self::Set { file } => {
                let text = super::phones::read(&file)?;
                let settings: Settings =
                    serde_json::from_slice(&text).map_err(|e| Failure::Given(format!("{}: {e}.", file.display())))?;
                let _: Settings = client.put("outlets", &settings).await?;
                eprintln!("Set.");
            }
            Self::Counts { json } => {
                let counts: types::OutletCounts = client.get("outlets/counts").await?;
                if json {
                    print_json(&counts);
                    return Ok(());
                }
                let rows: Vec<[String; 4]> = counts
                    .targets
                    .into_iter()
                    .map(|(target, sent)| {
                        [target, sent.sent.to_string(), sent.dropped.to_string(), sent.failed.to_string()]
                    })
                    .collect();
                print(&table(["TARGET", "SENT", "DROPPED", "FAILED"], &rows));
                print(&format!("Phones said {} lines; {} were dropped.\n", counts.lines, counts.lines_dropped));
            }
        }
        Ok(())
    }
}
