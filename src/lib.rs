//! Block66.

pub mod access;
pub mod admin;
pub mod brands;
pub mod config;
pub mod dhcp;
pub mod http;
pub mod model;
pub mod phonesim;
pub mod pki;
pub mod store;
pub mod sys;
