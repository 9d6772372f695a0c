use serde_json::{Value, json};

use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::cli::output::{encode, print, print_json};
use crate::cli::secret;
use crate::partners::change;
use crate::partners::listing::list;

/// Softphones on mobile telephones: their tenant, and the push settings
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 partners stretto plan
  block66 partners stretto apply
  block66 partners stretto user anna")]
pub enum Command {
    /// Show settings and warnings, or change settings
    #[command(after_help = "Examples:
  block66 partners stretto settings platform=https://stretto.example.com \\
      user=api group=branch.example profile=phones
  block66 partners stretto settings push.enabled=true \\
      push.mode=single-device-emulation push.registrations=one \\
      push.outbound-proxy=sbc.example.com:5061")]
    Settings {
        /// Changes, as name=value. None shows the settings
        change: Vec<String>,
    },
    /// Set the password of the management interface; it is asked for, or read from standard input
    Password {},
    /// Show what would be changed in the tenant
    Plan {
        /// What would be removed from it
        #[arg(long)]
        remove: bool,
    },
    /// Change the tenant, and read back what it holds then
    Apply {
        /// Remove this box's users and profile from it
        #[arg(long)]
        remove: bool,
    },
    /// Print the users as a file for the platform's import
    Csv {},
    /// Show what a user's app signs in with
    User {
        /// Their name
        name: String,
    },
}

impl Command {
    pub(in crate::partners) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Settings { change } => {
                let path = "partners/stretto/settings";
                let mut settings: Value = client.get(path).await?;
                if !change.is_empty() {
                    change::all(&mut settings, &change, &["platform", "authorities", "service-level"])?;
                    settings = client.put(path, &settings).await?;
                } else {
                    settings = client.get("partners/stretto").await?;
                }
                warn(&settings);
                print_json(settings.get("settings").unwrap_or(&settings));
                Ok(())
            }
            Self::Password {} => {
                let password = secret::read("Password of the management interface")?;
                let () = client.put("partners/stretto/password", &json!({ "password": password.expose() })).await?;
                Ok(())
            }
            Self::Plan { remove } => {
                let path = if remove { "partners/stretto/removal" } else { "partners/stretto/plan" };
                let plan: Value = client.get(path).await?;
                warn(&plan);
                list(&plan, "steps", "Nothing is to be done.");
                Ok(())
            }
            Self::Apply { remove } => {
                let path = if remove { "partners/stretto/removal" } else { "partners/stretto/plan" };
                let applied: Value = client.post(path, &()).await?;
                warn(&applied);
                let number = |name: &str| applied.get(name).and_then(Value::as_u64).unwrap_or_default();
                print(&format!("{} of {} steps were made.\n", number("done"), number("planned")));
                if let Some(error) = applied.get("error").and_then(Value::as_str) {
                    return Err(Failure::NotDone(format!("Then it ended: {error}.")));
                }
                if applied.get("left").and_then(Value::as_array).is_some_and(|left| !left.is_empty()) {
                    list(&applied, "left", "");
                    return Err(Failure::NotDone("The tenant does not hold this, although it took it.".into()));
                }
                print("Read back: the tenant holds all of it.\n");
                Ok(())
            }
            Self::Csv {} => {
                let made: Value = client.post("partners/stretto/csv", &()).await?;
                warn(&made);
                print(made.get("text").and_then(Value::as_str).unwrap_or_default());
                Ok(())
            }
            Self::User { name } => {
                let path = format!("partners/stretto/users/{}/password", encode(&name));
                let login: Value = client.post(&path, &()).await?;
                let text = |name: &str| login.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                print(&format!("User      {}\nPassword  {}\n", text("user"), text("password")));
                Ok(())
            }
        }
    }
}

fn warn(said: &Value) {
    for warning in said.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| warning.get(name).and_then(Value::as_str).unwrap_or_default();
        eprintln!("Warning ({}): {}.", text("code"), text("says"));
    }
}
