//! Life in a branch, for as long as `SOAK_SECONDS` says (40; hours in `tests/long`): phones renew, look for files, are
//! told of changes, restart, are reset, come and go, and others that nobody saw before; administrators edit; firmware is
//! brought, rolled out and taken away. Memory, disk, file descriptors and latency stay flat.
//!
//! Needs root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may panic.

mod gauge;
mod life;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use block66::lab::{Lab, Settings, table};
use block66::phonesim::BREEDS;

use gauge::{Gauge, Sample};
use life::Life;

/// How long a phone that was disturbed may take until it is in service.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at the gauges.
const LOOK: Duration = Duration::from_millis(500);

#[test]
fn everything_stays_flat() {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let seed = std::env::var("SOAK_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(66);
    println!("seed: SOAK_SEED={seed}");
    let brands = BREEDS.iter().copied().filter(|breed| matches!(breed.brand, "yealink" | "snom")).collect();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_block66"));
    let settings = Settings { program, phones: 12, brands, pace: 240, plant: None };
    let mut lab = Lab::new(&settings).unwrap();
    lab.power_on().unwrap();
    assert!(lab.all_in_service(PATIENCE), "{}", table::text(lab.phones()));
    // Nothing else vouches for the clock here, and roll-outs wait for one that is right.
    let time = lab.api().get("status").unwrap()["time"].clone();
    lab.api().post("clock", &serde_json::json!({ "time": time })).unwrap();
    let mut gauge = Gauge::new(&mut lab);
    let mut life = Life::new(seed);
    let begun = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let mut next = begun;
    while begun.elapsed() < Duration::from_secs(seconds) {
        life.step(&lab);
        if Instant::now() >= next {
            samples.push(gauge.look());
            next = Instant::now() + LOOK;
        }
        std::thread::park_timeout(Duration::from_millis(15));
    }
    // Those who were let go or reset are let in again: after all of it everybody is served. A phone that was in the
    // middle of its first contact just then uses up what was opened for it before it forgets; it is let in once more.
    let until = Instant::now() + PATIENCE;
    life.rest(&lab, |_| true);
    while !lab.all_in_service(PATIENCE / 4) {
        assert!(Instant::now() < until, "{}\n{}", table::text(lab.phones()), lab.appliance().last_words());
        life.rest(&lab, |phone| !phone.remote.report().in_service());
    }
    println!("figure: {} in {seconds} s", life.counts());
    gauge::judge(&samples, Duration::from_secs(seconds));
    let log = std::fs::read_to_string(lab.appliance().log()).unwrap();
    assert!(!log.contains("panicked"), "{}", lab.appliance().last_words());
    lab.appliance().stop().unwrap();
}
