use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Ringing and loudness.
pub(super) const SETTINGS: &[Definition] = &[
    define("sound.ringtone", Kind::File, "sound of a call: the name of a stored ringtone", "bell.wav"),
    define(
        "sound.builtin_ringtone",
        Kind::Number { least: 1, most: 99 },
        "number of one of the phone's own sounds",
        "3",
    ),
    define("sound.ring_volume", Kind::Number { least: 0, most: 100 }, "loudness of ringing, in percent", "60"),
    define("sound.handset_volume", Kind::Number { least: 0, most: 100 }, "loudness of the handset, in percent", "50"),
    define("sound.headset_volume", Kind::Number { least: 0, most: 100 }, "loudness of the headset, in percent", "50"),
    define(
        "sound.speaker_volume",
        Kind::Number { least: 0, most: 100 },
        "loudness of the loudspeaker, in percent",
        "50",
    ),
    define("sound.key_tones", Kind::Flag, "whether keys make a sound", "no"),
];
