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
pub use certificates::{Certificates, Preference};
pub use error::Error;
pub use explain::{explain, explain_after};
pub use fingerprint::Fingerprint;
pub use leaf::Why;
pub use names::Names;
pub use own::OwnFacts;
