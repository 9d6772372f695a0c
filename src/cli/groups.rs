//! `block66 groups`: phones that share settings.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table};
use crate::admin::types;

/// Phones that share settings: those put into a group, or all of a brand or model
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 groups add Sales
  block66 phones edit 805ec0123456 --group Sales   puts a phone into it
  block66 groups rename Sales Shop
  block66 groups remove Shop")]
pub(super) enum Groups {
    /// List the groups
    List {
        /// Only those of this organisation
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Make a group
    #[command(after_help = "Examples:
  block66 groups add Sales
        phones are put into it with `phones edit --group`
  block66 groups add \"Old ones\" --brand acme --model X1
        for all phones of that model")]
    Add {
        /// Its name, which no other of the organisation has
        name: String,
        /// Organisation that it belongs to
        #[arg(long)]
        organisation: Option<String>,
        /// For all phones of this brand
        #[arg(long)]
        brand: Option<String>,
        /// For all phones of this model only
        #[arg(long, requires = "brand")]
        model: Option<String>,
    },
    /// Give a group another name
    Rename {
        /// Its name
        group: String,
        /// Its new name
        name: String,
    },
    /// Remove a group that no phone is in
    Remove {
        /// Its name
        group: String,
    },
}

impl Groups {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List { organisation } => {
                let query = organisation.map(|name| format!("?organisation={}", encode(&name))).unwrap_or_default();
                let found: types::Groups = client.get(&format!("groups{query}")).await?;
                let row = |group: types::Group| {
                    let kind = match (group.brand, group.model) {
                        (Some(brand), Some(model)) => format!("{brand} {model}"),
                        (Some(brand), None) => format!("all of {brand}"),
                        (None, _) => "members".into(),
                    };
                    [group.name, group.organisation.name, kind, group.phones.to_string(), group.settings.to_string()]
                };
                let rows: Vec<[String; 5]> = found.groups.into_iter().map(row).collect();
                print(&table(["NAME", "ORGANISATION", "FOR", "PHONES", "SETTINGS"], &rows));
            }
            Self::Add { name, organisation, brand, model } => {
                let draft = json!({ "name": name, "organisation": organisation, "brand": brand, "model": model });
                let group: types::Group = client.post("groups", &draft).await?;
                eprintln!("The group {} is made. It is for {} phones now.", group.name, group.phones);
            }
            Self::Rename { group, name } => {
                let group: types::Group =
                    client.patch(&format!("groups/{}", encode(&group)), &json!({ "name": name })).await?;
                eprintln!("The group is called {} now.", group.name);
            }
            Self::Remove { group } => {
                let group: types::Group = client.delete(&format!("groups/{}", encode(&group))).await?;
                eprintln!("The group {} is removed.", group.name);
            }
        }
        Ok(())
    }
}
