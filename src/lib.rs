//! Block66.

pub mod access;
pub mod admin;
pub mod brands;
pub mod config;
pub mod dhcp;
pub mod model;
pub mod pki;
pub mod sntp;
pub mod sys;
