//! `block66 outlets …`: where news of the box go.

use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, print_json, table};
use crate::admin::types;
use crate::outlets::Settings;

/// Send events to syslog and webhooks, mail alarms, take phones' own syslog, let Prometheus read metrics
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 outlets show > outlets.json
        as it is
  block66 outlets set outlets.json
        from now on, as in:
  {\"syslog\": [{\"host\": \"log.example.net\", \"transport\": \"tls\"}],
   \"webhooks\": [{\"url\": \"https://example.net/block66\", \"alarms\": true,
                 \"events\": [\"admin.\", \"tls.too-old\"]}],
   \"mail\": {\"host\": \"mx.example.net\", \"from\": \"block66@example.net\",
            \"to\": [\"anna@example.net\"],
            \"login\": {\"user\": \"block66\", \"password\": \"…\"}},
   \"phone_log_port\": 514}

Mail goes by STARTTLS to port 587; \"security\" may be tls or none. A password is
kept and never shown: a file without it keeps the one that is known.
Prometheus reads https://box/metrics with a token that may read:
`block66 tokens add prometheus --scope read` prints one.")]
pub(super) enum Outlets {
    /// Print as JSON what is sent where
    Show,
    /// Set from a JSON file what is sent where; `-` reads standard input
    Set {
        /// The file
        file: PathBuf,
    },
    /// Count what became of messages since the start
    Counts,
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
                let wrong = |e| {
                    let what =
                        if file.as_os_str() == "-" { "standard input".into() } else { file.display().to_string() };
                    Failure::Given(format!("{what}: {e}.\n`block66 outlets --help` shows what it looks like."))
                };
                // Sent as it was written: settings that were read hold their secrets back.
                let _: Settings = serde_json::from_slice(&text).map_err(wrong)?;
                let written: Box<serde_json::value::RawValue> = serde_json::from_slice(&text).map_err(wrong)?;
                let _: Settings = client.put("outlets", &written).await?;
                eprintln!("Set.");
            }
            Self::Counts => {
                let counts: types::OutletCounts = client.get("outlets/counts").await?;
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
