//! Texts that people give, as long as they may be and without what would break out of a line.

use crate::admin::problem::FieldError;

/// Longest name that people give, in characters.
pub(super) const NAME: usize = 64;

/// An optional text: trimmed, nothing when empty.
pub(super) fn text(errors: &mut Vec<FieldError>, field: &str, value: Option<String>, most: usize) -> Option<String> {
    let value = value?;
    let value = value.trim();
    if value.chars().count() > most {
        errors.push(FieldError::new(field, format!("Longer than {most} characters.")));
    } else if value.chars().any(unprintable) {
        errors.push(FieldError::new(field, "Holds a line break or another control character."));
    }
    (!value.is_empty()).then(|| value.to_owned())
}

/// A text that must be there.
pub(super) fn required(errors: &mut Vec<FieldError>, field: &str, value: String, most: usize) -> String {
    text(errors, field, Some(value), most).unwrap_or_else(|| {
        errors.push(FieldError::new(field, "Missing."));
        String::new()
    })
}

/// What would break out of a line of text or of a SIP header, visibly or not.
pub(super) fn unprintable(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
