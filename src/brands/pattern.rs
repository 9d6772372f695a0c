use crate::model::Mac;

/// The name of a file that a brand asks for, with places for a MAC and for a model's code.
///
/// Written `{mac}.cfg` or `y000000000{code:3}.cfg`. Letters match in any case, and the MAC with or without separators:
/// what a phone writes differs by brand and firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    written: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Vec<u8>),
    Mac,
    /// So many decimal digits.
    Code(usize),
}

/// What stood in a name's places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) mac: Option<Mac>,
    pub(super) code: Option<String>,
}

impl Pattern {
    pub(super) fn read(written: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = written;
        while let Some((literal, tail)) = rest.split_once('{') {
            let (place, tail) = tail.split_once('}').ok_or_else(|| format!("\"{written}\" has a {{ and no }}"))?;
            push_literal(&mut parts, literal);
            parts.push(match place.split_once(':') {
                None if place == "mac" => Part::Mac,
                Some(("code", digits)) => match digits.parse() {
                    Ok(digits @ 1..=12) => Part::Code(digits),
                    _ => return Err(format!("\"{written}\": a code has 1 to 12 digits")),
                },
                _ => return Err(format!("\"{written}\": {{{place}}} is neither {{mac}} nor {{code:N}}")),
            });
            rest = tail;
        }
        push_literal(&mut parts, rest);
        let twice = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count() > 1;
        if parts.is_empty() || twice(|part| *part == Part::Mac) || twice(|part| matches!(part, Part::Code(_))) {
            return Err(format!("\"{written}\" is empty, or names one thing twice"));
        }
        if written.contains(['/', '\\']) || rest.contains('}') {
            return Err(format!("\"{written}\" is not the name of a file"));
        }
        Ok(Self { written: written.to_owned(), parts })
    }

    pub(super) fn names_a_mac(&self) -> bool {
        self.parts.contains(&Part::Mac)
    }

    /// As it stands in `brand.toml`.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    pub(super) fn matches(&self, name: &str) -> Option<Found> {
        let mut rest = name.as_bytes();
        let mut found = Found::default();
        for part in &self.parts {
            rest = match part {
                Part::Literal(literal) => {
                    let (head, tail) = rest.split_at_checked(literal.len())?;
                    head.eq_ignore_ascii_case(literal).then_some(tail)?
                }
                Part::Mac => {
                    let (mac, tail) = leading_mac(rest)?;
                    found.mac = Some(mac);
                    tail
                }
                Part::Code(digits) => {
                    let (code, tail) = rest.split_at_checked(*digits)?;
                    let code = code.iter().all(u8::is_ascii_digit).then_some(code)?;
                    found.code = Some(String::from_utf8_lossy(code).into_owned());
                    tail
                }
            };
        }
        rest.is_empty().then_some(found)
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) {
    if !literal.is_empty() {
        parts.push(Part::Literal(literal.as_bytes().to_vec()));
    }
}

/// The MAC that `text` begins with: twelve digits, or the same in pairs or fours with one kind of separator.
fn leading_mac(text: &[u8]) -> Option<(Mac, &[u8])> {
    [(12, 12, None), (17, 2, Some(b':')), (17, 2, Some(b'-')), (14, 4, Some(b'.'))].into_iter().find_map(
        |(length, group, separator): (usize, usize, Option<u8>)| {
            let (head, tail) = text.split_at_checked(length)?;
            let separated = |at: usize| separator.is_some() && at % (group + 1) == group;
            let regular = head.iter().enumerate().all(|(at, byte)| separated(at) == (Some(*byte) == separator));
            let digits: Vec<u8> = head.iter().copied().filter(|byte| Some(*byte) != separator).collect();
            let mac = Mac::from_plain(std::str::from_utf8(&digits).ok()?)?;
            (regular && mac.is_unicast()).then_some((mac, tail))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mac_however_it_is_written() {
        let pattern = Pattern::read("{mac}.cfg").unwrap();
        let mac = Mac::new([0x80, 0x5e, 0xc0, 0x12, 0x34, 0x56]);
        for name in [
            "805ec0123456.cfg",
            "805EC0123456.CFG",
            "80:5e:c0:12:34:56.cfg",
            "80-5E-C0-12-34-56.cfg",
            "805e.c012.3456.cfg",
        ] {
            assert_eq!(pattern.matches(name), Some(Found { mac: Some(mac), code: None }), "{name}");
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
            assert_eq!(pattern.matches(name), None, "{name}");
        }
    }

    #[test]
    fn finds_the_code() {
        let pattern = Pattern::read("y000000000{code:3}.cfg").unwrap();
        assert_eq!(pattern.matches("Y000000000028.cfg").unwrap().code.as_deref(), Some("028"));
        assert_eq!(pattern.matches("y000000000103.cfg").unwrap().code.as_deref(), Some("103"));
        for name in ["y00000000028.cfg", "y0000000000281.cfg", "y00000000002a.cfg", "y000000000028.boot"] {
            assert_eq!(pattern.matches(name), None, "{name}");
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for written in ["", "{mac", "{model}.cfg", "{mac}{mac}", "{code}.cfg", "{code:0}", "{code:13}", "a/b.cfg", "a}"]
        {
            assert!(Pattern::read(written).is_err(), "{written}");
        }
    }
}
