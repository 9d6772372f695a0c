//! Files on their way in: images of firmware, and whether a file is what it claims to be.

pub(super) mod genuine;
pub(super) mod upload;
