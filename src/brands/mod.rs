//! Brands of phones: each is one folder of data, and nothing outside this module knows one by name.
//!
//! A folder holds `brand.toml` (how to recognise the brand, what it asks for, what it is told), `templates/`, and
//! `samples/` with exact expected outputs. [`Registry`] reads the folders; a new brand is a new folder and no other
//! edit.

mod brand;
mod class;
mod context;
mod dhcp;
pub(crate) mod dialect;
mod error;
mod escape;
mod farewell;
mod file_rule;
mod manifest;
mod named;
mod notify;
mod overlay;
mod pattern;
mod recognise;
mod registry;
mod rehearsal;
mod render;
mod sheet;

pub use brand::{Brand, Fact, Images, Model, Tls};
pub use class::{ClassRule, MacPrefix};
pub use context::{Reference, chapters, reference};
pub use dhcp::{DhcpAnswer, DhcpForm, DhcpOption, DhcpQuery, LeftOut, Omission};
pub use error::Error;
pub use escape::{Format, Unfit};
pub use farewell::Farewell;
pub use file_rule::{FileKind, FileRule};
pub use notify::{Manners, SipClaims, Told};
pub use overlay::RefusedOverlay;
pub use pattern::Places;
pub use recognise::{Claims, Recognition};
pub use registry::{FileMatch, Folder, Registry};
pub use sheet::{BookPage, BookTitle, Content, Rendered, Sheet};
