//! `block66 organisations`: those whose phones these are.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table};
use crate::admin::types;

/// Those whose phones these are, each with a login and a policy of its own
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 organisations add \"North branch\"
  block66 organisations login \"North branch\"
  block66 organisations rename \"North branch\" North
  block66 organisations remove North")]
pub(super) enum Organisations {
    /// List the organisations
    List,
    /// Add an organisation; it gets a login of its own
    Add {
        /// Its name, which no other has
        name: String,
    },
    /// Give an organisation another name
    Rename {
        /// Its name
        organisation: String,
        /// Its new name
        name: String,
    },
    /// Remove an organisation that has no phone
    Remove {
        /// Its name
        organisation: String,
    },
    /// Show the login that its phones may share; that it was shown is on record
    Login {
        /// Its name
        name: String,
    },
}

impl Organisations {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Organisations = client.get("organisations").await?;
                let rows: Vec<[String; 3]> =
                    found.organisations.into_iter().map(|o| [o.name, o.login_user, o.phones.to_string()]).collect();
                print(&table(["Name", "Login", "Phones"], &rows));
            }
            Self::Add { name } => {
                let made: types::Organisation = client.post("organisations", &json!({ "name": name })).await?;
                eprintln!("Added {}. Its phones may share the login {}.", made.name, made.login_user);
            }
            Self::Rename { organisation, name } => {
                let path = format!("organisations/{}", encode(&organisation));
                let renamed: types::Organisation = client.patch(&path, &json!({ "name": name })).await?;
                eprintln!("It is called {} now.", renamed.name);
            }
            Self::Remove { organisation } => {
                let removed: types::Organisation =
                    client.delete(&format!("organisations/{}", encode(&organisation))).await?;
                eprintln!("The organisation {} is gone.", removed.name);
            }
            Self::Login { name } => {
                let login: types::Login = client.get(&format!("organisations/{}/login", encode(&name))).await?;
                print(&format!("User      {}\nPassword  {}\n", login.user, login.password));
            }
        }
        Ok(())
    }
}
