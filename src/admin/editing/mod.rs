//! Changes: what somebody wants as it was written and as it was checked, and how it gets into documents.

pub(super) mod contacts;
pub(super) mod differ;
pub(super) mod draft;
pub(super) mod edit;
pub(super) mod fit;
pub(super) mod history;
mod replace;
pub(super) mod settings;

pub use draft::{CheckedPhone, LineDraft, PhoneDraft, PhoneEdit};
pub use settings::{OverrideEdit, SettingsEdit};
