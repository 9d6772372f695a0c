//! Simulated phones of many brands, from their factory state to their first call. As a Yealink does it:
//!
//! ```text
//!  power on, 1970 ─ DHCP ─ time ─ <mac>.boot, y000000000000.boot, y0000000000NN.cfg, <mac>.cfg over http
//!                                      │ CA, https URL, login, polling
//!                                      └─ at the next poll: the same files over https ─ what they name ─ in service
//! ```
//!
//! A simulated phone knows nothing of this product. What it sends is written byte by byte from public sources, and
//! it acts only on what stands in the files that it is given, by its brand's own grammar; a wrong file therefore
//! makes it fail, and it says why in plain words ([`Report`]). It is one thread of blocking calls, since that thread
//! may stand in a network namespace of its own.
//!
//! Sources are marked in the code: the RFC and section, or \[facts\] for what several public provisioning systems and
//! vendor guides agree on (`NOTES.md` in the brand's folder names them), or \[assumed\] where they are silent. What is
//! `unchecked` was not compared with the guide.

mod antique;
mod breed;
mod breeds;
mod clock;
mod dhcp;
mod fault;
mod fetch;
mod flash;
mod http;
mod identity;
mod inform;
mod lan;
pub mod link;
mod login;
mod look;
mod notified;
mod phone;
mod power;
mod report;
mod round;
mod sntp;
mod trust;
mod update;
mod url;
mod wire;
mod xml;

pub use antique::greet as greet_as_of_old;
pub use breed::{Breed, Make, Trust};
pub use breeds::{ALL as BREEDS, named as breed};
pub use fault::Fault;
pub use flash::{Account, Holding};
pub use identity::Identity;
pub use inform::{Informed, inform};
pub use phone::{Escort, Phone, Plug, Setup};
pub use power::{Cut, Remote};
pub use report::{Exchange, Moment, Outcome, Report, Stage};
pub use update::Fortune;

#[cfg(test)]
mod tests;
