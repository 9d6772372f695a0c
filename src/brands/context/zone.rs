use minijinja::Value;

use super::{map, none};
use crate::model::settings::{Change, Zone};

/// A time zone in every form that brands write it in.
pub(super) fn zone(zone: Zone) -> Value {
    let offset = zone.offset();
    let summer = zone.summer();
    map([
        ("name", Value::from(zone.name())),
        ("posix", Value::from(zone.posix())),
        ("offset_minutes", Value::from(offset)),
        ("offset", Value::from(clock(offset, true, true))),
        ("hours", Value::from(hours(offset))),
        (
            "summer",
            summer.map_or_else(none, |summer| {
                map([
                    ("saved_minutes", Value::from(summer.saved)),
                    ("start", change(summer.start)),
                    ("end", change(summer.end)),
                ])
            }),
        ),
    ])
}

/// `+01:00`; a sign for zero as well.
fn clock(minutes: i32, sign: bool, pad: bool) -> String {
    let sign = match (minutes < 0, sign) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    if pad { format!("{sign}{hours:02}:{minutes:02}") } else { format!("{sign}{hours}:{minutes:02}") }
}

/// `+1`, `-3:30`, `0`.
fn hours(minutes: i32) -> String {
    match (minutes, minutes % 60) {
        (0, _) => "0".into(),
        (_, 0) => format!("{:+}", minutes / 60),
        _ => clock(minutes, true, false),
    }
}

fn change(change: Change) -> Value {
    map([
        ("month", Value::from(change.month)),
        ("week", Value::from(change.week)),
        ("weekday", Value::from(change.weekday)),
        // ISO 8601 counts from Monday, and Sunday is 7.
        ("iso_weekday", Value::from(if change.weekday == 0 { 7 } else { change.weekday })),
        ("hour", Value::from(change.minute / 60)),
        ("minute", Value::from(change.minute % 60)),
        ("minutes", Value::from(change.minute)),
        ("time", Value::from(clock(i32::from(change.minute), false, true))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_written_in_hours() {
        for (minutes, short, long) in
            [(60, "+1", "+01:00"), (0, "0", "+00:00"), (-210, "-3:30", "-03:30"), (345, "+5:45", "+05:45")]
        {
            assert_eq!((hours(minutes).as_str(), clock(minutes, true, true).as_str()), (short, long));
        }
        assert_eq!(clock(180, false, true), "03:00");
    }
}
