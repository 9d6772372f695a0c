use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::editing::contacts;
use crate::admin::editing::draft::name_of;
use crate::admin::editing::edit::is_at;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::{Contact, Id, PhoneBook, Reason};
use crate::store::Write;
use crate::sys::random;

/// A phone book as somebody wants it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct BookDraft {
    pub(in crate::admin) name: Option<String>,
    pub(in crate::admin) organisation: Option<String>,
    pub(in crate::admin) number: Option<u32>,
    pub(in crate::admin) contacts: Option<Vec<types::Contact>>,
}

/// The highest number of a phone book.
const HIGHEST: u32 = 999_999;

fn check_number(number: Option<u32>) -> Result<(), Problem> {
    match number {
        Some(number) if !(1..=HIGHEST).contains(&number) => {
            Err(Problem::fields(vec![FieldError::new("number", format!("A number from 1 to {HIGHEST}."))]))
        }
        _ => Ok(()),
    }
}

impl Admin {
    /// Answers calls about phone books; `path` is what follows `/api/v1/books`.
    pub(super) async fn api_books(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.books())),
            ([], &Method::POST) => {
                let book = self.add_book(call.json()?, call.from).await?;
                Ok(Answer::json(StatusCode::CREATED, &self.book_shown(&book, true)).versioned(book.version))
            }
            ([book], &Method::GET) => {
                let book = self.book_in(book)?;
                Ok(Answer::json(StatusCode::OK, &self.book_shown(&book, true)).versioned(book.version))
            }
            ([book], &Method::PATCH) => {
                let book = self.change_book(self.book_in(book)?, call.json()?, call.expected()?, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &self.book_shown(&book, true)).versioned(book.version))
            }
            ([book], &Method::DELETE) => {
                let book = self.book_in(book)?;
                self.remove_book(&book, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &self.book_shown(&book, false)))
            }
            ([book, "import"], &Method::POST) => {
                let (book, warnings) =
                    self.fill_book(self.book_in(book)?, &call.body, call.expected()?, call.from).await?;
                let shown = types::Book { warnings, ..self.book_shown(&book, true) };
                Ok(Answer::json(StatusCode::OK, &shown).versioned(book.version))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/books/{}", path.join("/")))),
        }
    }
}

impl Admin {
    /// Makes a phone book.
    pub(in crate::admin) async fn add_book(&self, draft: BookDraft, from: Origin) -> Result<PhoneBook, Problem> {
        let name = name_of(draft.name).map_err(Problem::fields)?;
        let organisation = draft.organisation.as_deref().map(str::trim).filter(|name| !name.is_empty());
        let organisation = self
            .organisation(organisation)
            .ok_or_else(|| Problem::organisation_unknown(organisation.unwrap_or_default()))?;
        let contacts = contacts::check(draft.contacts.unwrap_or_default()).map_err(Problem::fields)?;
        check_number(draft.number)?;
        let free = || {
            let taken: BTreeSet<u32> = self.0.store.phone_books().iter().map(|book| book.number).collect();
            let next = taken.last().map_or(101, |last| last.saturating_add(1).max(101));
            // One that was given by hand may be the highest there is.
            (next..=HIGHEST).chain(101..next).find(|number| !taken.contains(number)).unwrap_or(HIGHEST)
        };
        let now = self.0.clock.now().wall;
        let book = PhoneBook {
            id: random::id(now),
            version: 0,
            origin: self.0.facts.box_id,
            organisation: organisation.id,
            number: draft.number.unwrap_or_else(free),
            name,
            contacts,
            created: now,
        };
        self.put_book(book, 0, from).await
    }

    /// Changes name, number or contacts of a phone book.
    pub(in crate::admin) async fn change_book(
        &self,
        mut book: PhoneBook,
        draft: BookDraft,
        expected: Option<u64>,
        from: Origin,
    ) -> Result<PhoneBook, Problem> {
        is_at(book.version, expected)?;
        if draft.organisation.is_some() {
            return Err(Problem::malformed("A phone book stays with its organisation; make another one."));
        }
        if draft.name.is_some() {
            book.name = name_of(draft.name).map_err(Problem::fields)?;
        }
        if let Some(number) = draft.number {
            check_number(Some(number))?;
            book.number = number;
        }
        if let Some(contacts) = draft.contacts {
            book.contacts = contacts::check(contacts).map_err(Problem::fields)?;
        }
        let version = book.version;
        self.put_book(book, version, from).await
    }

    /// Takes all contacts of a phone book from a list.
    pub(in crate::admin) async fn fill_book(
        &self,
        mut book: PhoneBook,
        list: &[u8],
        expected: Option<u64>,
        from: Origin,
    ) -> Result<(PhoneBook, Vec<String>), Problem> {
        is_at(book.version, expected)?;
        let read = contacts::read(list).map_err(super::phones::refused)?;
        book.contacts = read.contacts;
        let version = book.version;
        Ok((self.put_book(book, version, from).await?, read.warnings))
    }

    /// Removes a phone book; phones show it no more.
    pub(in crate::admin) async fn remove_book(&self, book: &PhoneBook, from: Origin) -> Result<(), Problem> {
        self.0.store.commit(vec![Write::DeletePhoneBook(book.id)]).await?;
        let what = format!("phone book \"{}\"", book.name);
        self.record_document(Reason::DocumentRemoved { what }, book.organisation, from);
        Ok(())
    }

    async fn put_book(&self, book: PhoneBook, version: u64, from: Origin) -> Result<PhoneBook, Problem> {
        let (id, organisation) = (book.id, book.organisation);
        let what = format!("phone book \"{}\"", book.name);
        self.0.store.commit(vec![Write::PutPhoneBook { book, expect: Some(version) }]).await?;
        self.record_document(Reason::DocumentChanged { what }, organisation, from);
        self.0.store.phone_book(id).ok_or_else(|| unknown(&id.to_string()))
    }

    /// All phone books, without their contacts.
    pub(in crate::admin) fn books(&self) -> types::Books {
        let books = self.0.store.phone_books();
        types::Books { books: books.iter().map(|book| self.book_shown(book, false)).collect() }
    }

    pub(in crate::admin) fn book_shown(&self, book: &PhoneBook, whole: bool) -> types::Book {
        let contact =
            |contact: &Contact| types::Contact { name: contact.name.clone(), numbers: contact.numbers.clone() };
        types::Book {
            id: book.id.to_string(),
            version: book.version,
            number: book.number,
            name: book.name.clone(),
            organisation: self.named(book.organisation),
            size: book.contacts.len(),
            contacts: if whole { book.contacts.iter().map(contact).collect() } else { Vec::new() },
            warnings: Vec::new(),
        }
    }

    /// The phone book of that number, id or name.
    pub(in crate::admin) fn book_in(&self, name: &str) -> Result<PhoneBook, Problem> {
        let store = &self.0.store;
        let by_number = name.parse::<u32>().ok().and_then(|number| store.phone_book_by_number(number));
        let by_id = || name.parse::<Id>().ok().and_then(|id| store.phone_book(id));
        let by_name = || {
            let mut found = store.phone_books().into_iter().filter(|book| book.name.eq_ignore_ascii_case(name));
            found.next().filter(|_| found.next().is_none())
        };
        by_number.or_else(by_id).or_else(by_name).ok_or_else(|| unknown(name))
    }

    /// An organisation by its identity and name.
    pub(in crate::admin) fn named(&self, organisation: Id) -> types::Named {
        let name = self.0.store.organisation(organisation).map(|organisation| organisation.name.clone());
        types::Named { id: organisation.to_string(), name: name.unwrap_or_default() }
    }
}

fn unknown(name: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "book-unknown",
        format!("There is no phone book \"{name}\"."),
        "Look up its number with `block66 books list`.",
    )
}
