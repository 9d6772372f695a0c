//! The program as a process: what it says on the command line, and how it lives with a service manager.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // what helpers of a test do when it fails

mod command;
mod json;
mod lists;
mod overlay;
mod service;
mod writes;
