use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::desk::Shown;
use super::settings::Settings;
use crate::cli::Client;
use crate::cli::exit::Failure;
use crate::cli::output::{encode, print, print_json, table};
use crate::cli::secret;
use crate::partners::change;

/// Softphones on computers: who signs in, and what they are told
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 partners bria add anna --user 201 --server pbx.example.net
  block66 partners bria preview anna
  block66 partners bria set anna proxies:proxy0:transport=tls
  block66 partners bria password anna
  block66 partners bria template mobile --from mobile.ini
  block66 partners bria remove anna")]
pub enum Command {
    /// Show how it is, or change settings
    #[command(after_help = "Examples:
  block66 partners bria settings enabled=true
  block66 partners bria settings names.license=key upgrades=true \\
      help='Call 4711.'
  block66 partners bria settings discovery=office discovery-secure=true")]
    Settings {
        /// Changes, as name=value; a list has commas. None shows the settings
        change: Vec<String>,
    },
    /// List the users
    Users,
    /// Add a user. Their password, and then that of their SIP account, are asked for or read from standard input
    Add {
        /// The name that they sign in with
        name: String,
        /// SIP user or extension
        #[arg(long)]
        user: String,
        /// SIP server
        #[arg(long)]
        server: String,
        /// Name shown to others
        #[arg(long)]
        display: Option<String>,
        /// udp, tcp or tls
        #[arg(long)]
        transport: Option<String>,
        /// Where SIP is sent in place of the server
        #[arg(long)]
        proxy: Option<String>,
        /// Number of the voice mail
        #[arg(long)]
        voicemail: Option<String>,
        /// Licence key for their client
        #[arg(long)]
        licence: Option<String>,
        /// A setting of theirs alone, as domain:section:name=value; several times for several
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// Change what is set for a user alone; an empty value takes it away
    Set {
        /// Their name
        name: String,
        /// As domain:section:name=value
        #[arg(required = true, value_name = "NAME=VALUE")]
        change: Vec<String>,
    },
    /// Set the password of a user anew; it is asked for, or read from standard input
    Password {
        /// Their name
        name: String,
    },
    /// Take a user off the box
    Remove {
        /// Their name
        name: String,
    },
    /// Show what a user would be told, with dots for passwords
    Preview {
        /// Their name
        name: String,
    },
    /// Show or change a template
    Template {
        /// desktop or mobile
        which: String,
        /// Put this file in force; `-` reads standard input
        #[arg(long, value_name = "FILE", conflicts_with = "built_in")]
        from: Option<PathBuf>,
        /// Put the built-in one in force again
        #[arg(long)]
        built_in: bool,
    },
}

impl Command {
    pub(in crate::partners) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::Settings { change } => settings(client, &change).await,
            Self::Users => users(client).await,
            Self::Add { name, user, server, display, transport, proxy, voicemail, licence, set } => {
                let password = secret::read(&format!("Password of {name}"))?;
                let sip = secret::read("Password of the SIP account")?;
                let line = json!({
                    "user": user, "server": server, "display": display, "transport": transport,
                    "voicemail": voicemail, "password": sip.expose(),
                });
                let body = json!({
                    "name": name, "password": password.expose(), "lines": [line], "proxy": proxy,
                    "licence": licence, "settings": pairs(&set)?,
                });
                let made: Shown = client.post("partners/bria/users", &body).await?;
                print(&format!("{} may sign in.\n", made.name));
                Ok(())
            }
            Self::Set { name, change } => {
                let path = format!("partners/bria/users/{}", encode(&name));
                let mut settings = client.get::<Shown>(&path).await?.settings;
                if settings.values().any(|value| value.starts_with('•')) {
                    return Err(Failure::Given("They have a password among their settings: use the API.".into()));
                }
                settings.extend(pairs(&change)?);
                settings.retain(|_, value| !value.is_empty());
                let _: Shown = client.put(&path, &json!({ "settings": settings })).await?;
                Ok(())
            }
            Self::Password { name } => {
                let password = secret::read("New password")?;
                let path = format!("partners/bria/users/{}", encode(&name));
                let _: Shown = client.put(&path, &json!({ "password": password.expose() })).await?;
                eprintln!("The password is set. Their clients sign in anew with it.");
                Ok(())
            }
            Self::Remove { name } => {
                let gone: Shown = client.delete(&format!("partners/bria/users/{}", encode(&name))).await?;
                eprintln!("Removed {}.", gone.name);
                Ok(())
            }
            Self::Preview { name } => preview(client, &name).await,
            Self::Template { which, from, built_in } => template(client, &which, from, built_in).await,
        }
    }
}

async fn settings(client: &Client, change: &[String]) -> Result<(), Failure> {
    let path = "partners/bria/settings";
    let mut settings: Value = client.get(path).await?;
    if !change.is_empty() {
        change::all(&mut settings, change, &["base-url"])?;
        let checked: Settings =
            serde_json::from_value(settings).map_err(|error| Failure::Given(format!("No such setting: {error}.")))?;
        settings = client.put(path, &checked).await?;
    }
    print_json(&settings);
    Ok(())
}

async fn users(client: &Client) -> Result<(), Failure> {
    let found: Value = client.get("partners/bria/users").await?;
    let users: Vec<Shown> = serde_json::from_value(found.get("users").cloned().unwrap_or_default()).unwrap_or_default();
    let rows: Vec<[String; 3]> = users
        .into_iter()
        .map(|user| {
            let accounts: Vec<String> =
                user.accounts.iter().map(|account| format!("{}@{}", account.user, account.domain)).collect();
            [user.name, accounts.join(", "), user.settings.len().to_string()]
        })
        .collect();
    print(&table(["Name", "Accounts", "Own settings"], &rows));
    Ok(())
}

async fn preview(client: &Client, name: &str) -> Result<(), Failure> {
    let found: Value = client.get(&format!("partners/bria/users/{}/preview", encode(name))).await?;
    let rows = found.get("settings").and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let rows: Vec<[String; 3]> = rows
        .iter()
        .map(|row| {
            let session = row.get("in-memory").and_then(Value::as_bool).unwrap_or_default();
            [text(row, "name"), text(row, "value"), if session { "for the session" } else { "" }.to_owned()]
        })
        .collect();
    print(&table(["Setting", "Value", ""], &rows));
    Ok(())
}

async fn template(client: &Client, which: &str, from: Option<PathBuf>, built_in: bool) -> Result<(), Failure> {
    let path = format!("partners/bria/templates/{}", encode(which));
    let found: Value = match from {
        Some(file) => client.put(&path, &json!({ "text": read(&file)? })).await?,
        None if built_in => client.delete(&path).await?,
        None => client.get(&path).await?,
    };
    print(found.get("text").and_then(Value::as_str).unwrap_or_default());
    let unknown: Vec<String> =
        serde_json::from_value(found.get("unknown").cloned().unwrap_or_default()).unwrap_or_default();
    for name in unknown {
        eprintln!("{name} is not known here: it is new, or misspelt.");
    }
    Ok(())
}

fn read(file: &std::path::Path) -> Result<String, Failure> {
    let text =
        if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.map_err(|error| Failure::Unreadable { path: file.display().to_string(), why: error.to_string() })
}

fn pairs(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    texts.iter().map(|text| change::pair(text).map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
}
