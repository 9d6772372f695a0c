//! Controls: what is planted is found, so a run that finds nothing means something.

use std::time::Duration;

use super::properties::dhcp::{Plant, hold_with};
use super::properties::sntp;
use super::run::run;

const MOST: u64 = 20_000;
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn faults_planted_around_the_engine_are_found() {
    for plant in [Plant::Forget, Plant::AnotherClient, Plant::Untold, Plant::Panic] {
        let ran = run("dhcp", 66, DEADLINE, MOST, |input| hold_with(input, plant));
        assert!(ran.broken.is_some(), "{plant:?} was not found in {} inputs", ran.inputs);
    }
}

/// None of the seeds has the octet: only bending them finds it.
#[test]
fn a_panic_that_no_seed_reaches_is_found_by_bending_them() {
    let planted = |input: &[u8]| {
        assert!(input.get(1) != Some(&0xff), "planted");
        sntp::hold(input)
    };
    let ran = run("sntp", 66, DEADLINE, MOST, planted);
    assert!(ran.broken.is_some() && ran.inputs > 10, "found in {} inputs", ran.inputs);
}
