//! The page's sentences in the reader's language.
//!
//! Everything is written in English, where it is used; the catalogue `messages.toml` holds for each of these texts what
//! it is in the other languages. Names of arguments stand in braces.

pub(super) mod caller;
pub(super) mod key_words;
mod retold;
#[cfg(test)]
mod sources;

use std::collections::HashMap;
use std::sync::LazyLock;

use minijinja::Value;
use minijinja::value::Kwargs;

use crate::model::Language;

pub(super) use retold::retold;

static CATALOGUE: LazyLock<HashMap<String, [String; 3]>> =
    LazyLock::new(|| toml::from_str(include_str!("../messages.toml")).unwrap_or_default());

/// A text of the catalogue in this language. What is not in the catalogue stays as it is.
pub(crate) fn said(language: Language, text: &str) -> &str {
    let foreign = language.foreign().and_then(|at| CATALOGUE.get(text)?.get(at));
    foreign.map_or(text, String::as_str)
}

/// The same with its arguments in their places.
pub(crate) fn say(language: Language, text: &str, arguments: &[(&str, &dyn std::fmt::Display)]) -> String {
    fill(said(language, text), |name, out| {
        match arguments.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(&value.to_string()),
            None => out.push_str(name),
        };
    })
}

/// The same as a piece of a page: what stands for an argument is escaped, unless it is a piece of a page itself.
pub(in crate::admin) fn piece(language: Language, text: &str, arguments: &Kwargs) -> Result<Value, minijinja::Error> {
    let mut failed = None;
    let page = fill(&escaped(said(language, text)), |name, out| match arguments.get::<Value>(name) {
        Ok(value) if value.is_safe() => out.push_str(&value.to_string()),
        Ok(value) => out.push_str(&escaped(&value.to_string())),
        Err(error) => failed = Some(error),
    });
    match failed {
        Some(error) => Err(error),
        None => arguments.assert_all_used().map(|()| Value::from_safe_string(page)),
    }
}

/// Puts what `put` writes in the place of each name in braces.
fn fill(text: &str, mut put: impl FnMut(&str, &mut String)) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        match after.split_once('}') {
            Some((name, after)) => {
                put(name, &mut out);
                rest = after;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use regex::Regex;

    use super::sources::unescaped;
    use super::*;

    /// Files whose texts for people go through the catalogue without being named at a call: advice and names that are
    /// kept in tables. The tests at their ends are no part of that.
    const TABLES: [(&str, &str); 6] = [
        ("standing.rs", include_str!("../reading/standing.rs")),
        ("gather.rs", include_str!("../reading/gather.rs")),
        ("notices.rs", include_str!("../pages/notices.rs")),
        ("problem.rs", include_str!("../problem.rs")),
        ("key_words.rs", include_str!("key_words.rs")),
        ("sign_in.rs", include_str!("../accounts/sign_in.rs")),
    ];

    /// Every text that is to be said, with where it stands.
    fn texts() -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let called = Regex::new(r#"\bt\("((?:[^"\\]|\\.)*)""#).unwrap();
        let chosen = Regex::new(r#""((?:[^"\\]|\\.)*)"\s*\|\s*t\b"#).unwrap();
        for (name, source) in crate::admin::pages::render::TEMPLATES {
            for pattern in [&called, &chosen] {
                found.extend(pattern.captures_iter(source).map(|text| (unescaped(&text[1]), name.to_owned())));
            }
        }
        let spoken = Regex::new(r#"\b(?:say|said|speak)\(\s*(?:[\w.]+,\s*)?"((?:[^"\\]|\\.)*)""#).unwrap();
        for (path, source) in sources::below("src/admin") {
            if !path.ends_with("speech/mod.rs") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.extend(spoken.captures_iter(&source).map(|text| (unescaped(&text[1]), name.clone())));
            }
        }
        let sentence = Regex::new(r#""([A-Z](?:[^"\\]|\\.)*[a-z](?:[^"\\]|\\.)*)""#).unwrap();
        for (name, source) in TABLES {
            let source = source.split("#[cfg(test)]").next().unwrap();
            let code: String = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| format!("{line}\n"))
                .collect();
            // A text that is put together where it stands has no place in the catalogue.
            let whole =
                sentence.captures_iter(&code).filter(|text| !text[1].contains(['{', ':']) || text[1].contains(' '));
            let whole = whole.filter(|text| !text[1].contains('{'));
            found.extend(whole.map(|text| (unescaped(&text[1]), name.to_owned())));
        }
        found
    }

    fn arguments(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn each_text_of_the_page_is_there_in_each_language_with_the_same_arguments() {
        let catalogue: HashMap<String, [String; 3]> = toml::from_str(include_str!("../messages.toml")).unwrap();
        let texts = texts();
        assert!(texts.len() > 200, "{}", texts.len());
        let missing: Vec<_> = texts.iter().filter(|(text, _)| !catalogue.contains_key(text)).collect();
        assert!(missing.is_empty(), "{} texts are not in messages.toml: {missing:#?}", missing.len());
        for (text, foreign) in &catalogue {
            assert!(texts.iter().any(|(used, _)| used == text), "nobody says \"{text}\"");
            for own in foreign {
                assert!(!own.is_empty() && arguments(own) == arguments(text), "\"{text}\": \"{own}\"");
            }
        }
    }

    #[test]
    fn arguments_are_escaped_and_pieces_of_a_page_are_not() {
        let arguments: Kwargs =
            [("name", Value::from("<b>")), ("code", Value::from_safe_string("<code>x</code>".into()))]
                .into_iter()
                .collect();
        let made = piece(Language::English, "\"{name}\" & {code}", &arguments).unwrap();
        assert_eq!(made.to_string(), "&quot;&lt;b&gt;&quot; &amp; <code>x</code>");
        assert_eq!(say(Language::English, "{n} of {m}", &[("n", &1), ("m", &"two")]), "1 of two");
        assert_eq!(say(Language::English, "a { b", &[]), "a { b");
    }
}
