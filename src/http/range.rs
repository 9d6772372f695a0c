//! PURE. The Range header (RFC 9110 section 14): which bytes of a file are asked for.

/// Ranges that are answered in one response. A client that resumes asks for one; more than these is no phone.
const MOST: usize = 16;

/// What a Range header asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: there is no such header, it is of another kind, or it makes no sense.
    Whole,
    /// These pieces, in the order asked for, each from its first byte to the one after its last.
    Ranges(Vec<(u64, u64)>),
    /// Nothing that the file has.
    None,
    /// More pieces than are answered.
    TooMany,
}

/// Reads a Range header for a file of `length` bytes.
///
/// Pieces that the file does not have are left out. Pieces that together are more than the file are answered with the
/// whole of it: nobody honest asks twice for the same bytes.
pub fn read(header: &str, length: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let mut ranges = Vec::new();
    let mut asked = 0;
    for spec in set.split(',').map(str::trim).filter(|spec| !spec.is_empty()) {
        asked += 1;
        if asked > MOST {
            return Wanted::TooMany;
        }
        match one(spec, length) {
            Ok(Some(range)) => ranges.push(range),
            Ok(None) => {}
            Err(Nonsense) => return Wanted::Whole,
        }
    }
    let together = ranges.iter().fold(0_u64, |sum, (from, to)| sum.saturating_add(to - from));
    match (asked, ranges.is_empty()) {
        (0, _) => Wanted::Whole,
        (_, true) => Wanted::None,
        _ if ranges.len() > 1 && together > length => Wanted::Whole,
        _ => Wanted::Ranges(ranges),
    }
}

struct Nonsense;

/// `5-9`, `5-` or `-5`.
fn one(spec: &str, length: u64) -> Result<Option<(u64, u64)>, Nonsense> {
    let (first, last) = spec.split_once('-').ok_or(Nonsense)?;
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    Ok(match (first, last) {
        (None, None) => return Err(Nonsense),
        (Some(first), Some(last)) if last < first => return Err(Nonsense),
        (Some(first), last) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            (first < length).then_some((first, end))
        }
        (None, Some(suffix)) => (suffix > 0 && length > 0).then_some((length.saturating_sub(suffix), length)),
    })
}

/// Digits; those that are too many for a number stand for more bytes than any file has.
fn number(text: &str) -> Result<Option<u64>, Nonsense> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.is_empty() => Ok(None),
        true => Ok(Some(text.parse().unwrap_or(u64::MAX))),
        false => Err(Nonsense),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_standard_shows() {
        // RFC 9110 section 14.1.2: a file of 10000 bytes.
        let read = |header: &str| read(header, 10_000);
        assert_eq!(read("bytes=0-499"), Wanted::Ranges(vec![(0, 500)]));
        assert_eq!(read("bytes=500-999"), Wanted::Ranges(vec![(500, 1000)]));
        assert_eq!(read("bytes=-500"), Wanted::Ranges(vec![(9500, 10_000)]));
        assert_eq!(read("bytes=9500-"), Wanted::Ranges(vec![(9500, 10_000)]));
        assert_eq!(read("bytes=0-0,-1"), Wanted::Ranges(vec![(0, 1), (9999, 10_000)]));
        assert_eq!(
            read("bytes= 0-999, 4500-5499, -1000"),
            Wanted::Ranges(vec![(0, 1000), (4500, 5500), (9000, 10_000)])
        );
        assert_eq!(read("BYTES=9999-99999999999999999999999"), Wanted::Ranges(vec![(9999, 10_000)]));
        assert_eq!(read("bytes=-99999"), Wanted::Ranges(vec![(0, 10_000)]));
    }

    #[test]
    fn what_makes_no_sense_is_no_range_and_what_is_not_there_is_said() {
        let read = |header: &str| read(header, 10_000);
        for header in [
            "",
            "bytes",
            "items=0-1",
            "bytes=",
            "bytes=,",
            "bytes=a-b",
            "bytes=5-1",
            "bytes=-",
            "bytes=1",
            "bytes=+1-2",
            "bytes=0-1,x",
            "bytes=1--2",
        ] {
            assert_eq!(read(header), Wanted::Whole, "{header}");
        }
        for header in ["bytes=10000-", "bytes=99999999999999999999-", "bytes=-0", "bytes=10000-10001,20000-"] {
            assert_eq!(read(header), Wanted::None, "{header}");
        }
        assert_eq!(read("bytes=0-1,10000-"), Wanted::Ranges(vec![(0, 2)]));
        assert_eq!(super::read("bytes=0-", 0), Wanted::None);
    }

    #[test]
    fn a_flood_of_ranges_is_refused_and_overlapping_ones_bring_no_more_than_the_file() {
        let many = |count: usize| format!("bytes={}", vec!["0-0"; count].join(","));
        assert!(matches!(read(&many(MOST), 10_000), Wanted::Ranges(ranges) if ranges.len() == MOST));
        assert_eq!(read(&many(1000), 10_000), Wanted::TooMany);
        assert_eq!(read("bytes=0-,0-,0-", 10_000), Wanted::Whole);
    }
}
