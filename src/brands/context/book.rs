use minijinja::Value;

use super::field::{field, name};
use super::{map, none};
use crate::brands::pattern::Places;
use crate::brands::sheet::BookPage;
use crate::model::Contact;

/// What stood in the places of the name: the phone's own words, to be echoed and never trusted.
pub(super) fn asked(places: &Places) -> Value {
    let word = |what: &str, text: &Option<String>| {
        text.as_deref().map_or_else(none, |text| field(format!("the {what} in the file's name"), text))
    };
    map([
        ("mac", places.mac.map_or_else(none, |mac| Value::from(mac.plain()))),
        ("code", word("code", &places.code)),
        ("model", word("model", &places.model)),
        ("id", word("id", &places.id)),
        ("type", word("type", &places.kind)),
        ("file", word("file", &places.file)),
    ])
}

/// A phone book, or what is left of it after a search.
pub(super) fn book(page: &BookPage<'_>) -> Value {
    let contact = |(at, contact): (usize, &&Contact)| {
        let what = format!("the name of contact {}", at + 1);
        let number = |number: &String| field(format!("a number of contact {}", at + 1), number.trim());
        map([("name", name(what, &contact.name)), ("numbers", contact.numbers.iter().map(number).collect())])
    };
    map([
        ("name", name("the name of the phone book", page.name)),
        ("number", Value::from(page.number)),
        ("search", page.search.map_or_else(none, |search| field("what is looked for", search))),
        ("contacts", page.contacts.iter().enumerate().map(contact).collect()),
    ])
}
