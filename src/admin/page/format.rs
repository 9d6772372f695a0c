//! How times are said on the page. Times come as RFC 3339 texts, as the API writes them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// How long before or after `now` something is, as people say it: `3 min ago`, `in 2 h`.
pub(super) fn ago(at: &str, now: &str) -> String {
    let (Ok(at), Ok(now)) = (OffsetDateTime::parse(at, &Rfc3339), OffsetDateTime::parse(now, &Rfc3339)) else {
        return at.to_owned();
    };
    let seconds = (now - at).whole_seconds();
    let amount = match seconds.unsigned_abs() {
        0..=4 => return "just now".into(),
        s @ 5..=59 => format!("{s} s"),
        s @ 60..=5_399 => format!("{} min", (s + 30) / 60),
        s @ 5_400..=129_599 => format!("{} h", (s + 1_800) / 3_600),
        s => format!("{} days", (s + 43_200) / 86_400),
    };
    if seconds < 0 { format!("in {amount}") } else { format!("{amount} ago") }
}

/// Date and time, in UTC and said so.
pub(super) fn clock(at: &str) -> String {
    let form = format_description!("[day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC");
    said(at, |t| t.format(form).ok())
}

/// The date alone.
pub(super) fn day(at: &str) -> String {
    let form = format_description!("[day padding:none] [month repr:long] [year]");
    said(at, |t| t.format(form).ok())
}

fn said(at: &str, say: impl Fn(OffsetDateTime) -> Option<String>) -> String {
    OffsetDateTime::parse(at, &Rfc3339).ok().and_then(say).unwrap_or_else(|| at.to_owned())
}

/// A number of seconds in the two largest units that say something.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let count = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match (days, hours, minutes) {
        (0, 0, 0) => count(seconds, "second"),
        (0, 0, minutes) => count(minutes, "minute"),
        (0, hours, 0) => count(hours, "hour"),
        (0, hours, minutes) => format!("{}, {}", count(hours, "hour"), count(minutes, "minute")),
        (days, 0, _) => count(days, "day"),
        (days, hours, _) => format!("{}, {}", count(days, "day"), count(hours, "hour")),
    }
}

/// A number of bytes as people say it.
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Text as one segment of a path.
pub(super) fn segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_times_as_people_do() {
        let now = "2026-11-21T14:00:00Z";
        for (at, said) in [
            ("2026-11-21T14:00:00Z", "just now"),
            ("2026-11-21T13:59:30Z", "30 s ago"),
            ("2026-11-21T13:57:20Z", "3 min ago"),
            ("2026-11-21T11:50:00Z", "2 h ago"),
            ("2026-11-18T14:00:00Z", "3 days ago"),
            ("2026-11-22T02:00:00Z", "in 12 h"),
            ("beyond the calendar", "beyond the calendar"),
        ] {
            assert_eq!(ago(at, now), said);
        }
        assert_eq!(clock("2026-11-01T04:05:06Z"), "1 Nov 2026, 04:05:06 UTC");
        assert_eq!(day("2037-12-01T00:00:00Z"), "1 December 2037");
    }

    #[test]
    fn says_spans() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (61, "1 minute"),
            (3_600, "1 hour"),
            (3_660, "1 hour, 1 minute"),
            (86_400, "1 day"),
            (180_000, "2 days, 2 hours"),
        ] {
            assert_eq!(span(seconds), said);
        }
    }
}
