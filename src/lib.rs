//! Block66.

pub mod config;
pub mod http;
pub mod model;
pub mod pki;
pub mod sys;
