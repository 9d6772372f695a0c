//! Other people's systems: the real program, and the other side as their documents describe it.
//!
//! What plays the other side here is written from those documents and recorded traffic, byte by byte, and shares no
//! code with the box. Needs root and `ip`.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod app;
mod cipher;
mod cloud;
mod devices;
mod digest;
#[path = "../wire/ground.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod ground;
mod pbx;
mod place;
mod provider;
mod provider_fails;
mod provider_lists;
mod provider_logins;
mod redirection;
mod rps;
mod rps_cloud;
mod rps_xml;
mod sign_ins;
mod site;
mod softphone;
mod softphones;
mod stretto;
mod sysclient;
mod tenant;
