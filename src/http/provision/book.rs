use super::make::Unmade;
use super::query::Query;
use super::{Provision, Target};
use crate::brands::{BookPage, Content, Rendered};
use crate::model::settings::Resolved;
use crate::model::{Contact, Organisation, Phone, PhoneBook, Reason};

impl Provision {
    /// Renders a phone book for a phone that may see it.
    pub(super) fn book(
        &self,
        query: &Query<'_>,
        target: Target<'_>,
        (phone, organisation): (Option<&Phone>, Option<&Organisation>),
    ) -> Result<Rendered, Unmade> {
        let missing = || Unmade::Missing(Reason::BookNotShown);
        let phone = phone.ok_or_else(missing)?;
        let book = match &target.places.id {
            Some(id) => {
                let numbered = self.numbered(id).filter(|book| book.organisation == phone.organisation);
                let levels = self.store.levels(phone);
                numbered.filter(|book| shows(&levels.resolve(), book))
            }
            None => self.all_in_one(phone),
        };
        let book = book.ok_or_else(missing)?;
        let search = target.rule.search.as_deref().and_then(|name| query.parameter(name));
        let search = search.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let contacts: Vec<&Contact> =
            book.contacts.iter().filter(|contact| search.is_none_or(|text| fits(contact, text))).collect();
        let page = BookPage { name: &book.name, number: book.number, contacts: &contacts, search };
        Ok(self.render(query, target, Content::Settings, (Some(phone), organisation), (None, Some(page)))?)
    }

    /// The phone books that a phone shows: those that its settings name, in their order, or all of its organisation.
    fn books_of(&self, phone: &Phone, settings: &Resolved<'_>) -> Vec<PhoneBook> {
        let mut books = self.store.phone_books();
        books.retain(|book| book.organisation == phone.organisation && shows(settings, book));
        let place = |book: &PhoneBook| settings.books_named()?.iter().position(|id| **id == *book.id.to_string());
        books.sort_by_key(place);
        books
    }

    fn numbered(&self, id: &str) -> Option<PhoneBook> {
        self.store.phone_book_by_number(id.parse().ok()?)
    }

    /// For phones that fetch one book whatever its name: all that it shows, one after another. None at all is no book,
    /// so that what the phone has of its own is not replaced by nothing.
    fn all_in_one(&self, phone: &Phone) -> Option<PhoneBook> {
        let levels = self.store.levels(phone);
        let mut books = self.books_of(phone, &levels.resolve()).into_iter();
        let mut first = books.next()?;
        first.contacts.extend(books.flat_map(|book| book.contacts));
        Some(first)
    }
}

/// Whether a phone with these settings may see a book of its organisation.
fn shows(settings: &Resolved<'_>, book: &PhoneBook) -> bool {
    settings.books_named().is_none_or(|ids| ids.iter().any(|id| **id == *book.id.to_string()))
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
