//! `block66 support` and `block66 log`: finding out what is wrong.

use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, print};
use crate::admin::types;

/// Write a support bundle: status, DHCP, phones, events and counters, with every secret removed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  block66 support block66-support.json")]
pub(super) struct Support {
    /// File to write; one that is there is not overwritten
    file: PathBuf,
}

impl Support {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let bundle = client.get_bytes("support").await?;
        super::backup::write_new(&self.file, &bundle)?;
        answer(&serde_json::json!({ "file": self.file, "size": bundle.len() }));
        eprintln!(
            "{} is written. It names your phones and what happened to them: look at it before you send it.",
            self.file.display()
        );
        Ok(())
    }
}

/// Show or change what the running box logs; a change holds until it is started again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  block66 log                            what is logged
  block66 log debug                      everything
  block66 log block66::dhcp=debug,info   more of one part")]
pub(super) struct Log {
    /// The filter from now on
    filter: Option<String>,
}

impl Log {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let held: types::LogFilter = match self.filter {
            Some(filter) => client.put("log", &types::LogFilter { filter }).await?,
            None => client.get("log").await?,
        };
        print(&format!("{}\n", held.filter));
        Ok(())
    }
}
