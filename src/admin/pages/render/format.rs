//! How times, spans and sizes are said on the page. Times come as RFC 3339 texts, as the API writes them.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

use crate::admin::speech::{said, say};
use crate::model::settings::Zone;
use crate::model::{Language, Timestamp};

/// How long before or after `now` something is, as people say it: `3 min ago`, `in 2 h`.
pub(super) fn ago(at: &str, now: &str, language: Language) -> String {
    let (Ok(at), Ok(now)) = (OffsetDateTime::parse(at, &Rfc3339), OffsetDateTime::parse(now, &Rfc3339)) else {
        return at.to_owned();
    };
    let seconds = (now - at).whole_seconds();
    let amount = match seconds.unsigned_abs() {
        0..=4 => return said(language, "just now").to_owned(),
        s @ 5..=59 => format!("{s} s"),
        s @ 60..=5_399 => format!("{} min", (s + 30) / 60),
        s @ 5_400..=129_599 => format!("{} h", (s + 1_800) / 3_600),
        s => say(language, "{n} days", &[("n", &((s + 43_200) / 86_400))]),
    };
    if seconds < 0 {
        say(language, "in {time}", &[("time", &amount)])
    } else {
        say(language, "{time} ago", &[("time", &amount)])
    }
}

/// Date and time on the clocks of the branch; in UTC, and said so, where its time zone is not known.
pub(super) fn clock(at: &str, zone: Option<Zone>, language: Language) -> String {
    local(at, zone).map_or_else(
        || at.to_owned(),
        |at| {
            let (h, m, s) = (at.hour(), at.minute(), at.second());
            let end = if zone.is_some() { "" } else { " UTC" };
            format!("{}, {h:02}:{m:02}:{s:02}{end}", date(at, language))
        },
    )
}

/// The date alone.
pub(super) fn day(at: &str, zone: Option<Zone>, language: Language) -> String {
    local(at, zone).map_or_else(|| at.to_owned(), |at| date(at, language))
}

fn local(at: &str, zone: Option<Zone>) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(at, &Rfc3339).ok()?;
    let ahead = zone.map_or(0, |zone| zone.ahead(Timestamp::from_secs(at.unix_timestamp())));
    Some(at.to_offset(UtcOffset::from_whole_seconds(ahead * 60).ok()?))
}

fn date(at: OffsetDateTime, language: Language) -> String {
    let month = usize::from(u8::from(at.month())) - 1;
    let names = match language {
        Language::English => "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec",
        Language::Dutch => "jan. feb. mrt. apr. mei juni juli aug. sep. okt. nov. dec.",
        Language::French => "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
        Language::German => "Jan. Feb. März April Mai Juni Juli Aug. Sept. Okt. Nov. Dez.",
    };
    let name = names.split(' ').nth(month).unwrap_or_default();
    let dot = if language == Language::German { "." } else { "" };
    format!("{}{dot} {name} {}", at.day(), at.year())
}

/// A number of seconds in the two largest units that say something.
pub(crate) fn span(seconds: u64, language: Language) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let in_days = match days {
        1 => said(language, "1 day").to_owned(),
        n => say(language, "{n} days", &[("n", &n)]),
    };
    let in_hours = match hours {
        1 => said(language, "1 hour").to_owned(),
        n => say(language, "{n} hours", &[("n", &n)]),
    };
    let in_minutes = match minutes {
        1 => said(language, "1 minute").to_owned(),
        n => say(language, "{n} minutes", &[("n", &n)]),
    };
    match (days, hours, minutes) {
        (0, 0, 0) if seconds == 1 => said(language, "1 second").to_owned(),
        (0, 0, 0) => say(language, "{n} seconds", &[("n", &seconds)]),
        (0, 0, _) => in_minutes,
        (0, _, 0) => in_hours,
        (0, ..) => format!("{in_hours}, {in_minutes}"),
        (_, 0, _) => in_days,
        _ => format!("{in_days}, {in_hours}"),
    }
}

/// A number of bytes as people say it.
pub(super) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Milliseconds as seconds with one place.
pub(super) fn tenths(millis: u64) -> String {
    format!("{}.{}", millis / 1000, millis / 100 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T14:00:00Z";

    #[test]
    fn says_times_as_people_do() {
        for (at, said) in [
            ("2026-11-21T14:00:00Z", "just now"),
            ("2026-11-21T13:59:30Z", "30 s ago"),
            ("2026-11-21T13:57:20Z", "3 min ago"),
            ("2026-11-21T11:50:00Z", "2 h ago"),
            ("2026-11-18T14:00:00Z", "3 days ago"),
            ("2026-11-22T02:00:00Z", "in 12 h"),
            ("beyond the calendar", "beyond the calendar"),
        ] {
            assert_eq!(ago(at, NOW, Language::English), said);
        }
        assert_eq!(ago("2026-11-18T14:00:00Z", NOW, Language::German), "vor 3 Tagen");
    }

    #[test]
    fn shows_the_clocks_of_the_branch() {
        let berlin = Zone::named("Europe/Berlin");
        let at = "2026-07-01T23:05:06Z";
        assert_eq!(clock(at, None, Language::English), "1 Jul 2026, 23:05:06 UTC");
        assert_eq!(clock(at, berlin, Language::English), "2 Jul 2026, 01:05:06");
        assert_eq!(clock("2026-01-01T12:00:00Z", berlin, Language::German), "1. Jan. 2026, 13:00:00");
        assert_eq!(day(at, berlin, Language::French), "2 juil. 2026");
        assert_eq!(day(at, None, Language::Dutch), "1 juli 2026");
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
            assert_eq!(span(seconds, Language::English), said);
        }
    }
}
