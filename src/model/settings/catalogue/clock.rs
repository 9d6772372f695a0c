use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Where the phone takes the time from, where that is not the box.
pub(super) const SETTINGS: &[Definition] = &[
    define("clock.server", Kind::Host, "time server in place of the box", "ntp.example.net"),
    define("clock.second_server", Kind::Host, "time server when the first is silent", "192.0.2.9"),
    define("clock.interval", Kind::Number { least: 15, most: 86_400 }, "seconds between two questions", "3600"),
];
