use std::borrow::Cow;

use serde::Deserialize;

/// How values are written in a file, so that no value can become a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Lines of `key = value`, with no quoting: what the format cannot say is refused.
    KeyValue,
    /// XML text and attributes.
    Xml,
}

/// Why a value cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A line break or another control character.
    #[error("holds a line break or control character, which could begin a new setting")]
    Control,
    /// White space where the phone drops it.
    #[error("begins or ends with a blank, which the phone would drop")]
    OuterBlank,
    /// `%NULL%`, or a value that begins with `#!`.
    #[error("holds a word that the phone takes for a command")]
    Command,
    /// Over [`Format::LONGEST`] bytes.
    #[error("is longer than {} bytes", Format::LONGEST)]
    TooLong,
    /// Nothing, where something must stand.
    #[error("is empty")]
    Empty,
}

impl Format {
    /// The longest value that is written, in bytes of UTF-8 before escaping.
    pub const LONGEST: usize = 1024;

    /// The name by which a template's environment knows the format.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KeyValue => "key-value",
            Self::Xml => "xml",
        }
    }

    /// The format of this [`Format::name`].
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::KeyValue, Self::Xml].into_iter().find(|format| format.name() == name)
    }

    /// The value as it may stand in a file of this format.
    pub(super) fn escape(self, value: &str) -> Result<Cow<'_, str>, Unfit> {
        if value.len() > Self::LONGEST {
            return Err(Unfit::TooLong);
        }
        if value.chars().any(ends_a_line) {
            return Err(Unfit::Control);
        }
        match self {
            Self::KeyValue => key_value(value).map(Cow::Borrowed),
            Self::Xml => Ok(xml(value)),
        }
    }
}

/// Control characters, the separators that Unicode counts as line ends, and what XML cannot hold at all.
fn ends_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn key_value(value: &str) -> Result<&str, Unfit> {
    if value.is_empty() {
        // "key = " means something else on every firmware: the template says what it wants instead.
        return Err(Unfit::Empty);
    }
    if value.trim() != value {
        return Err(Unfit::OuterBlank);
    }
    if value.starts_with("#!") || value.to_ascii_uppercase().contains("%NULL%") {
        return Err(Unfit::Command);
    }
    Ok(value)
}

fn xml(value: &str) -> Cow<'_, str> {
    if !value.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(value);
    }
    let mut escaped = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_format_lets_a_line_end_through() {
        for value in ["a\nb", "a\rb", "a\0b", "a\tb", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "\n", "a\u{7f}"] {
            assert_eq!(Format::KeyValue.escape(value), Err(Unfit::Control), "{value:?}");
            assert_eq!(Format::Xml.escape(value), Err(Unfit::Control), "{value:?}");
        }
        let long = "x".repeat(Format::LONGEST + 1);
        assert_eq!(Format::KeyValue.escape(&long), Err(Unfit::TooLong));
        assert_eq!(Format::Xml.escape(&long), Err(Unfit::TooLong));
    }

    #[test]
    fn key_value_refuses_what_it_cannot_say() {
        for value in [" a", "a ", "\u{a0}a"] {
            assert_eq!(Format::KeyValue.escape(value), Err(Unfit::OuterBlank), "{value:?}");
        }
        for value in ["%NULL%", "%null%", "x%NULL%y", "#!version:1.0.0.1"] {
            assert_eq!(Format::KeyValue.escape(value), Err(Unfit::Command), "{value:?}");
        }
        assert_eq!(Format::KeyValue.escape(""), Err(Unfit::Empty));
        for value in ["Zoë & \"Bob\" <x>", "a = b", "#98", "100%", "☎️", "it's", "a#b;c"] {
            assert_eq!(Format::KeyValue.escape(value).as_deref(), Ok(value));
        }
    }

    #[test]
    fn xml_escapes_its_five() {
        assert_eq!(Format::Xml.escape("</a> & \"b\" 'c'").as_deref(), Ok("&lt;/a&gt; &amp; &quot;b&quot; &#39;c&#39;"));
        assert_eq!(Format::Xml.escape(" plain ☎️ ").as_deref(), Ok(" plain ☎️ "));
    }
}
