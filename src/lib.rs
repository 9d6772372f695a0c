//! Block66.

pub mod model;
