//! The maker's redirection service: where a phone that was reset asks first, and is told where its configuration is.
//!
//! The box registers its phones there, by whichever of the three interfaces the account has. On the LAN it needs
//! nothing of this: DHCP and PnP go before the service.

mod command;
mod desk;
mod plan;
mod rest;
mod service;
mod settings;
mod xmlrpc;
mod ymcs;

pub use command::Command;
pub use desk::Desk;
pub use plan::{Claim, Step, plan};
pub use settings::{Interface, Settings};
