use std::borrow::Cow;

use serde::Deserialize;

/// How values are written in a file, so that no value can become a setting.
///
/// Each knows what its readers take for the end of a value, for a comment or for a command: what could be mistaken is
/// escaped where the format has a way to, and refused where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Lines of `key = value`, with no quoting: what the format cannot say is refused.
    KeyValue,
    /// Lines of `key="value"`, `key: "value"` or `SET KEY "value"`: the value stands between double quotes, and there
    /// is no way to write one within.
    Quoted,
    /// Lines of `key: value`, with no quoting.
    Colon,
    /// Lines of `key: value` in which `#` begins a comment: a value that holds one stands between double quotes.
    ColonComment,
    /// Lines of `key value`, with no quoting.
    Blank,
    /// Lines of `key=value` in which `;` begins a comment.
    Semicolon,
    /// Lines of `Name = value` and rows of tables, in which `;` ends or comments, `,` parts, and text may stand between
    /// single or double quotes. The template sets double quotes with the filter `quoted`.
    Ini,
    /// XML text and attributes.
    Xml,
    /// An XML attribute whose value is a text in double quotes of its own: `content='"value"'`.
    XmlQuoted,
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
    /// A character that begins or ends something in this format.
    #[error("holds {0:?}, which this phone's files cannot say")]
    Character(char),
    /// Over so many bytes, which is all that the phone takes here.
    #[error("is longer than {0} bytes")]
    Longer(usize),
    /// Over [`Format::LONGEST`] bytes.
    #[error("is longer than {} bytes", Format::LONGEST)]
    TooLong,
    /// Nothing, where something must stand.
    #[error("is empty")]
    Empty,
    /// Something else than the name of a setting, where one must stand.
    #[error("is no name of a setting in this phone's files")]
    Name,
}

impl Format {
    /// The longest value that is written, in bytes of UTF-8 before escaping.
    pub const LONGEST: usize = 1024;

    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::KeyValue,
        Self::Quoted,
        Self::Colon,
        Self::ColonComment,
        Self::Blank,
        Self::Semicolon,
        Self::Ini,
        Self::Xml,
        Self::XmlQuoted,
    ];

    /// The name by which `brand.toml` and a template's environment know the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyValue => "key-value",
            Self::Quoted => "quoted",
            Self::Colon => "colon",
            Self::ColonComment => "colon-comment",
            Self::Blank => "blank",
            Self::Semicolon => "semicolon",
            Self::Ini => "ini",
            Self::Xml => "xml",
            Self::XmlQuoted => "xml-quoted",
        }
    }

    /// The format of this [`Format::name`].
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// How a setting stands in a file of this format, where that is the same for every brand.
    pub(super) fn usual_setting(self) -> Option<&'static str> {
        match self {
            Self::KeyValue | Self::Ini => Some("{name} = {value}"),
            Self::Quoted => Some("{name}=\"{value}\""),
            Self::Colon | Self::ColonComment => Some("{name}: {value}"),
            Self::Blank => Some("{name} {value}"),
            Self::Semicolon => Some("{name}={value}"),
            Self::Xml | Self::XmlQuoted => None,
        }
    }

    /// The value as it may stand in a file of this format.
    ///
    /// # Errors
    /// The format has no way to say it.
    pub fn escape(self, value: &str) -> Result<Cow<'_, str>, Unfit> {
        sound(value)?;
        match self {
            Self::KeyValue => {
                if value.starts_with("#!") || value.to_ascii_uppercase().contains("%NULL%") {
                    return Err(Unfit::Command);
                }
                bare(value, &[], &[])
            }
            Self::Quoted => between_quotes(value),
            Self::Colon => bare(value, &[], &['#', '"', '<', '!', '^']),
            Self::ColonComment => match bare(value, &[], &['"', '<', '!', '^'])? {
                commented if commented.contains('#') => Ok(Cow::Owned(format!("\"{}\"", between_quotes(value)?))),
                plain => Ok(plain),
            },
            Self::Blank => bare(value, &[], &['#', '"', '[', ';']),
            Self::Semicolon => bare(value, &[';'], &['#', '[', '{']),
            Self::Ini => bare(value, &[';', '"', '\'', ','], &['[', '!', '#']),
            Self::Xml => Ok(xml(value)),
            Self::XmlQuoted => match between_quotes(value)? {
                Cow::Borrowed(value) => Ok(xml(value)),
                Cow::Owned(value) => Ok(Cow::Owned(xml(&value).into_owned())),
            },
        }
    }

    /// The value between these quotes, for the formats whose values may stand bare or in quotes.
    ///
    /// # Errors
    /// The format knows no quotes, or the value cannot stand between them.
    pub(super) fn quote(self, value: &str, mark: char) -> Result<String, Unfit> {
        sound(value)?;
        match (self, mark) {
            (Self::Ini, '"' | '\'') => Ok(format!("{mark}{}{mark}", between(value, mark)?)),
            // Some put a text of their own between quotes into an attribute.
            (Self::Xml, '"') => Ok(format!("&quot;{}&quot;", xml(&between(value, mark)?))),
            _ => Err(Unfit::Character(mark)),
        }
    }

    /// The name of a setting, which must not end early in this format; `element` where it is that of an XML element or
    /// attribute.
    pub(super) fn check_name(self, name: &str, element: bool) -> Result<(), Unfit> {
        let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'@' | b'$'));
        let rest = |b: u8| match (self, element) {
            (Self::Xml | Self::XmlQuoted, true) => b.is_ascii_alphanumeric() || b"._-".contains(&b),
            (Self::Colon | Self::ColonComment, _) => b.is_ascii_alphanumeric() || b"._-/@[]$% ".contains(&b),
            (Self::Ini, _) => b.is_ascii_alphanumeric() || b"._-/ ".contains(&b),
            _ => b.is_ascii_alphanumeric() || b"._-/:@[]$%".contains(&b),
        };
        let fits = name.len() <= 128 && first && name.bytes().all(rest) && !name.ends_with(' ');
        if fits { Ok(()) } else { Err(Unfit::Name) }
    }
}

/// What no format can hold, whatever it quotes.
fn sound(value: &str) -> Result<(), Unfit> {
    if value.len() > Format::LONGEST {
        return Err(Unfit::TooLong);
    }
    if value.chars().any(ends_a_line) {
        return Err(Unfit::Control);
    }
    Ok(())
}

/// Control characters, the separators that Unicode counts as line ends, and what XML cannot hold at all.
fn ends_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

/// A value without quotes, which holds none of `never` and does not begin with one of `never_first`.
fn bare<'a>(value: &'a str, never: &[char], never_first: &[char]) -> Result<Cow<'a, str>, Unfit> {
    if value.is_empty() {
        // "key = " means something else on every firmware: the template says what it wants instead.
        return Err(Unfit::Empty);
    }
    if value.trim() != value {
        return Err(Unfit::OuterBlank);
    }
    if let Some(found) = value.chars().find(|c| never.contains(c)) {
        return Err(Unfit::Character(found));
    }
    match value.chars().next().filter(|c| never_first.contains(c)) {
        Some(found) => Err(Unfit::Character(found)),
        None => Ok(Cow::Borrowed(value)),
    }
}

/// A value between quotes of which there is no telling how one would be written within. A backslash at its end
/// could hide the closing one.
fn between_quotes(value: &str) -> Result<Cow<'_, str>, Unfit> {
    between(value, '"')
}

fn between(value: &str, mark: char) -> Result<Cow<'_, str>, Unfit> {
    match (value.contains(mark), value.ends_with('\\')) {
        (true, _) => Err(Unfit::Character(mark)),
        (_, true) => Err(Unfit::Character('\\')),
        _ => Ok(Cow::Borrowed(value)),
    }
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
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_a_manifest_says() {
        for format in Format::ALL {
            assert_eq!(Format::named(format.name()), Some(format));
            let read: std::collections::BTreeMap<String, Format> =
                toml::from_str(&format!("format = \"{}\"", format.name())).unwrap();
            assert_eq!(read["format"], format);
        }
        assert_eq!(Format::named("none"), None);
    }

    #[test]
    fn no_format_lets_a_line_end_through() {
        for format in Format::ALL {
            for value in ["a\nb", "a\rb", "a\0b", "a\tb", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "\n", "a\u{7f}"] {
                assert_eq!(format.escape(value), Err(Unfit::Control), "{format:?} {value:?}");
                assert!(format.quote(value, '"').is_err(), "{format:?} {value:?}");
                assert_eq!(format.check_name(value, false), Err(Unfit::Name), "{format:?} {value:?}");
            }
            assert_eq!(format.escape(&"x".repeat(Format::LONGEST + 1)), Err(Unfit::TooLong), "{format:?}");
            assert_eq!(format.escape(&"☎".repeat(10_000)), Err(Unfit::TooLong), "{format:?}");
        }
    }

    /// What must arrive in every format, and does without a change but for XML's five.
    #[test]
    fn what_people_are_called_fits_everywhere() {
        for format in Format::ALL {
            for value in ["Zoë Müller", "100% {x}", "☎️ Hall", "Bob (2nd floor)", "a=b", "$MA", "x#y"] {
                let between = format == Format::ColonComment && value.contains('#');
                let written = if between { format!("\"{value}\"") } else { value.to_owned() };
                assert_eq!(format.escape(value).as_deref(), Ok(written.as_str()), "{format:?}");
            }
        }
        for format in [Format::KeyValue, Format::Quoted, Format::Colon, Format::Blank, Format::Semicolon] {
            assert_eq!(format.escape("O'Brien & <Sons>").as_deref(), Ok("O'Brien & <Sons>"), "{format:?}");
        }
        assert_eq!(Format::Ini.quote("O'Brien; Sons, Ltd.", '"').as_deref(), Ok("\"O'Brien; Sons, Ltd.\""));
    }

    #[test]
    fn each_format_refuses_what_it_cannot_say() {
        use Unfit::{Character, Command, Empty, OuterBlank};
        for (format, value, unfit) in [
            (Format::KeyValue, " a", OuterBlank),
            (Format::KeyValue, "a ", OuterBlank),
            (Format::KeyValue, "\u{a0}a", OuterBlank),
            (Format::KeyValue, "%NULL%", Command),
            (Format::KeyValue, "x%null%y", Command),
            (Format::KeyValue, "#!version:1.0.0.1", Command),
            (Format::KeyValue, "", Empty),
            (Format::Quoted, "a\" x=\"1", Character('"')),
            (Format::Quoted, "a\\", Character('\\')),
            (Format::Colon, "#a", Character('#')),
            (Format::Colon, "\"a\"", Character('"')),
            (Format::Colon, "<<END OF FILE>>", Character('<')),
            (Format::Colon, " a", OuterBlank),
            (Format::Colon, "", Empty),
            (Format::ColonComment, "a\"#", Character('"')),
            (Format::ColonComment, "\"a\"", Character('"')),
            (Format::ColonComment, "#\\", Character('\\')),
            (Format::ColonComment, "a ", OuterBlank),
            (Format::ColonComment, "", Empty),
            (Format::Blank, "# a", Character('#')),
            (Format::Blank, "[FW]", Character('[')),
            (Format::Blank, "a ", OuterBlank),
            (Format::Semicolon, "a;b", Character(';')),
            (Format::Semicolon, "[a]", Character('[')),
            (Format::Semicolon, "{\"YQ==\"}", Character('{')),
            (Format::Semicolon, "", Empty),
            (Format::Ini, "a;b", Character(';')),
            (Format::Ini, "a\"b", Character('"')),
            (Format::Ini, "a'b", Character('\'')),
            (Format::Ini, "1, 2", Character(',')),
            (Format::Ini, "[ \\ProxyIp ]", Character('[')),
            (Format::XmlQuoted, "a\"b", Character('"')),
            (Format::XmlQuoted, "a\\", Character('\\')),
        ] {
            assert_eq!(format.escape(value), Err(unfit), "{format:?} {value:?}");
        }
        assert_eq!(Format::Ini.quote("a\"b", '"'), Err(Character('"')));
        assert_eq!(Format::Ini.quote("a\\", '"'), Err(Character('\\')));
        assert_eq!(Format::Ini.quote("it's", '\''), Err(Character('\'')));
        assert_eq!(Format::Ini.quote("[2-9]xx|0\"", '\'').as_deref(), Ok("'[2-9]xx|0\"'"));
        assert!(Format::KeyValue.quote("a", '"').is_err(), "it knows no quotes");
        assert_eq!(Format::Xml.quote("R&D", '"').as_deref(), Ok("&quot;R&amp;D&quot;"));
        assert_eq!(Format::Xml.quote("a\"b", '"'), Err(Character('"')));
        for value in ["Zoë & \"Bob\" <x>", "a = b", "#98", "100%", "☎️", "it's", "a#b;c"] {
            assert_eq!(Format::KeyValue.escape(value).as_deref(), Ok(value));
        }
        assert_eq!(Format::Quoted.escape("").as_deref(), Ok(""));
    }

    #[test]
    fn xml_escapes_its_five() {
        let (value, escaped) = ("</a> & \"b\" 'c'", "&lt;/a&gt; &amp; &quot;b&quot; &apos;c&apos;");
        assert_eq!(Format::Xml.escape(value).as_deref(), Ok(escaped));
        assert_eq!(Format::Xml.escape(" plain ☎️ ").as_deref(), Ok(" plain ☎️ "));
        assert_eq!(Format::XmlQuoted.escape("</a> & 'c'").as_deref(), Ok("&lt;/a&gt; &amp; &apos;c&apos;"));
        // Nothing can end a section that a template may have begun.
        assert_eq!(Format::Xml.escape("]]>").as_deref(), Ok("]]&gt;"));
    }

    #[test]
    fn names_of_settings_cannot_end_early() {
        for (format, element, name) in [
            (Format::KeyValue, false, "linekey.1.type"),
            (Format::Semicolon, false, "voip/line/0/id"),
            (Format::Xml, true, "P271"),
            (Format::Xml, true, "reg.1.address"),
            (Format::Colon, false, "sip line1 user name"),
            (Format::Quoted, false, "PHONE_NUMBER_1"),
            (Format::Ini, false, "ProxyIp 0"),
        ] {
            assert_eq!(format.check_name(name, element), Ok(()), "{format:?} {name}");
        }
        for (format, element, name) in [
            (Format::KeyValue, false, "a = b"),
            (Format::KeyValue, false, "#a"),
            (Format::Xml, true, "a/b"),
            (Format::Xml, true, "a b"),
            (Format::Xml, true, "reg[1].x"),
            (Format::Xml, false, "a\" b=\"c"),
            (Format::Colon, false, "a: b"),
            (Format::Ini, false, "[a]"),
            (Format::Ini, false, "a ; b"),
            (Format::Blank, false, "a b"),
            (Format::Quoted, false, ""),
        ] {
            assert_eq!(format.check_name(name, element), Err(Unfit::Name), "{format:?} {name}");
        }
    }
}
