use std::sync::Arc;

use super::make::Unmade;
use super::query::Query;
use super::{Provision, Target, levels};
use crate::brands::{BookPage, Content, Rendered};
use crate::model::{Contact, Organisation, Phone, PhoneBook, Reason};

impl Provision {
    /// Renders a phone book for a phone that may see it.
    pub(super) fn book(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        (phone, organisation): (Option<&Phone>, Option<&Arc<Organisation>>),
    ) -> Result<Rendered, Unmade> {
        let missing = || Unmade::Missing(Reason::BookNotShown);
        let phone = phone.ok_or_else(missing)?;
        let levels = self.levels(phone, organisation);
        let chosen = levels::chosen(&levels.resolve(phone));
        let shows = |book: &PhoneBook| {
            book.organisation == phone.organisation && chosen.as_ref().is_none_or(|ids| ids.contains(&book.id))
        };
        let book = match &target.places.id {
            Some(id) => self.numbered(id).filter(|book| shows(book)),
            None => self.all_in_one(shows),
        };
        let book = book.ok_or_else(missing)?;
        let search = target.rule.search.as_deref().and_then(|name| query.parameter(name));
        let search = search.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let contacts: Vec<&Contact> =
            book.contacts.iter().filter(|contact| search.is_none_or(|text| fits(contact, text))).collect();
        let page = BookPage { name: &book.name, number: book.number, contacts: &contacts, search };
        Ok(self.render(query, target, Content::Settings, (Some(phone), organisation), Some(page))?)
    }

    fn numbered(&self, id: &str) -> Option<PhoneBook> {
        self.store.phone_book_by_number(id.parse().ok()?)
    }

    /// For phones that fetch one book whatever its name: all that it shows, one after another. None at all is no book,
    /// so that what the phone has of its own is not replaced by nothing.
    fn all_in_one(&self, shows: impl Fn(&PhoneBook) -> bool) -> Option<PhoneBook> {
        let mut books = self.store.phone_books().into_iter().filter(shows);
        let mut first = books.next()?;
        first.contacts.extend(books.flat_map(|book| book.contacts));
        Some(first)
    }
}

/// Whether a contact is looked for: by part of its name in any case, or by part of a number however that is written.
fn fits(contact: &Contact, text: &str) -> bool {
    let digits = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || "+*#".contains(*c)).collect::<String>();
    let number = digits(text);
    contact.name.to_lowercase().contains(&text.to_lowercase())
        || !number.is_empty() && contact.numbers.iter().any(|known| digits(known).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_found_by_name_and_number() {
        let contact = Contact { name: "Jörg Müller".into(), numbers: vec!["+49 89 1234-56".into()] };
        for text in ["jörg", "MÜLL", "8912", "89 123", "+49", "1234-56"] {
            assert!(fits(&contact, text), "{text}");
        }
        for text in ["Meier", "9999", "+48"] {
            assert!(!fits(&contact, text), "{text}");
        }
    }
}
