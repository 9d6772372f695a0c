//! Telling a phone by SIP to fetch its files again or to restart, and finding out whether it did.
//!
//! A [`Job`] is one phone that is told once. It tries the ways to the phone one after the other, answers the phone's
//! challenge where that is safe, and then waits for the one thing that proves anything: that the phone comes for its
//! files. It decides and never acts; what it wants done comes out of it as [`Act`]s.

mod bindings;
mod job;
mod message;
mod order;
mod proof;

#[cfg(test)]
mod tests;

pub use bindings::{bindings, registered};
pub use job::Job;
pub use message::{Parts, notify};
pub use order::{Act, Attempt, Credentials, Input, Order, Target, Way};
pub use proof::{Fetch, Habit};
