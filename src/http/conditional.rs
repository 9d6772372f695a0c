//! PURE. Entity tags and dates: when a client has the newest file already (RFC 9110 sections 8.8 and 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use hyper::header::HeaderValue;
use time::{Date, Month, Time};

use crate::model::Timestamp;
use crate::sys::hex;

/// The revision of a file: SHA-256 over its bytes, in hexadecimal. With quotes around it, it is the file's ETag.
pub(super) fn revision(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The ETag of a revision.
pub(super) fn tag(revision: &str) -> HeaderValue {
    // Sixty-four hexadecimal digits are always fit for a header.
    HeaderValue::from_str(&format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// A short name for a name of a file of any length.
pub(super) fn short(name: &str) -> String {
    let mut sum = revision(name.as_bytes());
    sum.truncate(12);
    sum
}

/// What a request says about the copy that the client has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Condition<'a> {
    /// `If-None-Match`.
    pub(super) none_match: Option<&'a str>,
    /// `If-Modified-Since`.
    pub(super) modified_since: Option<&'a str>,
}

impl Condition<'_> {
    /// The same where a date says something only if it is exactly this one.
    pub(super) fn only_of(self, modified: Timestamp) -> Self {
        let is_exact = |text: &&str| read_date(text).is_some_and(|since| since.secs() == modified.secs());
        Self { modified_since: self.modified_since.filter(is_exact), ..self }
    }

    /// Whether the client's copy is the newest.
    ///
    /// Tags outweigh dates. A date counts to the second. One that lies in the future, or that cannot be read, comes
    /// from a client with a clock or a grammar of its own, and says only that it has a copy: it is the newest when the
    /// client was answered with these very bytes last time (`known`). Devices that restart after each download would
    /// else restart for ever; and a file that has changed since is sent whatever the date says.
    pub(super) fn is_fresh(&self, revision: &str, modified: Option<Timestamp>, known: bool, now: Timestamp) -> bool {
        if let Some(tags) = self.none_match {
            return names(tags, revision);
        }
        match (self.modified_since, self.modified_since.and_then(read_date)) {
            (None, _) => false,
            (Some(_), Some(since)) if since.secs() <= now.secs() => {
                modified.is_some_and(|modified| modified.secs() <= since.secs())
            }
            (Some(_), _) => known,
        }
    }
}

/// Whether a list of tags holds this revision. Weak tags count (RFC 9110 section 13.1.2), and so do tags whose client
/// lost the quotes.
fn names(tags: &str, revision: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == revision
    })
}

/// A time as HTTP writes it, `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn write_date(at: Timestamp) -> String {
    let since_epoch = Duration::from_secs(at.secs().max(0).unsigned_abs());
    // Four digits are all that the format has room for.
    let last = Duration::from_secs(253_402_300_799);
    httpdate::fmt_http_date(UNIX_EPOCH + since_epoch.min(last))
}

/// Reads a date in the three forms of RFC 9110 section 5.6.7, and in the untidy forms that devices send: one digit for
/// the day, the month in full, no weekday.
pub(super) fn read_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() > 64 {
        return None;
    }
    let strict = httpdate::parse_http_date(text).ok().and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    match strict {
        Some(since_epoch) => i64::try_from(since_epoch.as_secs()).ok().map(Timestamp::from_secs),
        None => read_untidy_date(text),
    }
}

fn read_untidy_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let text = text.split_once(',').map_or(text, |(_weekday, rest)| rest);
    let mut words = text.split([' ', '-', '\t']).filter(|word| !word.is_empty());
    let day: u8 = words.next()?.parse().ok()?;
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = u8::try_from(MONTHS.iter().position(|known| *known == month)? + 1).ok()?;
    let year: i32 = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u8>().ok());
    let time = Time::from_hms(clock.next()??, clock.next()??, clock.next()??).ok()?;
    if !matches!(words.next(), None | Some("GMT" | "UTC" | "UT")) {
        return None;
    }
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    Some(Timestamp::from_secs(date.with_time(time).assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 9110 section 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT.
    const CHANGED: Timestamp = Timestamp::from_secs(784_111_777);
    const LATER: Timestamp = Timestamp::from_secs(784_111_777 + 1_000_000);

    fn since(text: &str) -> bool {
        Condition { none_match: None, modified_since: Some(text) }.is_fresh("abc", Some(CHANGED), false, LATER)
    }

    #[test]
    fn dates_are_written_and_read_exactly() {
        assert_eq!(write_date(CHANGED), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 November 1994 08:49:37 GMT",
            "Mon, 6 November 1994 8:49:37 GMT",
            " 6 Nov 1994 08:49:37 ",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
        ] {
            assert_eq!(read_date(text), Some(CHANGED), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "6 No\u{f6} 1994 08:49:37",
            "Sun, 06 Nov 99999999999 08:49:37 GMT",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
        assert_eq!(read_date("Mon, 1 January 2014 19:43:31 GMT").unwrap().to_string(), "2014-01-01T19:43:31Z");
        assert_eq!(write_date(Timestamp::from_millis(i64::MAX)), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(write_date(Timestamp::from_millis(-1)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }

    #[test]
    fn a_date_counts_to_the_second() {
        assert!(!since("Sun, 06 Nov 1994 08:49:36 GMT"));
        assert!(since("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(since("Mon, 07 Nov 1994 08:49:37 GMT"));
        assert!(!since("Sun, 06 Nov 2094 08:49:37 GMT"), "a date in the future says nothing");
        assert!(!since("nonsense"));
        let part_of_a_second = Timestamp::from_millis(CHANGED.millis() + 400);
        let condition = Condition { none_match: None, modified_since: Some("Sun, 06 Nov 1994 08:49:37 GMT") };
        assert!(condition.is_fresh("abc", Some(part_of_a_second), false, LATER));
        assert!(!condition.is_fresh("abc", None, true, LATER), "nothing says how old the file is");
    }

    #[test]
    fn of_several_contents_a_date_says_only_which_one() {
        let tag = Some("\"abc\"");
        for (none_match, text, fresh) in [
            (None, "Sun, 06 Nov 1994 08:49:36 GMT", false),
            (None, "Sun, 06 Nov 1994 08:49:37 GMT", true),
            (None, "Sun, 06 Nov 1994 08:49:38 GMT", false),
            (None, "nonsense", false),
            (tag, "Sun, 06 Nov 1994 08:49:38 GMT", true),
        ] {
            let condition = Condition { none_match, modified_since: Some(text) }.only_of(CHANGED);
            assert_eq!(condition.is_fresh("abc", Some(CHANGED), false, LATER), fresh, "{text}");
        }
    }

    #[test]
    fn a_date_that_says_nothing_counts_for_a_client_that_was_answered_with_these_bytes() {
        for text in ["Sun, 06 Nov 2094 08:49:37 GMT", "nonsense", ""] {
            let condition = Condition { none_match: None, modified_since: Some(text) };
            assert!(condition.is_fresh("abc", Some(CHANGED), true, LATER), "{text}");
            assert!(!condition.is_fresh("abc", Some(CHANGED), false, LATER), "{text}");
        }
    }

    #[test]
    fn tags_outweigh_dates() {
        let ask = |none_match, modified_since| {
            Condition { none_match: Some(none_match), modified_since }.is_fresh("abc", Some(CHANGED), false, LATER)
        };
        for tags in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*", "abc"] {
            assert!(ask(tags, None), "{tags}");
        }
        for tags in ["\"abd\"", "", "\"\"", "\"x\",\"y\""] {
            assert!(!ask(tags, Some("Mon, 07 Nov 1994 08:49:37 GMT")), "{tags}");
        }
        assert!(!Condition::default().is_fresh("abc", Some(CHANGED), true, LATER));
    }

    #[test]
    fn a_revision_is_a_hash_of_the_bytes() {
        // FIPS 180-2 appendix B.1.
        assert_eq!(revision(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
