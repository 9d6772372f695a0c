//! Block66.

pub mod access;
pub mod brands;
pub mod model;
