use serde_json::{Value, json};

use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::cli::output::{print, print_json};
use crate::cli::secret;
use crate::partners::change;
use crate::partners::listing::list;

/// Yealink RPS: this box's phones in the maker's redirection service
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show or change settings
    #[command(after_help = "Example:
  block66 partners yealink-rps settings interface=rest account=KEY \\
      server-name=branch-7 url=https://prov.branch.example/p/")]
    Settings {
        /// Changes, as name=value. None shows the settings
        change: Vec<String>,
    },
    /// Set the secret of the account; it is asked for, or read from standard input
    Secret {},
    /// Show whose each phone is there, and what would be changed
    Plan {
        /// What would be taken out
        #[arg(long)]
        remove: bool,
    },
    /// Register the phones, and read back what the service holds then
    Apply {
        /// Take the phones out
        #[arg(long)]
        remove: bool,
    },
}

impl Command {
    pub(in crate::partners) async fn run(self, client: &Client) -> Result<(), Failure> {
        let path = |remove: bool| if remove { "partners/yealink-rps/removal" } else { "partners/yealink-rps/plan" };
        match self {
            Self::Settings { change } => {
                let path = "partners/yealink-rps/settings";
                let mut settings: Value = client.get(path).await?;
                if !change.is_empty() {
                    change::all(&mut settings, &change, &["service", "authorities", "brand"])?;
                    settings = client.put(path, &settings).await?;
                }
                print_json(&settings);
                Ok(())
            }
            Self::Secret {} => {
                let secret = secret::read("Secret of the account")?;
                let () = client.put("partners/yealink-rps/secret", &json!({ "secret": secret.expose() })).await?;
                Ok(())
            }
            Self::Plan { remove } => {
                let plan: Value = client.get(path(remove)).await?;
                phones(&plan);
                list(&plan, "steps", "Nothing is to be done.");
                Ok(())
            }
            Self::Apply { remove } => {
                let applied: Value = client.post(path(remove), &()).await?;
                let number = |name: &str| applied.get(name).and_then(Value::as_u64).unwrap_or_default();
                print(&format!("{} of {} steps were made.\n", number("done"), number("planned")));
                list(&applied, "errors", "");
                phones(&applied);
                let left =
                    |name: &str| applied.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
                if left("errors") || left("left") {
                    return Err(Failure::NotDone("Not everything is as it should be there.".into()));
                }
                Ok(())
            }
        }
    }
}

fn phones(said: &Value) {
    for phone in said.get("phones").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| phone.get(name).and_then(Value::as_str).unwrap_or_default();
        print(&format!("{} {}.\n", text("mac"), text("says")));
    }
}
