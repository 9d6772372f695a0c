//! `block66 organisations`: those whose phones these are.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, print_json, table};
use crate::admin::types;

/// Those whose phones these are, each with a login and a policy of its own
#[derive(Debug, clap::Subcommand)]
pub(super) enum Organisations {
    /// List them
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add one; it gets a login of its own
    Add {
        /// Its name, which no other has
        name: String,
    },
    /// Show the login that its phones may share; that it was shown is on record
    Login {
        /// Its name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Organisations {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List { json } => {
                let found: types::Organisations = client.get("organisations").await?;
                if json {
                    print_json(&found);
                } else {
                    let rows: Vec<[String; 3]> =
                        found.organisations.into_iter().map(|o| [o.name, o.login_user, o.phones.to_string()]).collect();
                    print(&table(["Name", "Login", "Phones"], &rows));
                }
            }
            Self::Add { name } => {
                let made: types::Organisation = client.post("organisations", &json!({ "name": name })).await?;
                eprintln!("Added {}. Its phones may share the login {}.", made.name, made.login_user);
            }
            Self::Login { name, json } => {
                let login: types::Login = client.get(&format!("organisations/{}/login", encode(&name))).await?;
                if json {
                    print_json(&login);
                } else {
                    print(&format!("User      {}\nPassword  {}\n", login.user, login.password));
                }
            }
        }
        Ok(())
    }
}
