//! What must hold at every door of the box, whatever comes in.
//!
//! Each module has one function `hold`: it takes bytes, plays them against what is behind a door, as far as its first
//! lines say, and panics when something is not as it must be. It says whether the bytes got past the door's first guard, so that
//! a run in which nothing does is noticed. The coverage-guided targets in `fuzz/targets` call these functions, and
//! so do the mutation tests in `tests/mutation`, with the seeds of `fuzz/corpus`.

pub mod access;
pub mod brand;
pub mod bria;
pub mod bytes;
pub mod config;
pub mod csv;
pub mod dhcp;
pub mod engine;
pub mod http;
pub mod innovaphone;
pub mod sip;
pub mod sntp;
pub mod tftp;

/// Checks one input, and says whether it got past the door's first guard.
pub type Property = fn(&[u8]) -> bool;

/// Every door with its property, by the name of its target and of its folder in the corpus.
pub const DOORS: [(&str, Property); 11] = [
    ("access", access::hold),
    ("brand", brand::hold),
    ("bria", bria::hold),
    ("config", config::hold),
    ("csv", csv::hold),
    ("dhcp", dhcp::hold),
    ("http", http::hold),
    ("innovaphone", innovaphone::hold),
    ("sip", sip::hold),
    ("sntp", sntp::hold),
    ("tftp", tftp::hold),
];
