//! A phone that loses its power at any byte of its first contact still ends in service.
//!
//! The real listeners, provisioning and store in this process; a simulated phone at each desk. It starts in its factory
//! state, loses its power after so many bytes of one exchange (those of both directions count), and starts again with
//! what its flash holds. `CUT_STRIDE` says how many bytes lie between two cuts, and the printed seed at which byte the
//! first one is, so that runs over time come to every byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod cuts;
mod desk;
mod ground;

use std::time::{Duration, Instant};

use crate::cuts::Plan;
use crate::ground::{Ground, Planted};

/// How long a phone may take into service; its own waits take next to nothing.
const LIMIT: Duration = Duration::from_secs(20);
/// The same where it is to be found that it never gets there.
const SHORT_LIMIT: Duration = Duration::from_secs(2);

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn a_phone_cut_off_at_a_byte_of_its_first_contact_ends_in_service() {
    const STRIDE: usize = 29;
    let stride = number("CUT_STRIDE").unwrap_or(STRIDE).max(1);
    let seed = number("CUT_SEED").unwrap_or_else(|| u16::from_le_bytes(block66::sys::random::bytes()).into());
    println!("CUT_SEED={seed}");
    let started = Instant::now();
    let ground = Ground::new(Planted::Nothing);
    let plan = Plan::measured(&ground, LIMIT);
    for (number, (url, bytes)) in plan.exchanges.iter().enumerate() {
        println!("exchange {number}: {bytes} bytes, {url}");
    }
    let found = plan.carry_out(&ground, (seed % stride, stride), LIMIT);
    println!(
        "figure: {} cuts, each {stride} bytes from the one before, in the {} bytes of {} exchanges of a first contact; \
         {} more came after the end of an exchange that was shorter this time; {:.1} s",
        found.cuts,
        plan.bytes(),
        plan.exchanges.len(),
        found.missed,
        started.elapsed().as_secs_f32()
    );
    assert!(found.failures.is_empty(), "CUT_SEED={seed}: {}", found.failures.join("\n"));
    // The last record of a TLS exchange is read or not, as it comes.
    assert!(found.missed * 10 <= found.cuts, "{} of {} cuts were missed", found.missed, found.cuts);
}

#[test]
fn control_a_box_that_takes_the_hand_out_for_the_end_is_found() {
    let ground = Ground::new(Planted::ClosesOnHandOut);
    // A phone that is not cut off does not notice.
    let plan = Plan::measured(&ground, LIMIT);
    let found = plan.carry_out(&ground, (7, 50), SHORT_LIMIT);
    assert!(found.failures.iter().any(|failure| failure.contains("not in service")), "{found:?}");
}

#[test]
fn control_a_box_that_gives_other_bytes_the_next_time_is_found() {
    let ground = Ground::new(Planted::OtherBytesEachTime);
    let plan = Plan::measured(&ground, LIMIT);
    let found = plan.carry_out(&ground, (7, 50), SHORT_LIMIT);
    assert!(found.failures.iter().any(|failure| failure.contains("other bytes")), "{found:?}");
    assert!(!found.failures.iter().any(|failure| failure.contains("not in service")), "{found:?}");
}
