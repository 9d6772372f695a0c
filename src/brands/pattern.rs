use crate::model::Mac;

/// The name of a file that a brand asks for, with places for what differs from phone to phone.
///
/// Written `{mac}.cfg`, `y000000000{code:3}.cfg`, `SEP{MAC}.cnf.xml` or `xml/_global/{file}`. Letters match in any
/// case, and the MAC with or without separators: what a phone writes differs by brand and firmware. A name without
/// folders fits the last part of a path, one with folders the last parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    written: String,
    /// Parts of the path that it takes.
    depth: usize,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    /// Whether it is written in capitals.
    Mac {
        capitals: bool,
    },
    /// So many decimal digits.
    Code(usize),
    /// As much as the rest of the name leaves it.
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Model,
    Id,
    Type,
    File,
}

/// What stood in a name's places, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// `{mac}` or `{MAC}`: whose file it is.
    pub mac: Option<Mac>,
    /// `{code:3}`: a number that stands for a model, in so many digits.
    pub code: Option<String>,
    /// `{model}`: letters, digits, `-`, `_` and `+`, at most 32.
    pub model: Option<String>,
    /// `{id}`: letters and digits, at most 32; of a phone book its number.
    pub id: Option<String>,
    /// `{type}`: letters and digits, at most 32; a family of models.
    pub kind: Option<String>,
    /// `{file}`: any name of a file, at most 100 bytes.
    pub file: Option<String>,
}

/// Longest model, id or type.
const LONGEST_WORD: usize = 32;
/// Longest `{file}`.
const LONGEST_FILE: usize = 100;
/// Most places of no fixed length in one name: each one multiplies the work of matching.
const MOST_LOOSE: usize = 3;

impl Pattern {
    pub(super) fn read(written: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = written;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (place, tail) = tail.split_once('}').ok_or_else(|| format!("\"{written}\" has a {{ and no }}"))?;
            push_literal(&mut parts, literal);
            parts.push(Part::read(place).map_err(|what| format!("\"{written}\": {what}"))?);
            rest = tail;
        }
        push_literal(&mut parts, rest);
        let places: Vec<_> = parts.iter().filter(|part| !matches!(part, Part::Literal(_))).collect();
        let same = |one: &Part, other: &Part| match (one, other) {
            (Part::Word(one), Part::Word(other)) => one == other,
            _ => std::mem::discriminant(one) == std::mem::discriminant(other),
        };
        let twice = places.iter().enumerate().any(|(at, one)| places.iter().skip(at + 1).any(|other| same(one, other)));
        if parts.is_empty() || twice {
            return Err(format!("\"{written}\" is empty, or names one thing twice"));
        }
        if places.iter().filter(|part| matches!(part, Part::Word(_))).count() > MOST_LOOSE {
            return Err(format!("\"{written}\" has more than {MOST_LOOSE} places of no fixed length"));
        }
        if let [Part::Word(_)] = parts.as_slice() {
            return Err(format!("\"{written}\" would fit everything"));
        }
        let folders_fit = written.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if written.contains('\\') || rest.contains('}') || !folders_fit {
            return Err(format!("\"{written}\" is not the name of a file"));
        }
        Ok(Self { written: written.to_owned(), depth: written.split('/').count(), parts })
    }

    pub(super) fn names_a_mac(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Mac { .. }))
    }

    /// As it stands in `brand.toml`.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// What stands in the places when `path` is a name of this kind.
    pub(super) fn matches(&self, path: &str) -> Option<Places> {
        let start = path.rmatch_indices('/').nth(self.depth - 1).map_or(0, |(at, _)| at + 1);
        let mut found = Places::default();
        fits(&self.parts, path.get(start..)?, &mut found).then_some(found)
    }

    /// The name with its places filled; `None` when one is not known.
    pub(super) fn fill(&self, with: &Places) -> Option<String> {
        self.parts.iter().try_fold(String::new(), |name, part| Some(name + &part.fill(with)?))
    }
}

impl Part {
    fn read(place: &str) -> Result<Self, String> {
        Ok(match place.split_once(':') {
            None => match place {
                "mac" => Self::Mac { capitals: false },
                "MAC" => Self::Mac { capitals: true },
                "model" => Self::Word(Word::Model),
                "id" => Self::Word(Word::Id),
                "type" => Self::Word(Word::Type),
                "file" => Self::Word(Word::File),
                _ => return Err(format!("{{{place}}} is none of mac, MAC, code:N, model, id, type, file")),
            },
            Some(("code", digits)) => match digits.parse() {
                Ok(digits @ 1..=12) => Self::Code(digits),
                _ => return Err("a code has 1 to 12 digits".into()),
            },
            Some(_) => return Err(format!("{{{place}}} is none of mac, MAC, code:N, model, id, type, file")),
        })
    }

    fn fill(&self, with: &Places) -> Option<String> {
        match self {
            Self::Literal(literal) => String::from_utf8(literal.clone()).ok(),
            Self::Mac { capitals } => {
                let plain = with.mac?.plain();
                Some(if *capitals { plain.to_uppercase() } else { plain })
            }
            Self::Code(_) => with.code.clone(),
            Self::Word(word) => match word {
                Word::Model => with.model.clone(),
                Word::Id => with.id.clone(),
                Word::Type => with.kind.clone(),
                Word::File => with.file.clone(),
            },
        }
    }
}

impl Word {
    /// Every way to split off a word, the shortest first.
    fn split(self, text: &str) -> impl Iterator<Item = (&str, &str)> {
        let longest = if self == Self::File { LONGEST_FILE } else { LONGEST_WORD };
        let allowed = move |byte: u8| match self {
            Self::Model => byte.is_ascii_alphanumeric() || b"-_+".contains(&byte),
            Self::Id | Self::Type => byte.is_ascii_alphanumeric(),
            Self::File => byte != b'/',
        };
        let hidden = self == Self::File && text.starts_with('.');
        let most = if hidden { 0 } else { text.bytes().take(longest).take_while(|byte| allowed(*byte)).count() };
        (1..=most).filter_map(|length| text.split_at_checked(length))
    }

    fn put(self, word: &str, found: &mut Places) {
        let place = match self {
            Self::Model => &mut found.model,
            Self::Id => &mut found.id,
            Self::Type => &mut found.kind,
            Self::File => &mut found.file,
        };
        *place = Some(word.to_owned());
    }
}

/// Whether `rest` is made of these parts. A place of no fixed length takes as little as it can.
fn fits(parts: &[Part], rest: &str, found: &mut Places) -> bool {
    let Some((part, parts)) = parts.split_first() else { return rest.is_empty() };
    match part {
        Part::Literal(literal) => {
            let head = rest.as_bytes().split_at_checked(literal.len());
            head.is_some_and(|(head, _)| head.eq_ignore_ascii_case(literal))
                && rest.get(literal.len()..).is_some_and(|tail| fits(parts, tail, found))
        }
        Part::Mac { .. } => leading_mac(rest.as_bytes()).is_some_and(|(mac, length)| {
            found.mac = Some(mac);
            rest.get(length..).is_some_and(|tail| fits(parts, tail, found))
        }),
        Part::Code(digits) => rest.split_at_checked(*digits).is_some_and(|(code, tail)| {
            found.code = Some(code.to_owned());
            code.bytes().all(|byte| byte.is_ascii_digit()) && fits(parts, tail, found)
        }),
        Part::Word(word) => word.split(rest).any(|(text, tail)| {
            let fits = fits(parts, tail, found);
            if fits {
                word.put(text, found);
            }
            fits
        }),
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.as_bytes().to_vec()));
    }
}

/// The MAC that `text` begins with, and its length there: twelve digits, or the same in pairs or fours with one kind of
/// separator.
fn leading_mac(text: &[u8]) -> Option<(Mac, usize)> {
    [(12, 12, None), (17, 2, Some(b':')), (17, 2, Some(b'-')), (14, 4, Some(b'.'))].into_iter().find_map(
        |(length, group, separator): (usize, usize, Option<u8>)| {
            let (head, _) = text.split_at_checked(length)?;
            let separated = |at: usize| separator.is_some() && at % (group + 1) == group;
            let regular = head.iter().enumerate().all(|(at, byte)| separated(at) == (Some(*byte) == separator));
            let digits: Vec<u8> = head.iter().copied().filter(|byte| Some(*byte) != separator).collect();
            let mac = Mac::from_plain(std::str::from_utf8(&digits).ok()?)?;
            (regular && mac.is_unicast()).then_some((mac, length))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESK: Mac = Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);

    fn pattern(written: &str) -> Pattern {
        Pattern::read(written).unwrap()
    }

    #[test]
    fn finds_the_mac_however_it_is_written() {
        let own = pattern("{mac}.cfg");
        for name in [
            "805ec0123456.cfg",
            "805EC0123456.CFG",
            "80:5e:c0:12:34:56.cfg",
            "80-5E-C0-12-34-56.cfg",
            "805e.c012.3456.cfg",
        ] {
            assert_eq!(own.matches(name), Some(Places { mac: Some(DESK), ..Places::default() }), "{name}");
            assert!(pattern("{MAC}.cfg").matches(name).is_some());
        }
        for name in [
            "",
            ".cfg",
            "805ec012345.cfg",
            "805ec01234567.cfg",
            "805ec0123456.cfgx",
            "x805ec0123456.cfg",
            "80:5e-c0:12:34:56.cfg",
            "805e:c0:12:34:5:6.cfg",
            "ffffffffffff.cfg",
            "805ec012345g.cfg",
            "805ec0123456",
            "ünïcödé1234.cfg",
        ] {
            assert_eq!(own.matches(name), None, "{name}");
        }
    }

    #[test]
    fn finds_the_code() {
        let common = pattern("y000000000{code:3}.cfg");
        assert_eq!(common.matches("Y000000000028.cfg").unwrap().code.as_deref(), Some("028"));
        assert_eq!(common.matches("y000000000103.cfg").unwrap().code.as_deref(), Some("103"));
        for name in ["y00000000028.cfg", "y0000000000281.cfg", "y00000000002a.cfg", "y000000000028.boot"] {
            assert_eq!(common.matches(name), None, "{name}");
        }
    }

    #[test]
    fn finds_words_and_gives_each_place_what_is_left_to_it() {
        let found = pattern("snom{model}-{mac}.htm").matches("snomD785-805EC0123456.htm").unwrap();
        assert_eq!((found.model.as_deref(), found.mac), (Some("D785"), Some(DESK)));
        let found = pattern("Cisco/{model}/{mac}.cfg").matches("/cisco/cp-8841-3pcc/805ec0123456.cfg").unwrap();
        assert_eq!((found.model.as_deref(), found.mac), (Some("cp-8841-3pcc"), Some(DESK)));
        let book = pattern("pb-{type}-{id}.xml");
        let found = book.matches("pb-t4xg-1213.xml").unwrap();
        assert_eq!((found.kind.as_deref(), found.id.as_deref()), (Some("t4xg"), Some("1213")));
        for name in ["pb--1213.xml", "pb-t4xg-.xml", "pb-t4xg-12_13.xml", "pb-t4xg-1213.xml.xml", "x/pb-t4xg-1/2.xml"] {
            assert_eq!(book.matches(name), None, "{name}");
        }
        assert_eq!(book.matches(&format!("pb-t4xg-{}.xml", "1".repeat(33))), None);
    }

    #[test]
    fn folders_are_the_end_of_a_path() {
        let global = pattern("xml/_global/{file}");
        for path in ["xml/_global/talking.xml", "branch/7/XML/_Global/talking.xml"] {
            assert_eq!(global.matches(path).unwrap().file.as_deref(), Some("talking.xml"), "{path}");
        }
        for path in ["talking.xml", "_global/talking.xml", "axml/_global/talking.xml", "xml/_global/.hidden"] {
            assert_eq!(global.matches(path), None, "{path}");
        }
        assert!(pattern("{mac}.cfg").matches("any/folder/805ec0123456.cfg").is_some());
    }

    #[test]
    fn what_was_filled_in_is_found_again() {
        let places = Places {
            mac: Some(DESK),
            code: Some("028".into()),
            model: Some("T46S".into()),
            id: Some("1213".into()),
            kind: Some("t4xg".into()),
            file: Some("bell.wav".into()),
        };
        for (written, name) in [
            ("SEP{MAC}.cnf.xml", "SEP805EC0123456.cnf.xml"),
            ("{mac}-phone.cfg", "805ec0123456-phone.cfg"),
            ("cfg{mac}", "cfg805ec0123456"),
            ("y000000000{code:3}.cfg", "y000000000028.cfg"),
            ("{model}/{type}-{id}.xml", "T46S/t4xg-1213.xml"),
            ("ring/{file}", "ring/bell.wav"),
        ] {
            let pattern = pattern(written);
            assert_eq!(pattern.fill(&places).as_deref(), Some(name));
            assert_eq!(pattern.fill(&pattern.matches(name).unwrap()).as_deref(), Some(name));
            assert_eq!(pattern.fill(&Places::default()), None);
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for written in [
            "",
            "{mac",
            "{colour}.cfg",
            "{mac}{mac}",
            "{mac}{MAC}",
            "{code}.cfg",
            "{code:0}",
            "{code:13}",
            "{model:3}",
            "{model}{id}{type}{file}",
            "{file}",
            "/a.cfg",
            "a//b.cfg",
            "../a.cfg",
            "a\\b.cfg",
            "a}",
        ] {
            assert!(Pattern::read(written).is_err(), "{written}");
        }
    }

    #[test]
    fn matching_long_names_takes_no_time() {
        let name = "1".repeat(4000);
        assert_eq!(pattern("{model}-{id}-{type}.xml").matches(&name), None);
        assert_eq!(pattern("x/{file}").matches(&name), None);
    }
}
