//! The box's own ground: clock, random numbers, files that survive a power cut, sockets, interfaces and
//! neighbours.

mod any_certificate;
pub mod arp;
pub mod clock;
pub mod dial;
pub mod files;
pub mod hex;
pub mod interfaces;
pub mod log;
pub mod neighbours;
pub mod passwords;
pub mod percent;
pub mod random;
pub mod service;
pub mod sockets;

pub use any_certificate::AnyCertificate;
