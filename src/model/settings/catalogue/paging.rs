use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Announcements to a group by multicast.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "paging.listen",
        Kind::List(&Kind::Multicast, 10),
        "groups that are listened to, the most important first",
        "224.0.1.116:5001",
    ),
    define("paging.labels", Kind::List(&Kind::Text(32), 10), "their names, in the same order", "Everybody"),
    define("paging.send", Kind::Multicast, "group that the paging key speaks to", "224.0.1.116:5001"),
    define("paging.barge", Kind::Flag, "whether an announcement is heard during a call", "no"),
    define(
        "paging.codec",
        Kind::Choice(&["pcmu", "pcma", "g722", "g729"]),
        "codec that announcements are sent in",
        "pcma",
    ),
];
