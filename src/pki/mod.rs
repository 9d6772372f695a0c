//! The box's own certificate authority, the server certificates under it, and TLS failures in words.
//!
//! ```text
//!   root.pem ──signs──┬── leaf-rsa.pem     what nearly every phone gets
//!   (made once)       └── leaf-ecdsa.pem   for a client that offers no RSA scheme
//! ```
//! One RSA root, because phones that offer ECDSA often trust RSA only. The root is made on the first start and never
//! again by itself: every phone holds a copy. The leaves are re-issued whenever [`leaf::due`] says so and swapped
//! under the running listeners.

mod authority;
mod certificates;
mod clients;
mod error;
mod explain;
mod fingerprint;
mod issue;
mod keyfile;
pub mod leaf;
mod names;
mod own;
pub mod roots;
mod words;

pub use authority::Authority;
pub use certificates::Certificates;
pub use clients::read_authorities;
pub use error::Error;
pub use explain::{explain, explain_after};
pub use fingerprint::Fingerprint;
pub use leaf::Why;
pub use names::Names;
pub use own::{Given, OwnFacts, read_own};

/// Files of the leaves, in the directory of the root.
pub const LEAVES: [&str; 2] = [certificates::Kind::Rsa.file(), certificates::Kind::Ecdsa.file()];

/// Setting with the authorities whose certificates say which phone it is: a list of texts in PEM.
pub const AUTHORITIES: &str = "tls.client-authorities";
/// Secret with the company's own certificates: a list of bundles in PEM, each with its key.
pub const OWN: &str = "tls.certificates";
