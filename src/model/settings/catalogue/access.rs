use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Who may change what on the phone itself.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "access.admin_user",
        Kind::Text(32),
        "name of the phone's administrator, where the brand lets it be set",
        "admin",
    ),
    define(
        "access.admin_password",
        Kind::Secret,
        "password of the phone's administrator; random per phone where nothing is set",
        "example-secret",
    ),
    define(
        "access.user_password",
        Kind::Secret,
        "password of the phone's user; random per phone where nothing is set",
        "example-secret",
    ),
    define(
        "access.web",
        Kind::Choice(&["off", "http", "https", "both"]),
        "how the phone's own web page is reached",
        "https",
    ),
    define("access.lock_menu", Kind::Flag, "whether the menus for administrators are hidden", "yes"),
    define(
        "access.keep_local_changes",
        Kind::Flag,
        "whether what is changed on the phone survives the next file",
        "no",
    ),
];
