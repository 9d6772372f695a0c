//! Controls: what is planted is found, so a run that finds nothing means something.

use std::time::Duration;

use super::properties::dhcp::{Plant, hold_with};
use super::properties::{csv, http, sip, sntp};
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

#[test]
fn an_import_that_takes_one_phone_for_another_is_found() {
    found("csv", |input| csv::hold_with(input, csv::Plant::FirstPhone));
}

#[test]
fn a_certificate_taken_for_another_phones_is_found() {
    found("http", |input| http::hold_with(input, http::Plant::AnyCertificate));
}

#[test]
fn a_question_answered_though_the_lan_contradicts_it_is_found() {
    found("sip", |input| sip::hold_with(input, sip::Plant::DeafToTheLan));
}

fn found(door: &str, planted: impl Fn(&[u8]) -> bool) {
    let ran = run(door, 66, DEADLINE, MOST, planted);
    assert!(ran.broken.is_some(), "not found in {} inputs", ran.inputs);
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
