//! Block66.

pub mod dhcp;
pub mod admin;
pub mod config;
pub mod http;
pub mod access;
pub mod brands;
pub mod model;
pub mod pki;
pub mod phonesim;
pub mod sys;
