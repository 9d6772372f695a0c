//! What phones are told besides their accounts, in words that belong to no brand.
//!
//! A [`Definition`] says what a setting is called, what it means and what it may hold; the catalogue lists them all,
//! and storage, the API, the page, imports and templates follow the catalogue. [`Settings`] holds those that are set at
//! one level, [`Resolved`] what holds for one phone and from which level each value comes.

mod catalogue;
mod check;
mod definition;
mod key;
mod overrides;
mod resolve;
mod sparse;
mod value;
mod zone;

pub use catalogue::{TOPICS, Topic, definition, definitions};
pub use definition::{Definition, Kind};
pub use key::{Key, KeyKind};
pub use overrides::Override;
pub use resolve::{Level, Resolved};
pub use sparse::Settings;
pub use value::{Misfit, Value};
pub use zone::{Change, Summer, Zone};
