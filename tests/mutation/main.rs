//! Seeds of the corpus, bent at random for ten seconds a door, against the properties that the coverage-guided
//! targets check too. The compiler that builds the box is all that this needs.
//!
//! `MUTATION_SEED` repeats a run, `MUTATION_SECONDS` makes it shorter or longer. An input that breaks a property is
//! written to a file, which the fuzz target of the door takes as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // A test may panic.

mod corpus;
mod doors;
mod mutate;
mod planted;
#[path = "../../fuzz/properties/lib.rs"]
#[allow(dead_code, unreachable_pub)] // Public in the crate of the fuzz targets, which need more of it.
mod properties;
mod run;
