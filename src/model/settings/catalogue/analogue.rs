use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Gateways with ports for analogue phones.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "analogue.country",
        Kind::Country,
        "country whose impedance and ringing are used, where that is not the tones'",
        "DE",
    ),
    define(
        "analogue.caller_id",
        Kind::Choice(&["off", "bellcore", "etsi", "dtmf", "ntt"]),
        "how the caller's number is shown",
        "etsi",
    ),
    define("analogue.fax", Kind::Choice(&["off", "t38", "passthrough"]), "how faxes travel", "t38"),
    define("analogue.flash", Kind::Number { least: 50, most: 1500 }, "milliseconds of a hook flash", "300"),
    define("analogue.polarity_reversal", Kind::Flag, "whether answering is shown by reversed polarity", "no"),
];
