//! Who is in a phone book: as somebody wants it, and as a spreadsheet has it. PURE.

use crate::admin::import::{MOST_ERRORS, Refusal, Rows, text_of};
use crate::admin::problem::FieldError;
use crate::admin::types;
use crate::model::Contact;

/// Most contacts of one book: more than any phone takes.
const MOST: usize = 5_000;
/// Most numbers of one contact.
const MOST_NUMBERS: usize = 8;
/// Longest name and longest number, in characters.
const LONGEST: usize = 64;

/// What was read from a list.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::admin) struct Read {
    pub(in crate::admin) contacts: Vec<Contact>,
    pub(in crate::admin) warnings: Vec<String>,
}

/// The contacts, if all of them are in order.
pub(in crate::admin) fn check(contacts: Vec<types::Contact>) -> Result<Vec<Contact>, Vec<FieldError>> {
    let mut errors = Vec::new();
    if contacts.len() > MOST {
        errors.push(FieldError::new("contacts", format!("There are more than {MOST}.")));
    }
    let mut checked = Vec::new();
    for (index, contact) in contacts.into_iter().take(MOST).enumerate() {
        let field = format!("contacts[{index}]");
        match one(&contact.name, contact.numbers.iter().map(String::as_str)) {
            Ok(contact) => checked.push(contact),
            Err(wrong) => errors.push(FieldError::new(field, wrong)),
        }
    }
    if errors.is_empty() { Ok(checked) } else { Err(errors) }
}

/// Reads a spreadsheet: a name and one or more numbers in each row.
pub(in crate::admin) fn read(bytes: &[u8]) -> Result<Read, Refusal> {
    let decoded = text_of(bytes)?;
    let mut rows = Rows::of(&decoded.text);
    let (_, headings) = rows.next().ok_or(Refusal::Empty)?;
    let columns = Columns::read(&headings.map_err(|_| Refusal::Empty)?)?;
    let mut errors = Vec::new();
    let mut contacts = Vec::new();
    for (number, row) in rows {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                errors.push(FieldError::new(format!("row {number}"), error.to_string()));
                continue;
            }
        };
        let names: Vec<&str> =
            columns.names.iter().filter_map(|at| row.get(*at)).map(str::trim).filter(|text| !text.is_empty()).collect();
        match one(&names.join(" "), columns.numbers.iter().filter_map(|at| row.get(*at))) {
            Ok(contact) => contacts.push(contact),
            Err(wrong) => errors.push(FieldError::new(format!("row {number}"), wrong)),
        }
        if contacts.len() > MOST {
            return Err(Refusal::TooManyContacts(MOST));
        }
    }
    if !errors.is_empty() {
        let count = errors.len();
        errors.truncate(MOST_ERRORS);
        return Err(Refusal::Rows(errors, count));
    }
    if contacts.is_empty() {
        return Err(Refusal::Empty);
    }
    Ok(Read { contacts, warnings: decoded.warning.into_iter().collect() })
}

/// Which columns hold names, and which numbers.
struct Columns {
    names: Vec<usize>,
    numbers: Vec<usize>,
}

impl Columns {
    fn read(headings: &csv::StringRecord) -> Result<Self, Refusal> {
        let (mut first, mut last, mut whole, mut numbers) = (None, None, None, Vec::new());
        for (index, heading) in headings.iter().enumerate() {
            let plain: String = heading.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
            match plain.as_str() {
                "name" | "displayname" | "fullname" | "contact" | "contactname" | "kontakt" | "anzeigename" => {
                    whole = whole.or(Some(index));
                }
                "firstname" | "givenname" | "vorname" => first = first.or(Some(index)),
                "lastname" | "surname" | "familyname" | "nachname" => last = last.or(Some(index)),
                text if [
                    "number",
                    "phone",
                    "extension",
                    "mobile",
                    "office",
                    "home",
                    "work",
                    "telefon",
                    "mobil",
                    "nummer",
                ]
                .iter()
                .any(|word| text.contains(word)) =>
                {
                    numbers.push(index);
                }
                _ => {}
            }
        }
        let names: Vec<usize> = match whole {
            Some(whole) => vec![whole],
            None => first.into_iter().chain(last).collect(),
        };
        if names.is_empty() {
            return Err(Refusal::ColumnMissing("the name"));
        }
        if numbers.is_empty() {
            return Err(Refusal::ColumnMissing("the number"));
        }
        Ok(Self { names, numbers })
    }
}

/// A contact with a name and at least one number. What people write between digits is left out.
fn one<'a>(name: &str, numbers: impl Iterator<Item = &'a str>) -> Result<Contact, String> {
    let name = name.trim();
    if name.is_empty() {
        return Err("It has no name.".into());
    }
    if name.chars().count() > LONGEST || name.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err(format!("Its name is longer than {LONGEST} characters or holds a control character."));
    }
    let mut plain = Vec::new();
    for number in numbers.map(str::trim).filter(|number| !number.is_empty()) {
        plain.push(dialled(number).ok_or_else(|| format!("\"{number}\" cannot be dialled."))?);
    }
    match plain.len() {
        0 => Err("It has no number.".into()),
        1..=MOST_NUMBERS => Ok(Contact { name: name.to_owned(), numbers: plain }),
        _ => Err(format!("It has more than {MOST_NUMBERS} numbers.")),
    }
}

/// A number as a phone dials it: without what people write between digits; `(0)` in it is not dialled from abroad, and
/// who lists it with a country code means that.
fn dialled(number: &str) -> Option<String> {
    let number = if number.starts_with('+') { number.replace("(0)", "") } else { number.to_owned() };
    let digits = number.chars().all(|c| c.is_ascii_digit() || "+*# ()-./\u{a0}".contains(c));
    let text: String =
        if digits { number.chars().filter(|c| c.is_ascii_digit() || "+*#".contains(*c)).collect() } else { number };
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || "*#+-_.@".contains(c));
    (fits && (1..=LONGEST).contains(&text.len())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_in_latin_1_with_semicolons_is_read() {
        let list = b"Vorname;Nachname;Telefon;Mobil\nJ\xf6rg;M\xfcller;+49 (0)89 / 12-34;0170 1\n;;;\nHall;;201;\n";
        let read = read(list).unwrap();
        assert_eq!(read.contacts[0].name, "Jörg Müller");
        assert_eq!(read.contacts[0].numbers, ["+49891234", "01701"]);
        assert_eq!((read.contacts.len(), read.warnings.len()), (2, 1));
    }

    #[test]
    fn wrong_rows_are_named_and_nothing_is_taken() {
        let list = "name,number\nHall,201\n,202\nYard,\nGate,2 0<3\n";
        let Err(Refusal::Rows(errors, 3)) = read(list.as_bytes()) else { panic!() };
        assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["row 3", "row 4", "row 5"]);
        assert_eq!(read(b"a,b\n1,2\n"), Err(Refusal::ColumnMissing("the name")));
        assert_eq!(read(b"name,room\n1,2\n"), Err(Refusal::ColumnMissing("the number")));
        assert_eq!(read(b"PK\x03\x04\0"), Err(Refusal::Binary(4)));
        assert_eq!(read(b" \n"), Err(Refusal::Empty));
    }
}
