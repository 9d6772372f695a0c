//! Phones put on the list, and taken off it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use super::client::Client;
use super::exit::Failure;
use super::output::{answer, print, print_json};
use super::phones::read;
use super::secret;
use crate::admin::{LineDraft, PhoneDraft, types};
use crate::model::{Mac, Secret};

/// A phone to put on the list.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Its MAC address, with any separators
    #[arg(required_unless_present = "from")]
    mac: Option<Mac>,
    /// Take the phone from a JSON file; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mac", "name", "organisation", "brand", "model", "user"])]
    from: Option<PathBuf>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Organisation it belongs to, by name
    #[arg(long)]
    organisation: Option<String>,
    /// Brand, when known
    #[arg(long)]
    brand: Option<String>,
    /// Model, when known
    #[arg(long)]
    model: Option<String>,
    /// SIP user or extension
    #[arg(long, requires = "server")]
    user: Option<String>,
    /// SIP server
    #[arg(long, requires = "user")]
    server: Option<String>,
    /// SIP password. Others can read it in the list of processes: better leave it out and be asked
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// Name for signing in at the SIP server, when it differs from the user
    #[arg(long, requires = "user")]
    auth_user: Option<String>,
    /// Name shown to others
    #[arg(long, requires = "user")]
    display: Option<String>,
    /// Port of the SIP server
    #[arg(long, requires = "user")]
    port: Option<u32>,
    /// udp, tcp or tls
    #[arg(long, requires = "user")]
    transport: Option<String>,
    /// Number of the voice mail
    #[arg(long, requires = "user")]
    voicemail: Option<String>,
}

impl Add {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let phone: types::Phone = client.post("phones", &self.draft()?).await?;
        print(&format!("{} {} is on the list. {}\n", phone.mac, phone.name, phone.first_contact.says));
        Ok(())
    }

    fn draft(self) -> Result<PhoneDraft, Failure> {
        if let Some(file) = &self.from {
            return serde_json::from_slice(&read(file)?)
                .map_err(|e| Failure::Given(format!("{}: {e}", file.display())));
        }
        let mut lines = Vec::new();
        if let Some(user) = self.user {
            let password = match self.password {
                Some(password) => Secret::new(password),
                None => secret::read(&format!("SIP password of {user}"))?,
            };
            lines.push(LineDraft {
                user,
                auth_user: self.auth_user,
                password,
                display: self.display.or_else(|| self.name.clone()),
                server: self.server.unwrap_or_default(),
                port: self.port,
                transport: self.transport,
                expires: None,
                voicemail: self.voicemail,
                ..LineDraft::default()
            });
        }
        Ok(PhoneDraft {
            mac: self.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            name: self.name,
            organisation: self.organisation,
            brand: self.brand,
            model: self.model,
            lines,
            ..PhoneDraft::default()
        })
    }
}

/// Takes a phone off the list, unless somebody who is asked says no, and prints what it was.
pub(super) async fn remove(client: &Client, mac: Mac, yes: bool) -> Result<(), Failure> {
    let path = format!("phones/{}", mac.plain());
    if !yes {
        let phone: types::Phone = client.get(&path).await?;
        if !io::stdin().is_terminal() {
            return Err(Failure::Given(format!(
                "Nobody can be asked whether to remove {mac} {}: say --yes.",
                phone.name
            )));
        }
        eprint!(
            "Remove {mac} {} from the list? Its passwords and the values of its raw settings are forgotten. [y/N] ",
            phone.name
        );
        let _ = io::stderr().flush();
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.is_err() || !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err(Failure::Given("Nothing was removed.".into()));
        }
    }
    let listed: types::Export = client.get(&format!("phones/export?mac={}", mac.plain())).await?;
    let _: types::Phone = client.delete(&path).await?;
    for phone in listed.phones {
        // An entry that waits for its device is written out without its made-up address, which is none to `add`.
        let phone = PhoneDraft { mac: mac.to_string(), ..phone };
        print_json(&phone);
        answer(&phone);
    }
    eprintln!(
        "{mac} is off the list. To put it back, fill in above what is empty or null, and give it to: block66 phones add --from FILE"
    );
    Ok(())
}
