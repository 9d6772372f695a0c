//! The page in a real browser: headless Chromium beside the real box, on the lab's LAN of namespaces.
//!
//! Needs the right to make network namespaces (root), Debian's chromium and chromium-driver, and axe-core where
//! `tests/run` puts it. Chromium stands in the namespace of the lab's switch, from which nothing but the lab can be
//! reached.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod chromium;
mod door;
mod edits;
mod files;
mod first_visit;
mod ground;
mod hostile;
mod languages;
mod looks;
mod people;
mod recovery;
mod scenes;
mod settings;
mod speed;
