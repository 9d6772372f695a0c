use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::corpus;
use super::mutate::Dice;

/// What a run was.
pub(crate) struct Ran {
    pub(crate) inputs: u64,
    /// Inputs that got past the door's first guard.
    pub(crate) read: u64,
    /// The first input that broke a property.
    pub(crate) broken: Option<Vec<u8>>,
}

/// The seed of this run, printed so that a failure can be brought back.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("MUTATION_SEED").ok().map(|text| text.parse().expect("MUTATION_SEED is a number"));
    given.unwrap_or_else(|| u64::from_le_bytes(block66::sys::random::bytes()) >> 16)
}

pub(crate) fn span() -> Duration {
    let given = std::env::var("MUTATION_SECONDS").ok();
    Duration::from_secs(given.map_or(10, |text| text.parse().expect("MUTATION_SECONDS is a number")))
}

/// Takes the seeds as they are, then bent ones, until something breaks, `span` is over or `most` were taken.
pub(crate) fn run(door: &str, seed: u64, span: Duration, most: u64, hold: impl Fn(&[u8]) -> bool) -> Ran {
    let seeds = corpus::of(door);
    let mut dice = Dice::new(seed);
    let until = Instant::now() + span;
    let mut ran = Ran { inputs: 0, read: 0, broken: None };
    let mut unbent = seeds.iter().map(|(_, seed)| seed.clone()).collect::<Vec<_>>().into_iter();
    while ran.inputs < most && Instant::now() < until {
        let input = unbent.next().unwrap_or_else(|| dice.bend(&seeds));
        ran.inputs += 1;
        match catch_unwind(AssertUnwindSafe(|| hold(&input))) {
            Ok(read) => ran.read += u64::from(read),
            Err(_) => {
                ran.broken = Some(input);
                break;
            }
        }
    }
    ran
}

/// Keeps an input that broke a property.
pub(crate) fn keep(door: &str, input: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mutation-{door}"));
    std::fs::write(&path, input).unwrap();
    path
}
