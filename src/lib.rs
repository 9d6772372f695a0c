//! Block66.

pub mod config;
pub mod model;
pub mod store;
pub mod sys;
