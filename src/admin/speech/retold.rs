//! Sentences of parts that speak English alone: roll-outs, rehearsals, other people's systems. PURE.
//!
//! `retold.toml` holds each as it stands in the source of its part, with names in braces for what is put in, and what it is
//! in the other languages. A text that fits none of them stays as it is.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::Language;

/// How deep a sentence may stand in another.
const DEEPEST: u8 = 3;

static SENTENCES: LazyLock<Vec<Sentence>> =
    LazyLock::new(|| read(toml::from_str(include_str!("../retold.toml")).unwrap_or_default()));

struct Sentence {
    pattern: String,
    foreign: [String; 3],
}

/// Those that say the most in their own words first: what fits two of them is the more exact one.
fn read(catalogue: HashMap<String, [String; 3]>) -> Vec<Sentence> {
    let mut sentences: Vec<Sentence> =
        catalogue.into_iter().map(|(pattern, foreign)| Sentence { pattern, foreign }).collect();
    let own = |sentence: &Sentence| pieces(&sentence.pattern).iter().map(|piece| piece.literal.len()).sum::<usize>();
    sentences.sort_by(|a, b| own(b).cmp(&own(a)).then_with(|| a.pattern.cmp(&b.pattern)));
    sentences
}

/// The text in this language, if it is one of the sentences.
pub(in crate::admin) fn retold(language: Language, text: &str) -> String {
    match language.foreign() {
        Some(at) => tell(at, text, DEEPEST),
        None => text.to_owned(),
    }
}

fn tell(at: usize, text: &str, deep: u8) -> String {
    let found = SENTENCES.iter().find_map(|sentence| {
        let arguments = arguments(&sentence.pattern, text)?;
        Some((sentence.foreign.get(at)?, arguments))
    });
    let (Some((foreign, arguments)), Some(deeper)) = (found, deep.checked_sub(1)) else { return text.to_owned() };
    let mut out = String::with_capacity(text.len() + 16);
    for piece in pieces(foreign) {
        out.push_str(piece.literal);
        if let Some(name) = piece.name {
            match arguments.iter().find(|(known, _)| *known == name) {
                // Only a reason is a sentence of its own; names and addresses are nobody's to translate.
                Some((_, value)) if name == "why" => out.push_str(&tell(at, value, deeper)),
                Some((_, value)) => out.push_str(value),
                None => {}
            }
        }
    }
    out
}

/// A piece of a pattern: its own words, and the name of what follows them.
struct Piece<'a> {
    literal: &'a str,
    name: Option<&'a str>,
}

fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some((literal, behind)) = rest.split_once('{') {
        let Some((name, behind)) = behind.split_once('}') else { break };
        found.push(Piece { literal, name: Some(name) });
        rest = behind;
    }
    found.push(Piece { literal: rest, name: None });
    found
}

/// What stands in the text where the pattern has names; nothing when it does not fit.
fn arguments<'a, 'b>(pattern: &'a str, text: &'b str) -> Option<Vec<(&'a str, &'b str)>> {
    let mut found = Vec::new();
    let mut open: Option<&'a str> = None;
    let mut rest = text;
    let pieces = pieces(pattern);
    let last = pieces.len().checked_sub(1)?;
    for (at, piece) in pieces.iter().enumerate() {
        match open {
            None => rest = rest.strip_prefix(piece.literal)?,
            // What the last words follow may hold the same words itself.
            Some(name) if at == last => {
                found.push((name, rest.strip_suffix(piece.literal)?));
                rest = "";
            }
            Some(name) => {
                let (value, behind) = rest.split_once(piece.literal)?;
                found.push((name, value));
                rest = behind;
            }
        }
        open = piece.name;
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_known_by_their_own_words() {
        assert_eq!(arguments("It failed: {why}.", "It failed: it was away."), Some(vec![("why", "it was away")]));
        assert_eq!(arguments("{n} of {m}.", "1 of 2."), Some(vec![("n", "1"), ("m", "2")]));
        for other in ["It failed", "It failed: ", "Then it failed: x."] {
            assert_eq!(arguments("It failed: {why}.", other), None, "{other}");
        }
        assert_eq!(arguments("It runs it.", "It runs it. Twice."), None);
    }

    #[test]
    fn a_reason_within_a_sentence_is_told_as_well() {
        let text = "It stopped by itself: 80:5e:c0:00:00:01 failed: it was not heard of since it was told. 3 are done.";
        let german = retold(Language::German, text);
        assert!(
            german.contains("80:5e:c0:00:00:01") && !german.contains("failed") && !german.contains("heard"),
            "{german}"
        );
        assert_eq!(retold(Language::English, text), text);
        assert_eq!(retold(Language::German, "Somebody wrote this."), "Somebody wrote this.");
    }

    #[test]
    fn each_of_them_stands_in_the_source_and_in_each_language() {
        let mut sources = String::new();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("speech/retold.rs") {
                    sources.push_str(&std::fs::read_to_string(&path).unwrap());
                }
            }
        }
        let sources = regex::Regex::new(r"\\\n\s*").unwrap().replace_all(&sources, "").replace("\\\"", "\"");
        assert!(SENTENCES.len() > 30, "{}", SENTENCES.len());
        for Sentence { pattern, foreign } in SENTENCES.iter() {
            let names = |text: &str| {
                let mut names: Vec<String> = pieces(text).iter().filter_map(|p| p.name.map(str::to_owned)).collect();
                names.sort();
                names
            };
            for piece in pieces(pattern) {
                let words = piece.literal.trim_end_matches('.').trim();
                let first = words.chars().next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
                let lower = format!("{first}{}", words.chars().skip(1).collect::<String>());
                assert!(
                    sources.contains(words) || sources.contains(&lower),
                    "nobody says \"{words}\" of \"{pattern}\""
                );
            }
            for own in foreign {
                assert_eq!(names(own), names(pattern), "{pattern}: {own}");
            }
        }
    }
}
