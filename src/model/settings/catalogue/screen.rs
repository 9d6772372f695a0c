use super::define;
use crate::model::settings::definition::{Definition, Kind};

/// What the phone shows while nothing happens.
pub(super) const SETTINGS: &[Definition] = &[
    define(
        "screen.wallpaper",
        Kind::File,
        "picture behind the idle screen: the name of a stored wallpaper",
        "branch.jpg",
    ),
    define("screen.module_wallpaper", Kind::File, "picture behind the keys of expansion modules", "module.jpg"),
    define("screen.screensaver", Kind::File, "picture of the screen saver", "saver.jpg"),
    define(
        "screen.screensaver_after",
        Kind::Number { least: 0, most: 86_400 },
        "idle seconds before the screen saver, 0 for never",
        "600",
    ),
    define("screen.backlight", Kind::Number { least: 0, most: 100 }, "brightness in use, in percent", "80"),
    define("screen.backlight_idle", Kind::Number { least: 0, most: 100 }, "brightness when idle, in percent", "10"),
    define(
        "screen.backlight_after",
        Kind::Number { least: 0, most: 86_400 },
        "idle seconds before it gets darker, 0 for never",
        "60",
    ),
    define("screen.contrast", Kind::Number { least: 0, most: 100 }, "contrast, in percent", "50"),
    define("screen.title", Kind::Text(64), "line of text on the idle screen, where the brand has one", "Example Ltd."),
];
