//! `block66 password`: a new password for the first administrator.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::secret;

/// Set the first administrator's password anew, as when it is lost
#[derive(Debug, clap::Args)]
#[command(after_help = "The password is asked for, or read from standard input. They are signed out,
and asked for no codes of an app any more. Other accounts have `block66
accounts password`.")]
pub(super) struct Password {}

impl Password {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let password = secret::read("New password")?;
        let () = client.post("claim", &json!({ "password": password.expose() })).await?;
        eprintln!("The password is set. Sign in with it on the page of the box.");
        Ok(())
    }
}
