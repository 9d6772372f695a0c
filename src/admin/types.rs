//! What the API says, as its readers see it. Other types than the model's and the store's: these change only
//! when the API does. No field of any of them holds a password.

mod accounts;
mod backup;
mod books;
mod dhcp;
mod events;
mod files;
mod firmware;
mod history;
mod import;
mod organisations;
mod outlets;
mod phones;
mod rollouts;
mod settings;
mod status;
mod waiting;

pub use accounts::*;
pub use backup::*;
pub use books::*;
pub use dhcp::*;
pub use events::*;
pub use files::*;
pub use firmware::*;
pub use history::*;
pub use import::*;
pub use organisations::*;
pub use outlets::*;
pub use phones::*;
pub use rollouts::*;
pub use settings::*;
pub use status::*;
pub use waiting::*;
