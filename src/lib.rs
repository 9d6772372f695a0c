//! Block66.

pub mod access;
pub mod dhcp;
pub mod admin;
pub mod brands;
pub mod config;
pub mod http;
pub mod model;
pub mod pki;
pub mod phonesim;
pub mod store;
pub mod sys;
