use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Where the phone sends its log.
pub(super) const SETTINGS: &[Definition] = &[
    define("log.server", Kind::Host, "syslog server", "192.0.2.5"),
    define("log.port", Kind::Number { least: 1, most: 65_535 }, "its port", "514"),
    define("log.transport", Kind::Choice(&["udp", "tcp", "tls"]), "how messages travel", "udp"),
    define(
        "log.level",
        Kind::Number { least: 0, most: 7 },
        "least severity that is sent (RFC 5424 section 6.2.1)",
        "6",
    ),
    define("log.facility", Kind::Number { least: 0, most: 23 }, "facility (RFC 5424 section 6.2.1)", "16"),
];
