//! `block66 audit`: who did what.

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use crate::admin::types;

/// What people and programs changed, and which secrets they were shown; the newest at the end
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 audit                         the last 50
  block66 audit --by anna --limit 500   what anna did
  block66 audit --by \"token grafana\"    what a program did")]
pub(super) struct Audit {
    /// Only what this account did, or "token" and the name of a token
    #[arg(long)]
    by: Option<String>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl Audit {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let by = self.by.map(|by| format!("&by={}", encode(&by))).unwrap_or_default();
        let mut found: types::Events = client.get(&format!("audit?limit={}{by}", self.limit)).await?;
        found.events.reverse();
        let row = |event: types::Event| {
            let who = event.by.unwrap_or_else(|| if event.address.is_some() { "-".into() } else { "console".into() });
            let about = match (event.phone, event.mac) {
                (Some(name), Some(mac)) if !name.is_empty() => format!("{mac} ({name})"),
                (_, Some(mac)) => mac.to_string(),
                (_, None) => String::new(),
            };
            [time(&event.last), who, event.address.unwrap_or_default(), about, event.says]
        };
        let rows: Vec<[String; 5]> = found.events.into_iter().map(row).collect();
        print(&table(["TIME", "WHO", "FROM", "PHONE", "WHAT"], &rows));
        Ok(())
    }
}
