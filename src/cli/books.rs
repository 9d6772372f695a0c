//! `block66 books`: phone books.

use std::path::PathBuf;

use serde_json::json;

use super::client::Client;
use super::exit::Failure;
use super::output::{encode, print, table};
use super::phones::read;
use crate::admin::types;

/// Phone books that phones show
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Examples:
  block66 books add Company
  block66 books import Company contacts.csv
  block66 books show Company
  block66 books remove Company")]
pub(super) enum Books {
    /// List the phone books
    List,
    /// Make a phone book
    Add {
        /// Its name
        name: String,
        /// Organisation whose phones show it
        #[arg(long)]
        organisation: Option<String>,
        /// Number that stands for it in the names of files [default: the next free one]
        #[arg(long)]
        number: Option<u32>,
    },
    /// Show who is in a phone book
    Show {
        /// Its number or name
        book: String,
    },
    /// Take all contacts of a phone book from a list (CSV): all of it or nothing
    #[command(after_help = "The first row names the columns: name (or first name, last name), and one or
more of number, phone, mobile …")]
    Import {
        /// Its number or name
        book: String,
        /// The list; `-` reads standard input
        file: PathBuf,
    },
    /// Remove a phone book
    Remove {
        /// Its number or name
        book: String,
    },
}

impl Books {
    pub(super) async fn run(self, client: &Client) -> Result<(), Failure> {
        match self {
            Self::List => {
                let found: types::Books = client.get("books").await?;
                let row = |book: types::Book| {
                    [book.number.to_string(), book.name, book.organisation.name, book.size.to_string()]
                };
                let rows: Vec<[String; 4]> = found.books.into_iter().map(row).collect();
                print(&table(["NUMBER", "NAME", "ORGANISATION", "CONTACTS"], &rows));
            }
            Self::Add { name, organisation, number } => {
                let draft = json!({ "name": name, "organisation": organisation, "number": number });
                let book: types::Book = client.post("books", &draft).await?;
                eprintln!("The phone book {} is made. Its number is {}.", book.name, book.number);
            }
            Self::Show { book } => {
                let book: types::Book = client.get(&format!("books/{}", encode(&book))).await?;
                let rows: Vec<[String; 2]> =
                    book.contacts.into_iter().map(|contact| [contact.name, contact.numbers.join(", ")]).collect();
                print(&table(["NAME", "NUMBERS"], &rows));
            }
            Self::Import { book, file } => {
                let path = format!("books/{}/import", encode(&book));
                let book: types::Book = client.post_csv(&path, read(&file)?).await?;
                for warning in &book.warnings {
                    eprintln!("{warning}");
                }
                eprintln!("The phone book {} has {} contacts now.", book.name, book.size);
            }
            Self::Remove { book } => {
                let book: types::Book = client.delete(&format!("books/{}", encode(&book))).await?;
                eprintln!("The phone book {} is removed.", book.name);
            }
        }
        Ok(())
    }
}
