//! One test a door.

use std::collections::BTreeSet;

use super::properties::{DOORS, Property};
use super::{corpus, run};

fn try_door(door: &str) {
    let (_, hold): (_, Property) = *DOORS.iter().find(|(name, _)| *name == door).unwrap();
    let seed = run::seed();
    println!("seed: {door} MUTATION_SEED={seed}");
    let ran = run::run(door, seed, run::span(), u64::MAX, hold);
    println!("figure: {door}: {} inputs, {} of them past the first guard", ran.inputs, ran.read);
    if let Some(input) = ran.broken {
        let path = run::keep(door, &input);
        panic!("input {} of MUTATION_SEED={seed} broke the {door} door; it is in {}", ran.inputs, path.display());
    }
    assert!(ran.read * 200 > ran.inputs, "hardly any input gets past the first guard");
}

#[test]
fn access() {
    try_door("access");
}

#[test]
fn brand() {
    try_door("brand");
}

#[test]
fn bria() {
    try_door("bria");
}

#[test]
fn config() {
    try_door("config");
}

#[test]
fn csv() {
    try_door("csv");
}

#[test]
fn dhcp() {
    try_door("dhcp");
}

#[test]
fn http() {
    try_door("http");
}

#[test]
fn innovaphone() {
    try_door("innovaphone");
}

#[test]
fn sip() {
    try_door("sip");
}

#[test]
fn sntp() {
    try_door("sntp");
}

#[test]
fn tftp() {
    try_door("tftp");
}

#[test]
fn seeds_are_past_the_first_guard_unless_their_name_says_otherwise() {
    for (door, hold) in DOORS {
        let seeds = corpus::of(door);
        assert!(seeds.len() >= 5, "{door} has {} seeds", seeds.len());
        for (name, seed) in seeds {
            assert_eq!(hold(&seed), !name.starts_with("refused-"), "{door}/{name}");
        }
    }
}

#[test]
fn every_door_has_a_target_and_every_target_a_corpus() {
    let doors: BTreeSet<String> = DOORS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let names = |folder: std::path::PathBuf| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(corpus::folder(".")), doors);
    assert_eq!(names(corpus::folder("../targets")), doors);
}
