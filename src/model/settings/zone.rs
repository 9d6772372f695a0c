use std::collections::BTreeMap;
use std::sync::LazyLock;

use time::OffsetDateTime;

use crate::model::Timestamp;

/// A time zone: its IANA name and the rule that holds in it from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    posix: &'static str,
}

/// The part of the year in which clocks show another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summer {
    /// Minutes that clocks are put forward.
    pub saved: i32,
    /// When they are put forward.
    pub start: Change,
    /// When they are put back.
    pub end: Change,
}

/// When clocks are changed, in the time that they show just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Month, 1 to 12.
    pub month: u8,
    /// Which of the weekdays in that month: 1 to 4, or 5 for the last.
    pub week: u8,
    /// 0 for Sunday to 6 for Saturday.
    pub weekday: u8,
    /// Minutes after midnight, 0 to 1439.
    pub minute: u16,
}

/// A comment, then a line for each zone: name, blank, TZ value.
static TABLE: &str = include_str!("zones.txt");

static ZONES: LazyLock<BTreeMap<String, Zone>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    let zones = lines.filter_map(|line| line.split_once(' ')).map(|(name, posix)| Zone { name, posix });
    zones.map(|zone| (zone.name.to_ascii_lowercase(), zone)).collect()
});

impl Zone {
    /// The zone of this name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        ZONES.get(&name.to_ascii_lowercase()).copied()
    }

    /// Every zone, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        ZONES.values().copied()
    }

    /// `Europe/Berlin`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// The rule as POSIX writes it in TZ: `CET-1CEST,M3.5.0,M10.5.0/3`.
    pub fn posix(self) -> &'static str {
        self.posix
    }

    /// Minutes that clocks are ahead of UTC outside the summer.
    pub fn offset(self) -> i32 {
        // Ireland's rule calls its summer the standard and puts clocks back in winter.
        self.rule().map_or(0, |rule| rule.standard + rule.saved.min(0))
    }

    /// The summer, where there is one.
    pub fn summer(self) -> Option<Summer> {
        let Rule { saved, changes, .. } = self.rule()?;
        let (start, end) = changes?;
        Some(if saved < 0 { Summer { saved: -saved, start: end, end: start } } else { Summer { saved, start, end } })
    }

    /// Minutes that clocks are ahead of UTC at this moment.
    pub fn ahead(self, at: Timestamp) -> i32 {
        let standard = self.offset();
        let Some(Summer { saved, start, end }) = self.summer() else { return standard };
        let local = at.secs().saturating_add(i64::from(standard) * 60);
        let year = OffsetDateTime::from_unix_timestamp(local).map_or(1970, OffsetDateTime::year);
        let (start, end) = (start.in_year(year, standard), end.in_year(year, standard + saved));
        let is_summer =
            if start < end { (start..end).contains(&at.secs()) } else { !(end..start).contains(&at.secs()) };
        if is_summer { standard + saved } else { standard }
    }

    fn rule(self) -> Option<Rule> {
        let (_, rest) = abbreviation(self.posix)?;
        let (standard, rest) = offset(rest)?;
        if rest.is_empty() {
            return Some(Rule { standard, saved: 0, changes: None });
        }
        let (_, rest) = abbreviation(rest)?;
        let (summer, rest) = if rest.starts_with(',') { (standard + 60, rest) } else { offset(rest)? };
        let (start, end) = rest.strip_prefix(',')?.split_once(',')?;
        Some(Rule { standard, saved: summer - standard, changes: Some((change(start)?, change(end)?)) })
    }
}

impl Change {
    /// Seconds since the epoch at which clocks that are `ahead` minutes of UTC come to it.
    fn in_year(self, year: i32, ahead: i32) -> i64 {
        let first = days(year, self.month);
        let until = (i64::from(self.weekday) - weekday(first)).rem_euclid(7);
        let mut day = first + until + 7 * (i64::from(self.week) - 1);
        let next = if self.month == 12 { days(year + 1, 1) } else { days(year, self.month + 1) };
        if day >= next {
            day -= 7;
        }
        (day * 1440 + i64::from(self.minute) - i64::from(ahead)) * 60
    }
}

/// Days from the epoch to the first of a month.
fn days(year: i32, month: u8) -> i64 {
    // Years that begin in March have their odd day at the end.
    let (year, month) = (i64::from(year), i64::from(month));
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 - 719_468
}

/// 0 for Sunday to 6 for Saturday.
fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// What a TZ value says.
struct Rule {
    /// Minutes ahead of UTC in standard time.
    standard: i32,
    /// Minutes that the other time is ahead of it.
    saved: i32,
    /// When the other time begins and ends.
    changes: Option<(Change, Change)>,
}

/// Cuts off `CET` or `<+03>`.
fn abbreviation(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('<') {
        Some(rest) => rest.split_once('>'),
        None => {
            let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
            (end >= 3).then(|| text.split_at(end))
        }
    }
}

/// Cuts off an offset; POSIX counts to the west, this to the east.
fn offset(text: &str) -> Option<(i32, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | ':'))).unwrap_or(text.len());
    let (offset, rest) = text.split_at_checked(end)?;
    Some((-minutes(offset)?, rest))
}

/// Signed hours, with minutes after a colon.
fn minutes(text: &str) -> Option<i32> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    Some(sign * (hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?))
}

/// Reads `M3.5.0/3`. Times before midnight or after the end of the day (RFC 9636 section 3.3.1) are put on the weekday
/// that they fall on. Where the change is not the month's last, that is a day of the same week of the month, which
/// is right but for the years in which the month begins between the two.
fn change(text: &str) -> Option<Change> {
    let (day, time) = text.strip_prefix('M')?.split_once('/').unwrap_or((text.strip_prefix('M')?, "2"));
    let mut numbers = day.split('.').map(|number| number.parse::<u8>().ok());
    let (month, week, weekday) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let time = minutes(time)?;
    let weekday = (i32::from(weekday) + time.div_euclid(1440)).rem_euclid(7);
    let fits = (1..=12).contains(&month) && (1..=5).contains(&week);
    Some(Change {
        month: fits.then_some(month)?,
        week,
        weekday: u8::try_from(weekday).ok()?,
        minute: u16::try_from(time.rem_euclid(1440)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(month: u8, week: u8, weekday: u8, minute: u16) -> Change {
        Change { month, week, weekday, minute }
    }

    #[test]
    fn every_zone_can_be_read() {
        let mut count = 0;
        for zone in Zone::all() {
            count += 1;
            let Rule { standard, saved, changes } = zone.rule().unwrap_or_else(|| panic!("{zone:?}"));
            assert!((-12 * 60..=14 * 60).contains(&standard), "{zone:?}");
            assert_eq!(changes.is_some(), zone.posix.contains(','), "{zone:?}");
            assert_eq!(changes.is_some(), saved != 0, "{zone:?}");
            assert!(zone.summer().is_none_or(|summer| [30, 60, 120].contains(&summer.saved)), "{zone:?}");
            assert_eq!(Zone::named(&zone.name.to_uppercase()), Some(zone));
        }
        assert!(count > 400, "{count}");
        assert_eq!(Zone::named("Europe/Atlantis"), None);
    }

    #[test]
    fn offsets_and_summers_are_those_of_the_clocks_on_the_wall() {
        let zone = |name| Zone::named(name).unwrap();
        let summer = |saved, start, end| Some(Summer { saved, start, end });
        for (name, offset, expected) in [
            ("Europe/Berlin", 60, summer(60, change(3, 5, 0, 120), change(10, 5, 0, 180))),
            ("Europe/London", 0, summer(60, change(3, 5, 0, 60), change(10, 5, 0, 120))),
            ("Europe/Dublin", 0, summer(60, change(3, 5, 0, 60), change(10, 5, 0, 120))),
            ("America/New_York", -300, summer(60, change(3, 2, 0, 120), change(11, 1, 0, 120))),
            ("America/St_Johns", -210, summer(60, change(3, 2, 0, 120), change(11, 1, 0, 120))),
            ("Australia/Lord_Howe", 630, summer(30, change(10, 1, 0, 120), change(4, 1, 0, 120))),
            // Friday at 2, written as Thursday at 26.
            ("Asia/Jerusalem", 120, summer(60, change(3, 4, 5, 120), change(10, 5, 0, 120))),
            // Saturday at 23, written as Sunday an hour before midnight.
            ("America/Nuuk", -120, summer(60, change(3, 5, 6, 1380), change(10, 5, 0, 0))),
            ("Asia/Kolkata", 330, None),
            ("Asia/Kathmandu", 345, None),
            ("Pacific/Marquesas", -570, None),
            ("UTC", 0, None),
        ] {
            assert_eq!((zone(name).offset(), zone(name).summer()), (offset, expected), "{name}");
        }
        assert_eq!(zone("europe/berlin").posix(), "CET-1CEST,M3.5.0,M10.5.0/3");
        assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    }

    #[test]
    fn clocks_change_at_the_second() {
        // Moments of change as `zdump -v` lists them: the last second of one time, and how far ahead before and after.
        for (name, last, before, after) in [
            ("Europe/Berlin", 1_774_745_999, 60, 120),       // 2026-03-29 00:59:59 UTC
            ("Europe/Berlin", 1_792_889_999, 120, 60),       // 2026-10-25 00:59:59 UTC
            ("America/New_York", 1_772_953_199, -300, -240), // 2026-03-08 06:59:59 UTC
            ("America/New_York", 1_793_512_799, -240, -300), // 2026-11-01 05:59:59 UTC
            ("Australia/Sydney", 1_775_318_399, 660, 600),   // 2026-04-04 15:59:59 UTC
            ("Australia/Sydney", 1_791_043_199, 600, 660),   // 2026-10-03 15:59:59 UTC
        ] {
            let zone = Zone::named(name).unwrap();
            let ahead = |at| zone.ahead(Timestamp::from_secs(at));
            assert_eq!((ahead(last), ahead(last + 1)), (before, after), "{name} {last}");
        }
        assert_eq!(Zone::named("Asia/Kolkata").unwrap().ahead(Timestamp::from_secs(1_792_889_999)), 330);
    }
}
