//! The real program while the network, the disk or the clock is bad: every simulated phone still ends in service,
//! nothing that was acknowledged is lost, and the box says what is wrong.
//!
//! `FAULTS_LONG=1` takes a line that loses 30 %, phones that wait as long as their brand does, and every brand in every
//! weather: some fifteen minutes.
//! Needs root, iproute2 and a C compiler.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may panic.

mod clock;
mod disk;
mod full;
#[path = "../impair/mod.rs"]
mod impair;
mod interface;
mod page;
#[path = "../attack/place.rs"]
#[allow(dead_code)] // The attacks need more of it.
mod place;
#[path = "../attack/speak.rs"]
#[allow(dead_code)]
mod speak;
#[path = "../wait/mod.rs"]
mod wait;
mod weather;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use block66::lab::{Lab, Settings};
use block66::phonesim::BREEDS;

use wait::wait_until;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lab whose box runs behind `lines` of a shell script, where `$B` is the program.
fn lab_behind(lines: &str, phones: u16) -> (Lab, tempfile::TempDir) {
    assert!(nix::unistd::geteuid().is_root(), "these tests make network namespaces: run them as root");
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("block66");
    let text = format!("#!/bin/sh\nB={}\n{lines}\nexec \"$B\" \"$@\"\n", env!("CARGO_BIN_EXE_block66"));
    write_program(&program, &text);
    let brands = BREEDS.iter().copied().take(1).collect();
    let lab = Lab::new(&Settings { program, phones, brands, pace: Settings::USUAL_PACE, plant: None }).unwrap();
    (lab, directory)
}

fn write_program(at: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(at, text).unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Switches every phone off and on, and waits until all of them are in service.
fn phones_are_served(lab: &mut Lab, when: &str) {
    for phone in lab.phones() {
        phone.remote.reboot();
    }
    all_serve(lab, when);
}

fn all_serve(lab: &mut Lab, when: &str) {
    if !lab.all_in_service(PATIENCE) {
        panic!("{when}:\n{}\n{}", block66::lab::table::text(lab.phones()), lab.appliance().last_words());
    }
}

/// A library that is loaded before the program's own, made of this source. Each is a file of its own: another test may
/// load the same at this moment, and half of one is left out without a word.
fn preloaded(source: &str) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = Path::new(source).file_stem().unwrap().to_string_lossy().into_owned();
    let name = format!("{name}-{}-{}.so", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(source);
    let built =
        std::process::Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("cc is not installed").success());
    library
}
