//! Sentences of parts that speak English alone: roll-outs, rehearsals, other people's systems. PURE.
//!
//! `retold.toml` holds each as it stands in the source of its part, with names in braces for what is put in, and what
//! it is in the other languages. A text that fits none of them stays as it is; one that begins with a capital and ends
//! with a full stop, where the catalogue has it as a phrase, stays a sentence.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::{Language, as_sentence};

/// How deep a sentence may stand in another.
const DEEPEST: u8 = 6;

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
    let as_phrase = || phrases(text).into_iter().flatten().find_map(|phrase| told(at, &phrase, deep));
    let whole = told(at, text, deep).or_else(|| as_phrase().map(|phrase| as_sentence(&phrase)));
    whole.unwrap_or_else(|| text.to_owned())
}

fn told(at: usize, text: &str, deep: u8) -> Option<String> {
    let deeper = deep.checked_sub(1)?;
    // What ends as a sentence is one: its full stop is nobody's name.
    let mut fitting = SENTENCES.iter().filter(|sentence| !(text.ends_with('.') && sentence.pattern.ends_with('}')));
    let (foreign, arguments) = fitting.find_map(|sentence| {
        let arguments = arguments(&sentence.pattern, text)?;
        let fits = arguments.iter().all(|(name, value)| *name != "part" || is_whole(value));
        fits.then_some((sentence.foreign.get(at)?, arguments))
    })?;
    let mut out = String::with_capacity(text.len() + 16);
    for piece in pieces(foreign) {
        out.push_str(piece.literal);
        if let Some(name) = piece.name {
            match arguments.iter().find(|(known, _)| *known == name) {
                // Only a reason and a part are texts of their own; names and addresses are nobody's to translate.
                Some((_, value)) if matches!(name, "why" | "part") => out.push_str(&tell(at, value, deeper)),
                Some((_, value)) => out.push_str(value),
                None => {}
            }
        }
    }
    Some(out)
}

/// Whether a text stands in the catalogue as it is.
fn is_whole(text: &str) -> bool {
    SENTENCES.iter().any(|sentence| sentence.pattern == text)
}

/// A sentence without its full stop; and without the capital that it begins with as a sentence.
fn phrases(text: &str) -> Option<[String; 2]> {
    let text = text.strip_suffix('.')?;
    let mut letters = text.chars();
    let first = letters.next()?.to_lowercase();
    Some([text.to_owned(), first.chain(letters).collect()])
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
    use super::super::sources;
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
    fn a_phrase_that_was_made_a_sentence_stays_one() {
        let text = "DHCP tells this phone nothing: only phones are answered here.";
        assert_eq!(
            retold(Language::German, text),
            "DHCP sagt diesem Telefon nichts: nur Telefone bekommen hier Antwort."
        );
        let text = "y000000000108.cfg: the server does not have it (404).";
        assert_eq!(retold(Language::Dutch, text), "y000000000108.cfg: de server heeft het niet (404).");
        let text = "None of the files is this phone's own.";
        assert_eq!(retold(Language::French, text), "Aucun des fichiers n'est celui de ce téléphone.");
    }

    #[test]
    fn a_part_is_one_that_is_known() {
        assert_eq!(retold(Language::Dutch, "in service: done"), "in dienst: klaar");
        assert_eq!(retold(Language::Dutch, "time: no DHCP server answered"), "tijd: geen DHCP-server antwoordde");
        assert_eq!(retold(Language::French, "Somebody: wrote this"), "Somebody: wrote this");
    }

    /// Where parts say things that the page shows, and what each of their texts stands behind.
    const SAYING: [(&str, &str); 10] = [
        ("src/phonesim/fault.rs", r"#\[error\(\s*"),
        ("src/phonesim", r"\bnote\(\s*(?:at,\s*)?(?:format!\(\s*)?"),
        (
            "src/phonesim",
            r"(?:\b(?:why: |NotHttp\(|bad\(|unreadable\(|refused\(|LeaseLacks\()|then_some\()(?:format!\(\s*)?",
        ),
        ("src/phonesim", r"\b(?:Err\(|ok_or\(|ok_or_else\(\|\| |map_err\(\|_\| )(?:bad\()?(?:format!\(\s*)?"),
        ("src/dhcp/engine/decision.rs", r"Self::\w+ => "),
        ("src/rehearsal/mod.rs", r"#\[error\("),
        (
            "src/rehearsal",
            r#"(?:=>\s*(?:\{\s*)?|format!\(|unseen\.push\(|Err\(|UNSEEN: [^\n]*\n\s*|\.",\n\s*|ok_or_else\(\|\| )"#,
        ),
        ("src/partners/stretto/push.rs", r"#\[error\(\s*"),
        ("src/partners/innovaphone/sysclient.rs", r"#\[error\(\s*"),
        (
            "src/partners/innovaphone/keeper.rs",
            r"\b(?:says: |gone\(|end\(|Err\(|unwrap_or_else\(\|\| )(?:format!\(\s*)?",
        ),
    ];

    /// What of that is never shown, or has no words.
    const UNSHOWN: [&str; 1] = ["rehearsal"];

    fn without_arguments(text: &str) -> String {
        pieces(text).iter().map(|piece| piece.literal).collect::<Vec<_>>().join("{}")
    }

    #[test]
    fn what_parts_say_is_in_the_catalogue() {
        let known: Vec<String> = SENTENCES.iter().map(|sentence| without_arguments(&sentence.pattern)).collect();
        let mut missing = Vec::new();
        for (place, before) in SAYING {
            let literal = regex::Regex::new(&format!(r#"{before}"((?:[^"\\]|\\.)*)""#)).unwrap();
            let said: Vec<String> = sources::below(place)
                .iter()
                .flat_map(|(_, code)| {
                    literal.captures_iter(code).map(|text| sources::unescaped(&text[1])).collect::<Vec<_>>()
                })
                .collect();
            assert!(!said.is_empty(), "nothing is said any more in {place} behind {before}");
            for text in said {
                let words = without_arguments(&text);
                let has_words = words.replace("{}", "").contains(char::is_alphabetic);
                if has_words && !known.contains(&words) && !UNSHOWN.contains(&words.as_str()) {
                    missing.push((place, text));
                }
            }
        }
        assert!(missing.is_empty(), "{} texts are not in retold.toml: {missing:#?}", missing.len());
    }

    #[test]
    fn each_of_them_stands_in_the_source_and_in_each_language() {
        let sources: String = sources::below("src")
            .into_iter()
            .filter(|(path, _)| !path.ends_with("speech/retold.rs"))
            .map(|(_, code)| sources::unescaped(&code))
            .collect();
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
