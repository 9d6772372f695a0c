//! Which of the files kept for phones a rendered file names: a picture, a sound.

use std::collections::BTreeSet;

use super::sheet::Sheet;
use crate::model::settings::{Kind, Value, definition};

/// The files that are set for the phone or one of its lines and that stand in `text`: a brand whose phones cannot show
/// a picture does not name it.
pub(super) fn resources(text: &str, sheet: &Sheet<'_>) -> Vec<Box<str>> {
    let of_phone = sheet.settings.values().map(|(key, value, _)| (key, value));
    let of_lines = sheet.phone.iter().flat_map(|phone| &phone.lines).flat_map(|line| line.settings.iter());
    let is_file = |key: &str| definition(key).is_some_and(|definition| definition.kind == Kind::File);
    let names = of_phone.chain(of_lines).filter(|(key, _)| is_file(key)).filter_map(|(_, value)| Value::as_text(value));
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().filter(|name| names_it(text, name)).map(Into::into).collect()
}

/// Whether a name stands there by itself, and not as part of a longer one.
fn names_it(text: &str, name: &str) -> bool {
    let of_a_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(of_a_name) && !after.is_some_and(of_a_name)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_by_itself() {
        for text in ["https://10.66.0.1/p/bell.wav", "ring = bell.wav\n", "\"bell.wav\"", "x-bell.wav bell.wav"] {
            assert!(names_it(text, "bell.wav"), "{text}");
        }
        for text in ["", "doorbell.wav", "bell.wave", "bell.wav.gz", "bell_wav"] {
            assert!(!names_it(text, "bell.wav"), "{text}");
        }
        assert!(!names_it("any", ""));
    }
}
