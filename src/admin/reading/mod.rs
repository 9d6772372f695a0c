//! Reading: from the store and the parts of the box to what API and page say.

pub(super) mod gather;
pub(super) mod look;
pub(super) mod preview;
mod roster;
pub(super) mod standing;
pub(super) mod timeline;

pub(super) use roster::Row;
pub use standing::Standing;
