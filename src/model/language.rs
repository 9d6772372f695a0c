use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A language in which people are told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, in which everything is written first.
    #[default]
    English,
    /// Dutch.
    Dutch,
    /// French.
    French,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::English, Self::Dutch, Self::French, Self::German];

    /// Its tag (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dutch => "nl",
            Self::French => "fr",
            Self::German => "de",
        }
    }

    /// What it calls itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Dutch => "Nederlands",
            Self::French => "Français",
            Self::German => "Deutsch",
        }
    }

    /// The language of a tag, whatever region it names besides.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }

    /// The one of these that a reader likes best, by what stands in `Accept-Language` (RFC 9110 section 12.5.4). None
    /// where none of them is named.
    pub fn preferred(accepted: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for range in accepted.split(',').take(32) {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight = match weight.trim().strip_prefix("q=") {
                Some(weight) => weight.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            let Some(language) = Self::of_tag(tag).filter(|_| weight > 0.0) else { continue };
            // Of those that are liked as well as each other the first one counts.
            if best.is_none_or(|(liked, _)| weight > liked) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }

    /// Place in lists that leave English out.
    pub(crate) const fn foreign(self) -> Option<usize> {
        match self {
            Self::English => None,
            Self::Dutch => Some(0),
            Self::French => Some(1),
            Self::German => Some(2),
        }
    }
}

/// Sentences of reasons by code, in the languages of [`Language::ALL`].
static SENTENCES: LazyLock<[BTreeMap<String, String>; 4]> = LazyLock::new(|| {
    [
        include_str!("messages/en.toml"),
        include_str!("messages/nl.toml"),
        include_str!("messages/fr.toml"),
        include_str!("messages/de.toml"),
    ]
    .map(|text| toml::from_str(text).unwrap_or_default())
});

/// The sentence of a reason's code, with the names of its arguments in braces; in English where a language has none.
pub(super) fn sentence(code: &str, language: Language) -> Option<&'static str> {
    let [english, foreign @ ..] = &*SENTENCES;
    let own = language.foreign().and_then(|at| foreign.get(at)?.get(code));
    own.or_else(|| english.get(code)).map(String::as_str)
}

/// The codes that have a sentence in English.
#[cfg(test)]
pub(super) fn codes() -> impl Iterator<Item = &'static str> {
    let [english, ..] = &*SENTENCES;
    english.keys().map(String::as_str)
}

/// A phrase with a capital, unless it begins with what has its own way of writing (the name of a file, an address), and
/// a full stop.
pub(crate) fn as_sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let word = text.split_whitespace().next().unwrap_or_default();
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let is_word = word.trim_end_matches([',', ':']).chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'));
    let whole = if is_word { first.to_uppercase().chain(letters).collect() } else { text.to_owned() };
    if whole.ends_with(['!', '?']) { whole } else { whole + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_becomes_a_sentence() {
        assert_eq!(as_sentence("no DHCP server answered"), "No DHCP server answered.");
        assert_eq!(as_sentence("y000000000108.cfg: it is not there."), "y000000000108.cfg: it is not there.");
        assert_eq!(as_sentence("10.66.0.1:443: TLS failed!"), "10.66.0.1:443: TLS failed!");
        assert_eq!(as_sentence(""), "");
    }

    #[test]
    fn the_reader_says_which_language() {
        for (accepted, language) in [
            ("de-CH, fr;q=0.9, en;q=0.8", Some(Language::German)),
            ("fr;q=0.3, nl-BE;q=0.7", Some(Language::Dutch)),
            ("ja, en-GB;q=0.5", Some(Language::English)),
            ("de;q=0, fr", Some(Language::French)),
            ("*", None),
            ("ja", None),
            ("", None),
            ("de;q=nonsense", None),
        ] {
            assert_eq!(Language::preferred(accepted), language, "{accepted}");
        }
    }

    /// The names in braces, in order of the alphabet.
    fn arguments(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_sentence_is_there_in_each_language_with_the_same_arguments() {
        let [english, foreign @ ..] = &*SENTENCES;
        assert!(english.len() > 100);
        for (texts, language) in foreign.iter().zip(&Language::ALL[1..]) {
            for (code, sentence) in english {
                let own = texts.get(code).unwrap_or_else(|| panic!("{code} is not said in {language:?}"));
                assert_eq!(arguments(own), arguments(sentence), "{code} in {language:?}");
            }
            for code in texts.keys() {
                assert!(english.contains_key(code), "{code} is said in {language:?} alone");
            }
        }
    }
}
