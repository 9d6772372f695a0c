//! Block66.

pub mod dhcp;
pub mod model;
