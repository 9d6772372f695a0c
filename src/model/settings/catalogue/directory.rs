use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// Which phone books are shown.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "directory.books",
        Kind::List(&Kind::Id, 10),
        "stored phone books, in the order shown; none: all of the organisation's",
        "0193abcd000000000000000000000001",
    ),
    define("directory.update", Kind::Number { least: 5, most: 10_080 }, "minutes between two looks for changes", "360"),
    define("directory.lookup_callers", Kind::Flag, "whether callers are looked up", "yes"),
];
