//! Firmware for phones: the catalogue of images, their files beside the store, and roll-outs.
//!
//! ```text
//!  upload ──────────────────────────┐
//!  upstream (one fetch for each) ───┴─► cache ──► blocks (shared by all who read) ──► HTTP, TFTP
//!                                         ▲
//!  catalogue: image = brand, models, release, file, SHA-256 ──── rollout: which phone takes which image, and when
//! ```

pub mod blocks;
pub mod cache;
pub mod catalogue;
mod content;
mod digest;
mod library;
pub(crate) mod pace;
pub mod rollout;
mod rollouts;
mod room;
mod settings;
mod upload;
mod upstream;
pub mod version;

pub use content::Content;
pub use digest::{Digest, DigestError};
pub use library::{Library, Unavailable, Whereabouts};
pub(crate) use rollouts::candidate;
pub use rollouts::{Rollouts, Tell};
pub use settings::Settings;
pub use upload::{Draft, Refused, Upload};
pub use upstream::Failure;
