use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Where the phone stands: language, time and tones.
pub(super) const SETTINGS: &[Definition] = &[
    define("regional.language", Kind::Language, "language of the screen and of the phone's own web page", "de"),
    define(
        "regional.time_zone",
        Kind::Zone,
        "time zone; `time_zone` gives it to templates in every form",
        "Europe/Berlin",
    ),
    define("regional.tone_country", Kind::Country, "country whose dial, busy and ringing tones are played", "DE"),
    define("regional.time_format", Kind::Choice(&["12", "24"]), "hours of the clock", "24"),
    define(
        "regional.date_format",
        Kind::Choice(&["day-month", "month-day", "year-month"]),
        "order of the date",
        "day-month",
    ),
];
