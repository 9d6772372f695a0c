//! `block66 accounts`: who may sign in, and what they may do.

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table, time};
use super::secret;
use crate::admin::{Role, types};

/// Who may sign in on the page, and what they may do there
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 accounts add anna --role operator
  block66 accounts role anna administrator
  block66 accounts rename anna anna.b
  block66 accounts password anna
        when it is forgotten
  block66 accounts drop-factor anna
        when the telephone with the app is lost
  block66 accounts unlock anna
        after too many wrong guesses
  block66 accounts remove anna")]
pub(super) enum Accounts {
    /// List the accounts
    List,
    /// Make an account; its password is asked for, or read from standard input
    #[command(after_help = "Roles:
  viewer         looks, and changes nothing
  operator       has phones told, adopts them, and lets them start over
  administrator  everything")]
    Add {
        /// Letters, digits, a dot, -, _ and @
        name: String,
        /// viewer, operator or administrator
        #[arg(long, value_parser = role)]
        role: Role,
    },
    /// Give an account another role; it is signed out, and its tokens end that may do more
    Role {
        /// Its name
        name: String,
        /// viewer, operator or administrator
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Give an account another name; it is signed out
    Rename {
        /// Its name
        name: String,
        /// Its new name
        new: String,
    },
    /// Give an account another password, asked for or read from standard input; it is signed out
    Password {
        /// Its name
        name: String,
    },
    /// Ask an account for no codes of an app any more, as when its telephone is lost
    DropFactor {
        /// Its name
        name: String,
    },
    /// Let an account be tried again at once after too many wrong guesses
    Unlock {
        /// Its name
        name: String,
    },
    /// Remove an account; it is signed out, and the tokens that it made end
    Remove {
        /// Its name
        name: String,
    },
}

impl Accounts {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        let place = |name: &str| format!("accounts/{}", encode(name));
        let said = match self {
            Self::List => {
                list(&client.get("accounts").await?);
                return Ok(());
            }
            Self::Add { name, role } => {
                let password = secret::read("Password")?;
                let draft = json!({ "name": name, "role": role, "password": password.expose() });
                let account: types::Account = client.post("accounts", &draft).await?;
                format!("The account {} is made. It is {}.", account.name, with_article(account.role))
            }
            Self::Role { name, role } => {
                let account: types::Account = client.patch(&place(&name), &json!({ "role": role })).await?;
                format!("{} is {} now.", account.name, with_article(account.role))
            }
            Self::Rename { name, new } => {
                let account: types::Account = client.patch(&place(&name), &json!({ "name": new })).await?;
                format!("The account is called {} now.", account.name)
            }
            Self::Password { name } => {
                let password = secret::read("New password")?;
                let change = json!({ "password": password.expose() });
                let account: types::Account = client.patch(&place(&name), &change).await?;
                format!("The password of {} is set.", account.name)
            }
            Self::DropFactor { name } => {
                let account: types::Account = client.delete(&format!("{}/factor", place(&name))).await?;
                format!("{} is asked for the password alone.", account.name)
            }
            Self::Unlock { name } => {
                let account: types::Account = client.post(&format!("{}/unlock", place(&name)), &json!({})).await?;
                format!("{} may be tried again.", account.name)
            }
            Self::Remove { name } => {
                let account: types::Account = client.delete(&place(&name)).await?;
                format!("The account {} is removed.", account.name)
            }
        };
        eprintln!("{said}");
        Ok(())
    }
}

fn list(found: &types::Accounts) {
    let row = |account: &types::Account| {
        let factor = match (account.factor, account.recovery_codes) {
            (false, _) => "password".to_owned(),
            (true, left) => format!("password and app, {left} codes on paper"),
        };
        let locked = account.locked_seconds.map_or_else(String::new, |seconds| format!("for {seconds} s"));
        [account.name.clone(), account.role.word().to_owned(), factor, time(&account.created), locked]
    };
    let rows: Vec<[String; 5]> = found.accounts.iter().map(row).collect();
    print(&table(["NAME", "ROLE", "SIGNS IN WITH", "MADE", "LOCKED"], &rows));
}

fn role(word: &str) -> Result<Role, String> {
    Role::named(word).ok_or_else(|| {
        let known: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
        format!("the roles are {}", known.join(", "))
    })
}

fn with_article(role: Role) -> String {
    let article = if role == Role::Viewer { "a" } else { "an" };
    format!("{article} {}", role.word())
}
