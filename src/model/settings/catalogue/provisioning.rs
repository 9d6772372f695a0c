use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// When the phone looks for a new configuration.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "provisioning.interval",
        Kind::Number { least: 1, most: 43_200 },
        "minutes between two looks, in place of a day",
        "720",
    ),
    define(
        "provisioning.spread",
        Kind::Number { least: 0, most: 1440 },
        "minutes by which phones differ from it, each by its own number",
        "60",
    ),
    define(
        "provisioning.at",
        Kind::TimeOfDay,
        "time of day of the look, where the brand can; spread counts from there",
        "03:30",
    ),
    define(
        "provisioning.plain_http",
        Kind::Flag,
        "whether files with secrets may leave over plain HTTP against a Digest login, for phones too old for TLS 1.2",
        "no",
    ),
    define(
        "provisioning.plain_basic",
        Kind::Flag,
        "whether a Basic login counts there that was sent without being asked for; anybody on the way reads it",
        "no",
    ),
    define(
        "provisioning.lan_alone",
        Kind::Flag,
        "whether the phone's place on the LAN opens files with secrets, for phones that cannot log in",
        "no",
    ),
    define(
        "provisioning.resync_on_change",
        Kind::Flag,
        "whether a phone is told at once when what is set for it changes, in place of at its next look",
        "no",
    ),
    define(
        "provisioning.release",
        Kind::Flag,
        "whether the phone is let go: its next file then holds nothing of the box",
        "no",
    ),
    define("provisioning.on_start", Kind::Flag, "whether it also looks when it starts", "yes"),
];
