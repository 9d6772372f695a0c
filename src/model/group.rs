use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::{Id, Phone, Timestamp};

/// Settings that several phones of one organisation share: those of a site or department, or those of a brand or model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Identity, never reused.
    pub id: Id,
    /// Counts every change, for If-Match.
    pub version: u64,
    /// The box that made the document.
    pub origin: Id,
    /// The organisation that it belongs to.
    pub organisation: Id,
    /// Name on the page and on the command line; unique in the organisation.
    pub name: String,
    /// Which phones it is for.
    pub scope: Scope,
    /// What they share.
    pub settings: Settings,
    /// When it was made.
    pub created: Timestamp,
}

/// Which phones a group is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of", deny_unknown_fields)]
pub enum Scope {
    /// Those that were put into it.
    Members,
    /// All phones of a brand, or of one model of it.
    Model {
        /// Folder name of the brand.
        brand: Box<str>,
        /// Model as its brand spells it, in any case; all of the brand's where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<Box<str>>,
    },
}

impl Group {
    /// Whether its settings are also this phone's.
    pub fn has(&self, phone: &Phone) -> bool {
        self.organisation == phone.organisation && (phone.group == Some(self.id) || self.scope.chooses(phone))
    }
}

impl Scope {
    /// Whether a phone is chosen by its brand and model.
    pub fn chooses(&self, phone: &Phone) -> bool {
        match self {
            Self::Members => false,
            Self::Model { brand, model } => {
                let same = |one: &str, other: &Option<String>| {
                    other.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(one))
                };
                same(brand, &phone.brand) && model.as_deref().is_none_or(|model| same(model, &phone.model))
            }
        }
    }
}
