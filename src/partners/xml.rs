//! PURE. Small XML documents of other people's systems: elements with their attributes, and nothing that refers to
//! anything.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// Elements of a document.
const MOST_ELEMENTS: usize = 20_000;
/// Elements within each other.
const DEEPEST: usize = 32;
/// Attributes of an element.
const MOST_ATTRIBUTES: usize = 64;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    NotText,
    /// It is not well formed.
    #[error("its XML is not well formed")]
    Malformed,
    /// It declares types or entities.
    #[error("it declares entities, which nobody needs here")]
    Declares,
    /// It is too large or too deep.
    #[error("its XML is too large or too deep")]
    TooMuch,
}

/// Shows every element with its attributes, in their order; then it is certain that the document is well formed.
///
/// # Errors
/// When it is not; what was shown before counts for nothing then.
pub fn walk(document: &[u8], mut each: impl FnMut(&str, BTreeMap<String, String>)) -> Result<String, Unreadable> {
    let text = std::str::from_utf8(document).map_err(|_| Unreadable::NotText)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut reader = Reader::from_str(text);
    let (mut depth, mut elements, mut said) = (0_usize, 0_usize, String::new());
    loop {
        match reader.read_event().map_err(|_| Unreadable::Malformed)? {
            Event::Start(element) => {
                depth += 1;
                elements += 1;
                show(&element, &mut each)?;
            }
            Event::Empty(element) => {
                elements += 1;
                show(&element, &mut each)?;
            }
            Event::End(_) => depth = depth.checked_sub(1).ok_or(Unreadable::Malformed)?,
            Event::Text(text) if depth == 1 => {
                said += &text;
            }
            Event::DocType(_) => return Err(Unreadable::Declares),
            Event::Eof => break,
            _ => {}
        }
        if depth > DEEPEST || elements > MOST_ELEMENTS {
            return Err(Unreadable::TooMuch);
        }
    }
    if depth > 0 || elements == 0 { Err(Unreadable::Malformed) } else { Ok(said.trim().to_owned()) }
}

fn show(element: &BytesStart<'_>, each: &mut impl FnMut(&str, BTreeMap<String, String>)) -> Result<(), Unreadable> {
    let mut attributes = BTreeMap::new();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| Unreadable::Malformed)?;
        let value = unescape(&attribute.value).map_err(|_| Unreadable::Malformed)?;
        attributes.insert(attribute.key.as_ref().to_owned(), value.into_owned());
        if attributes.len() > MOST_ATTRIBUTES {
            return Err(Unreadable::TooMuch);
        }
    }
    each(element.local_name().as_ref(), attributes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_shown_with_their_attributes() {
        let mut seen = Vec::new();
        let document = b"<?xml version='1.0'?><a x='1&amp;2'><b y=\"&#xe4;\"/><c/></a>";
        walk(document, |name, attributes| seen.push((name.to_owned(), attributes))).unwrap();
        assert_eq!(seen[0], ("a".into(), BTreeMap::from([("x".into(), "1&2".into())])));
        assert_eq!(seen[1], ("b".into(), BTreeMap::from([("y".into(), "ä".into())])));
        assert_eq!(seen.len(), 3);
        assert_eq!(walk(b"<error> no such group </error>", |_, _| {}).as_deref(), Ok("no such group"));
    }

    #[test]
    fn bombs_and_scraps_are_refused() {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        let many = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS + 1));
        for (document, why) in [
            ("", Unreadable::Malformed),
            ("<a", Unreadable::Malformed),
            ("<a>", Unreadable::Malformed),
            ("<a></b>", Unreadable::Malformed),
            ("<a x=1/>", Unreadable::Malformed),
            ("<a x='&evil;'/>", Unreadable::Malformed),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", Unreadable::Declares),
            (deep.as_str(), Unreadable::TooMuch),
            (many.as_str(), Unreadable::TooMuch),
        ] {
            assert_eq!(
                walk(document.as_bytes(), |_, _| {}),
                Err(why),
                "{}",
                document.chars().take(40).collect::<String>()
            );
        }
        assert_eq!(walk(b"<a>\xff</a>", |_, _| {}), Err(Unreadable::NotText));
    }
}
