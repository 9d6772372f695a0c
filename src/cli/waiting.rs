//! `block66 waiting`: phones that came and are on no list.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{print, table, time};
use super::secret;
use crate::admin::types;
use crate::model::Mac;

/// Phones that came and are on no list
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 waiting list
  block66 waiting adopt 805ec0123456 --name Hall")]
pub(super) enum Waiting {
    /// List the phones that wait
    List,
    /// Put a phone that waits on the list
    #[command(after_help = "Examples:
  block66 waiting adopt 805ec0123456 --name Hall
  block66 waiting adopt 805ec0123456 --as Reception
        it becomes the entry of the list that waits for its device")]
    Adopt {
        /// Its MAC address
        mac: Mac,
        /// What people call it
        #[arg(long)]
        name: Option<String>,
        /// Organisation that it is to belong to
        #[arg(long)]
        organisation: Option<String>,
        /// Group that it is put into
        #[arg(long)]
        group: Option<String>,
        /// The entry of the list that it becomes, by name, extension or made-up address
        #[arg(long = "as", value_name = "ENTRY", conflicts_with_all = ["name", "organisation", "group", "user"])]
        place: Option<String>,
        /// SIP user or extension
        #[arg(long, requires = "server")]
        user: Option<String>,
        /// SIP server
        #[arg(long, requires = "user")]
        server: Option<String>,
    },
}

impl Waiting {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::WaitingPhones = client.get("waiting").await?;
                if found.waiting.is_empty() {
                    eprintln!("No phone is waiting.");
                } else {
                    let row = |phone: types::Waiting| {
                        let what = [phone.brand, phone.model].into_iter().flatten().collect::<Vec<_>>().join(" ");
                        let address = phone.address.unwrap_or_else(|| "-".into());
                        let place = if phone.in_place { address } else { format!("{address} (not proven)") };
                        [phone.mac.to_string(), what, place, time(&phone.last), phone.count.to_string(), phone.asked]
                    };
                    let rows: Vec<[String; 6]> = found.waiting.into_iter().map(row).collect();
                    print(&table(["MAC", "SAYS IT IS", "ADDRESS", "LAST (UTC)", "TIMES", "ASKED FOR"], &rows));
                }
            }
            Self::Adopt { mac, name, organisation, group, place, user, server } => {
                let mut lines = Vec::new();
                if let Some(user) = user {
                    let password = secret::read(&format!("SIP password of {user}"))?;
                    let password = password.expose();
                    lines.push(json!({ "user": user, "server": server, "password": password, "display": name }));
                }
                let adoption =
                    json!({ "name": name, "organisation": organisation, "group": group, "as": place, "lines": lines });
                let phone: types::Phone = client.post(&format!("waiting/{}/adopt", mac.plain()), &adoption).await?;
                eprintln!("{} {} is on the list. {}", phone.mac, phone.name, phone.first_contact.says);
            }
        }
        Ok(())
    }
}
