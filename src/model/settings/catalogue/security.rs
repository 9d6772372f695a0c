use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// What the phone makes of certificates.
pub(super) const SETTINGS: &[Definition] = &[
    define("security.verify_servers", Kind::Flag, "whether servers need a certificate that the phone trusts", "yes"),
    define("security.verify_names", Kind::Flag, "whether a certificate must name the server that was asked", "yes"),
    define(
        "security.only_own_authority",
        Kind::Flag,
        "whether the authorities that the maker built in are trusted no more",
        "no",
    ),
];
