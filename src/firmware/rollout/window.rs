//! PURE. When updates may begin, by the clock on the wall of the branch.

use crate::model::settings::Zone;
use crate::model::{Timestamp, UpdateWindow};

/// Minutes of a day.
const DAY: i64 = 1440;

/// Whether updates may begin now. A window in a zone that nobody knows is never open.
pub fn is_open(window: &UpdateWindow, at: Timestamp) -> bool {
    let Some(zone) = Zone::named(&window.zone) else { return false };
    let local = at.secs().div_euclid(60) + i64::from(zone.ahead(at));
    let (day, minute) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let (from, until) = (i64::from(window.from), i64::from(window.until));
    if from < until {
        return (from..until).contains(&minute) && begins_on(window, day);
    }
    minute >= from && begins_on(window, day) || minute < until && begins_on(window, day - 1)
}

/// The window in words: `22:00-06:00`.
pub fn hours(window: &UpdateWindow) -> String {
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    format!("{}-{}", clock(window.from), clock(window.until))
}

/// Reads `22:00-06:00`.
pub fn read_hours(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse::<u16>().ok()?, minutes.parse::<u16>().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let (from, until) = text.split_once('-')?;
    Some((minute(from)?, minute(until)?))
}

/// Whether the window begins on this day since the epoch, which was a Thursday.
fn begins_on(window: &UpdateWindow, day: i64) -> bool {
    let weekday = usize::try_from((day + 3).rem_euclid(7)).unwrap_or_default();
    window.days == [false; 7] || window.days.get(weekday).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(hours: &str, days: &str) -> UpdateWindow {
        let (from, until) = read_hours(hours).unwrap();
        let mut chosen = [false; 7];
        days.chars().zip(&mut chosen).for_each(|(mark, day)| *day = mark == 'x');
        UpdateWindow { from, until, days: chosen, zone: "Europe/Berlin".into() }
    }

    // Monday, 2026-03-30, 00:00 in Berlin, the day after clocks were put forward.
    const MONDAY: i64 = 1_774_821_600;

    fn open(window: &UpdateWindow, hours: i64, minutes: i64) -> bool {
        is_open(window, Timestamp::from_secs(MONDAY + hours * 3600 + minutes * 60))
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let nights = window("22:00-06:00", "x......");
        for (hours, minutes, expected) in [
            (21, 59, false),
            (22, 0, true),
            (29, 59, true),
            (30, 0, false),
            (-1, 0, false),
            (5, 0, false),
            (46, 0, false),
        ] {
            assert_eq!(open(&nights, hours, minutes), expected, "{hours}:{minutes}");
        }
        let every = window("22:00-06:00", "");
        assert!(open(&every, 5, 59) && open(&every, 46, 0) && !open(&every, 12, 0));
    }

    #[test]
    fn the_wall_clock_of_the_branch_counts_also_when_it_changes() {
        let day = window("09:00-10:00", "");
        // Sunday, the day of the change: 09:00 there is 07:00 UTC; on Saturday it was 08:00 UTC.
        assert!(open(&day, -24 + 9, 0) && !open(&day, -24 + 10, 0));
        assert!(!open(&day, -47 + 8, 59) && open(&day, -47 + 9, 0));
        let nowhere = UpdateWindow { zone: "Europe/Atlantis".into(), ..day };
        assert!(!open(&nowhere, 9, 30));
        let always = window("00:00-00:00", "");
        assert!((0..24).all(|hour| open(&always, hour, 0)));
    }

    #[test]
    fn hours_survive_text() {
        for text in ["22:00-06:00", "00:00-23:59"] {
            assert_eq!(hours(&window(text, "")), text);
        }
        for wrong in ["", "22-6", "24:00-06:00", "22:60-06:00", "22:00", "-1:00-06:00"] {
            assert_eq!(read_hours(wrong), None, "{wrong}");
        }
    }
}
