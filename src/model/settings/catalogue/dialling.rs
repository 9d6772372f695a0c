use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// From digits to a call.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "dialling.plan",
        Kind::DigitMap,
        "digit map: when a number is complete; templates also see its alternatives as a list",
        "[2-9]xx|0x.T",
    ),
    define(
        "dialling.timeout",
        Kind::Number { least: 1, most: 60 },
        "seconds after the last digit before it is dialled anyway",
        "4",
    ),
    define(
        "dialling.emergency",
        Kind::List(&Kind::Dial, 10),
        "numbers that are always dialled at once, also while the phone is locked",
        "110,112",
    ),
    define("dialling.hotline", Kind::Dial, "dialled as soon as the handset is lifted", "200"),
    define("dialling.hotline_after", Kind::Number { least: 0, most: 60 }, "seconds after which it is dialled", "0"),
];
