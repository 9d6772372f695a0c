use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// DECT bases.
pub(super) const SETTINGS: &[Definition] = &[
    define("dect.pin", Kind::Secret, "code that handsets register with", "example-secret"),
    define("dect.repeater", Kind::Flag, "whether repeaters are used", "no"),
    define("dect.eco", Kind::Flag, "whether the radio sends with less power", "no"),
];
