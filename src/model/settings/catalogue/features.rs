use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// What users may do, and what the phone does by itself.
pub(super) const SETTINGS: &[Definition] = &[
    define("features.call_waiting", Kind::Flag, "whether a second call is let through", "yes"),
    define("features.call_waiting_tone", Kind::Flag, "whether it is heard", "yes"),
    define("features.do_not_disturb", Kind::Flag, "whether users may switch on do-not-disturb", "yes"),
    define("features.forwarding", Kind::Flag, "whether users may forward", "yes"),
    define("features.forward_always", Kind::Dial, "where every call goes", "200"),
    define("features.forward_busy", Kind::Dial, "where calls go while the phone is busy", "200"),
    define("features.forward_no_answer", Kind::Dial, "where calls go that nobody takes", "200"),
    define(
        "features.forward_after",
        Kind::Number { least: 1, most: 180 },
        "seconds before a call counts as not taken",
        "20",
    ),
    define("features.intercom", Kind::Flag, "whether calls that ask for it are answered by the phone itself", "yes"),
    define("features.auto_answer", Kind::Flag, "whether the phone answers every call itself", "no"),
    define("features.hide_number", Kind::Flag, "whether calls are made without one's own number", "no"),
    define("features.reject_anonymous", Kind::Flag, "whether calls without a number are refused", "no"),
    define("features.missed_calls", Kind::Flag, "whether missed calls are shown", "yes"),
    define("features.message_lamp", Kind::Flag, "whether the lamp shows new voice mail", "yes"),
    define("features.call_history", Kind::Flag, "whether past calls are kept", "yes"),
    define("features.directory", Kind::Flag, "whether users keep a phone book of their own", "yes"),
    define("features.pickup_code", Kind::Dial, "dialled before a number to take its call", "**"),
    define("features.group_pickup_code", Kind::Dial, "dialled to take a call of the group", "*8"),
    define("features.park_code", Kind::Dial, "dialled to park a call", "700"),
    define("features.server_features", Kind::Flag, "whether the server keeps do-not-disturb and forwarding", "no"),
    define("features.remote_control", Kind::Flag, "whether the phone takes action URIs and XML from servers", "no"),
    define("features.remote_control_from", Kind::List(&Kind::Host, 4), "servers that it takes them from", "192.0.2.5"),
    define("features.usb_recording", Kind::Flag, "whether calls may be recorded to a USB stick", "no"),
];
