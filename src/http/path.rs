//! PURE. From the path of a request to the name of a file, for clients that join URLs in every possible way.

/// Longest path that is read, in bytes as sent.
const LONGEST: usize = 1024;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    name: String,
    prefixed: bool,
}

impl Wanted {
    /// Reads the path of a request line, with or without its query.
    ///
    /// The name comes out in lower case, with single slashes between its parts and none around them. Escapes are
    /// undone once, backslashes count as slashes, and the provisioning prefix `p` is taken off if it is there.
    ///
    /// # Errors
    /// Anything that tries to climb, or that no client of ours sends. The name never reaches a file system; such a
    /// request is refused because nobody honest makes it.
    pub fn read(path: &str) -> Result<Self, PathError> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if path.len() > LONGEST {
            return Err(PathError::TooLong);
        }
        let text = String::from_utf8(unescape(path)?).map_err(|_| PathError::NotText)?;
        if text.chars().any(char::is_control) {
            return Err(PathError::Control);
        }
        let mut parts: Vec<String> = Vec::new();
        for part in text.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                return Err(PathError::Climbs);
            }
            parts.push(part.to_ascii_lowercase());
        }
        let prefixed = parts.first().is_some_and(|first| first == "p");
        let name = parts.get(usize::from(prefixed)..).unwrap_or_default().join("/");
        Ok(Self { name, prefixed })
    }

    /// The name of the file, in lower case; empty for the root.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is a file of the provisioning side rather than a page of the administrator's: all below the
    /// prefix, and bare file names, which some phones insist on.
    pub fn is_provisioning(&self) -> bool {
        self.prefixed || (self.name.contains('.') && !self.name.contains('/'))
    }

    /// Whether this is a page of the administrator's whatever files phones may ask for.
    pub fn is_page(&self) -> bool {
        !self.prefixed && matches!(self.name.split('/').next(), Some("" | "api" | "assets"))
    }
}

/// The value of a parameter in a query, with its escapes undone and blanks for plus signs; `None` when it is not there,
/// is no text, or is longer than anybody types on a phone.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    const LONGEST: usize = 128;
    let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    if value.len() > 3 * LONGEST {
        return None;
    }
    let text = String::from_utf8(unescape(&value.replace('+', " ")).ok()?).ok()?;
    (text.chars().count() <= LONGEST && !text.chars().any(char::is_control)).then_some(text)
}

/// Why a path was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than any that a phone was given.
    #[error("its path is too long")]
    TooLong,
    /// A percent sign without two hexadecimal digits after it.
    #[error("its path has a percent sign that begins no escape")]
    BadEscape,
    /// Escapes that make no UTF-8.
    #[error("its path is not text")]
    NotText,
    /// A control character, NUL among them.
    #[error("its path has a control character")]
    Control,
    /// A `..`, in whatever spelling.
    #[error("its path climbs out with \"..\"")]
    Climbs,
}

fn unescape(path: &str) -> Result<Vec<u8>, PathError> {
    let mut bytes = path.bytes();
    let mut plain = Vec::with_capacity(path.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit().zip(digit()).map(|(high, low)| high * 16 + low);
        plain.push(value.and_then(|value| u8::try_from(value).ok()).ok_or(PathError::BadEscape)?);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> String {
        let wanted = Wanted::read(path).unwrap();
        format!("{}{}", if wanted.prefixed { "p:" } else { "" }, wanted.name())
    }

    #[test]
    fn finds_the_name_in_every_spelling() {
        for (path, expected) in [
            ("/p/805ec0123456.cfg", "p:805ec0123456.cfg"),
            ("/P/805EC0123456.CFG", "p:805ec0123456.cfg"),
            ("//p//805ec0123456.cfg", "p:805ec0123456.cfg"),
            ("/p%2f805ec0123456.cfg", "p:805ec0123456.cfg"),
            ("/p/%38%30:5e:c0:12:34:56.cfg", "p:80:5e:c0:12:34:56.cfg"),
            ("/805ec0123456.cfg?x=../..", "805ec0123456.cfg"),
            ("805ec0123456.cfg", "805ec0123456.cfg"),
            ("/p\\805ec0123456.cfg", "p:805ec0123456.cfg"),
            ("/./p/./a.cfg", "p:a.cfg"),
            ("/p/xml/_global/keys.xml", "p:xml/_global/keys.xml"),
            ("/p/a%20b.cfg", "p:a b.cfg"),
            ("/p/%252e%252e/a", "p:%2e%2e/a"),
            ("/p/a..b.cfg", "p:a..b.cfg"),
            ("/", ""),
            ("", ""),
            ("/p", "p:"),
            ("/p/", "p:"),
            ("/phones", "phones"),
        ] {
            assert_eq!(name(path), expected, "{path}");
        }
    }

    #[test]
    fn knows_files_from_pages() {
        for path in ["/p/", "/p/anything", "/ca.pem", "//y000000000066.cfg", "/805ec0123456.boot"] {
            assert!(Wanted::read(path).unwrap().is_provisioning(), "{path}");
        }
        for path in ["/", "/api/v1/ca", "/assets/page.css", "/phones", "/phones/80.5e", "/live"] {
            assert!(!Wanted::read(path).unwrap().is_provisioning(), "{path}");
        }
    }

    #[test]
    fn refuses_what_nobody_honest_sends() {
        for (path, expected) in [
            ("../../etc/shadow", PathError::Climbs),
            ("/p/../../etc/shadow", PathError::Climbs),
            ("/p/%2e%2e/%2e%2e/etc/shadow", PathError::Climbs),
            ("/p/.%2E/a", PathError::Climbs),
            ("/p/..\\..\\etc", PathError::Climbs),
            ("/p/..%5c..%5cetc", PathError::Climbs),
            ("/p/..", PathError::Climbs),
            ("/p/a%00.cfg", PathError::Control),
            ("/p/a%0d%0aSet-Cookie:", PathError::Control),
            ("/p/a%c2%85", PathError::Control),
            ("/p/%ff%fe", PathError::NotText),
            ("/p/%c0%ae%c0%ae/", PathError::NotText),
            ("/p/%", PathError::BadEscape),
            ("/p/%4", PathError::BadEscape),
            ("/p/%zz", PathError::BadEscape),
            ("/p/%+1", PathError::BadEscape),
        ] {
            assert_eq!(Wanted::read(path), Err(expected), "{path}");
        }
        assert_eq!(Wanted::read(&"/a".repeat(600)), Err(PathError::TooLong));
    }

    #[test]
    fn parameters_are_read() {
        let query = "a=1&term=J%c3%b6rg+M&empty=";
        assert_eq!(parameter(query, "term").as_deref(), Some("Jörg M"));
        assert_eq!(parameter(query, "empty").as_deref(), Some(""));
        for (query, name) in [(query, "b"), ("term", "term"), ("term=%", "term"), ("term=%ff", "term"), ("t=%0a", "t")]
        {
            assert_eq!(parameter(query, name), None, "{query}");
        }
        assert_eq!(parameter(&format!("t={}", "x".repeat(129)), "t"), None);
        assert_eq!(parameter(&format!("t={}", "x".repeat(10_000)), "t"), None);
    }

    #[test]
    fn no_mutation_panics_or_escapes() {
        use proptest::test_runner::{Config, RngSeed, TestRunner};
        let seeds = ["/p/805ec0123456.cfg", "/p/%2e%2e/a", "/p%2F..%5c//x?y#z", "/\u{e9}%c3%a9"];
        let config =
            Config { cases: 20_000, rng_seed: RngSeed::Fixed(66), failure_persistence: None, ..Config::default() };
        let mutation = (0..seeds.len(), proptest::collection::vec((0..40_usize, proptest::num::u8::ANY), 0..6));
        TestRunner::new(config)
            .run(&mutation, |(seed, changes)| {
                let mut bytes = seeds[seed].as_bytes().to_vec();
                for (at, byte) in changes {
                    match at % 3 {
                        0 => bytes.insert(at.min(bytes.len()), byte),
                        1 if at < bytes.len() => bytes[at] = byte,
                        _ => bytes.extend(b"%2e./\\"[usize::from(byte) % 6..].iter().take(2)),
                    }
                }
                if let Ok(wanted) = Wanted::read(&String::from_utf8_lossy(&bytes)) {
                    let name = wanted.name();
                    assert!(!name.starts_with('/') && !name.contains('\\') && !name.contains("//"), "{name}");
                    assert!(name.split('/').all(|part| part != ".."), "{name}");
                    assert!(!name.chars().any(|c| c.is_control() || c.is_ascii_uppercase()), "{name}");
                }
                Ok(())
            })
            .unwrap();
    }
}
