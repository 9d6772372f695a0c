use serde_json::{Value, json};

use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::cli::output::{print, print_json};
use crate::cli::secret;
use crate::model::Mac;
use crate::partners::change;

/// innovaphone: the box as provider of phones of other makers
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 partners innovaphone status
  block66 partners innovaphone password
  block66 partners innovaphone forget 805ec0123456")]
pub enum Command {
    /// Show how PBX, Devices and phones are connected
    Status,
    /// Show or change settings
    #[command(after_help = "Example:
  block66 partners innovaphone settings enabled=true \\
      title='Phones of the branch' sources=10.0.0.0/24")]
    Settings {
        /// Changes, as name=value. None shows the settings
        change: Vec<String>,
    },
    /// Set the password of the app object; it is asked for, or read from standard input
    Password {},
    /// Forget what Devices knows a phone by; the phone stays on the list
    Forget {
        /// Its MAC
        mac: Mac,
    },
}

impl Command {
    pub(in crate::partners) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Status => {
                let state: Value = client.get("partners/innovaphone").await?;
                let list = |name: &str| state.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
                for says in list("says") {
                    print(&format!("{}\n", says.as_str().unwrap_or_default()));
                }
                for phone in list("phones") {
                    let text = |name: &str| phone.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                    print(&format!("{}  {}\n", text("mac"), text("says")));
                    for what in phone.get("left-out").and_then(Value::as_array).into_iter().flatten() {
                        print(&format!("    not taken over: {}\n", what.as_str().unwrap_or_default()));
                    }
                }
                Ok(())
            }
            Self::Settings { change } => {
                let path = "partners/innovaphone/settings";
                let mut settings: Value = client.get(path).await?;
                if !change.is_empty() {
                    change::all(&mut settings, &change, &["authorities", "devices", "organisation", "transport"])?;
                    let state: Value = client.put(path, &settings).await?;
                    settings = state.get("settings").cloned().unwrap_or_default();
                }
                print_json(&settings);
                Ok(())
            }
            Self::Password {} => {
                let password = secret::read("Password of the app object")?;
                let said: Value =
                    client.put("partners/innovaphone/password", &json!({ "password": password.expose() })).await?;
                eprintln!("{}", said.get("says").and_then(Value::as_str).unwrap_or_default());
                Ok(())
            }
            Self::Forget { mac } => {
                let () = client.delete(&format!("partners/innovaphone/phones/{}", mac.plain())).await?;
                Ok(())
            }
        }
    }
}
