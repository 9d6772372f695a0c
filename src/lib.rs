//! Block66.

pub mod model;
pub mod sys;
