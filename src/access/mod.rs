//! Who gets what: evidence and policy in, a verdict with its reason out.
//!
//! A name in a path or a User-Agent is a claim. What counts as evidence is the login that was sent, the client
//! certificate, and the LAN itself. [`decide`] is a function of its arguments alone; whoever calls it renders the
//! file, stores the transition, and records the reason. All of its answers stand as a table in `docs/security.md`.

mod decide;
mod evidence;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
mod verdict;

pub use decide::decide;
pub use evidence::{Ask, Channel, Evidence, File, Lan, LoginProof, Subject, lan};
pub use verdict::{Basis, Transition, Verdict, login_to_hand_out};
