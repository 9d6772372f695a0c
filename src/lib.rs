//! Block66.

pub mod config;
pub mod model;
pub mod phonesim;
pub mod sys;
