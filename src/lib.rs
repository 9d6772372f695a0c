//! Block66.

pub mod model;
pub mod pki;
pub mod sys;
