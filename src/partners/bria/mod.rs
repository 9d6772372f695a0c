//! Softphones that are provisioned over HTTP by three servers, which the box all is.
//!
//! ```text
//!  login    POST, a form ──► who is it? ──► accounts + template ──► [DATA] [SETTINGS] [##MEMORY##]
//!  update   GET, a token ──► changed since this computer was told? ──► the same, or "nothing new"
//!  upgrade  GET, a build ──► a higher one in the catalogue? ──► its URL, or "none"
//! ```
//!
//! Nothing of it is ever answered with a redirect: the client does not follow any. A refusal is an answer like others,
//! with the status 200 and a text that the user sees.

mod answer;
mod build;
mod command;
mod desk;
mod discovery;
mod door;
mod form;
mod guard;
mod keep;
mod known;
mod mobile;
mod prepared;
mod setting;
mod settings;
mod sign_in;
mod template;
mod token;
mod user;

pub use answer::{Answer, Unfit};
pub use build::Build;
pub use command::Command;
pub use desk::Desk;
pub use discovery::Discovery;
pub use door::Door;
pub use form::Parameters;
pub use guard::{Guard, Wait};
pub use keep::Users;
pub use setting::Setting;
pub use settings::{Names, Settings, Timers};
pub use template::{Sheet, Template, TemplateError};
pub use user::{Account, User};
