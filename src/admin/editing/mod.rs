//! Changes: what somebody wants as it was written and as it was checked, and how it gets into documents.

pub(super) mod contacts;
pub(super) mod differ;
pub(super) mod draft;
pub(super) mod edit;
pub(super) mod fit;
pub(super) mod history;
pub(super) mod line;
mod replace;
pub(super) mod settings;
mod text;

pub use draft::{CheckedPhone, PhoneDraft, PhoneEdit};
pub use line::LineDraft;
pub use settings::{OverrideEdit, SettingsEdit};
