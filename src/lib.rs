//! Block66: a small box that is plugged into a branch LAN, and every phone finds its line.
//!
//! ```text
//!  powered on ─ DHCP ─┬─ CA given ─ config over HTTPS ─ firmware right ─ resources ─ in service ─ resynced on change
//!              PnP ───┤
//!              TFTP/HTTP knock
//! ```
//!
//! A request comes in by a door ([`dhcp`], [`http`], [`tftp`], [`sip`], [`sntp`]). [`brands`] recognises who asks and
//! for what, [`access`] decides by evidence and policy, [`store`] keeps what was promised before it leaves ([`depot`]
//! its pictures, sounds and uploads), and [`journal`] records what happened and why, for [`admin`] to show and
//! [`outlets`] to tell others. [`pairing`] puts phones on the list that come while its window is open. [`pki`] is the
//! authority that phones learn to trust, [`partners`] are other people's systems, and [`backup`] is everything that
//! makes a box the one that its phones know. [`appliance`] puts all of it together; [`steward`] does for it what only
//! root may. [`phonesim`] are phones to try it on, [`lab`] a network for them, and [`rehearsal`] plays a listed phone
//! against the box that runs.

pub mod access;
pub mod admin;
pub mod appliance;
pub mod backup;
pub mod brands;
pub mod cli;
pub mod config;
pub mod depot;
pub mod dhcp;
pub mod firmware;
pub mod http;
pub mod journal;
pub mod lab;
pub mod model;
pub mod outlets;
pub mod pairing;
pub mod partners;
pub mod phonesim;
pub mod pki;
pub mod rehearsal;
pub mod sip;
pub mod sntp;
pub mod steward;
pub mod store;
pub mod sys;
pub mod tftp;
