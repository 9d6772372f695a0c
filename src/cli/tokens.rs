//! `block66 tokens`: what programs come in with.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use crate::admin::{Scope, types};

/// Tokens for programs that use the API over HTTPS
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 tokens add grafana --scope read --days 365
  block66 tokens list
  block66 tokens revoke grafana")]
pub(super) enum Tokens {
    /// List the tokens
    List,
    /// Make a token; it is printed this once
    #[command(after_help = "Scopes:
  read        what a viewer may
  operate     what an operator may
  administer  what an administrator may

Example:
  token=$(block66 tokens add grafana --scope read)
  curl --cacert box.pem -H \"Authorization: Bearer $token\" \\
      https://box.example/api/v1/status")]
    Add {
        /// What it is for: letters, digits, a dot, -, _ and @
        name: String,
        /// read, operate or administer
        #[arg(long, value_parser = scope)]
        scope: Scope,
        /// Days for which it is good; for ever when left out
        #[arg(long)]
        days: Option<u32>,
    },
    /// Make a token void
    Revoke {
        /// Its name
        name: String,
    },
}

impl Tokens {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Tokens = client.get("tokens").await?;
                let row = |token: types::Token| {
                    let expires = token.expires.as_deref().map_or_else(|| "never".to_owned(), time);
                    [token.name, token.scope.word().to_owned(), token.by, time(&token.created), expires]
                };
                let rows: Vec<[String; 5]> = found.tokens.into_iter().map(row).collect();
                print(&table(["NAME", "SCOPE", "MADE BY", "MADE", "ENDS"], &rows));
            }
            Self::Add { name, scope, days } => {
                let draft = json!({ "name": name, "scope": scope, "days": days });
                let made: types::NewToken = client.post("tokens", &draft).await?;
                eprintln!("The token {} is made. Keep it: it is not shown again.", made.about.name);
                print(&(made.token + "\n"));
            }
            Self::Revoke { name } => {
                let token: types::Token = client.delete(&format!("tokens/{}", encode(&name))).await?;
                eprintln!("The token {} is void.", token.name);
            }
        }
        Ok(())
    }
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::named(word).ok_or_else(|| {
        let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        format!("the scopes are {}", known.join(", "))
    })
}
