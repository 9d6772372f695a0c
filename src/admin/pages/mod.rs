//! The page: what a browser asks for, forms and what comes of them, a file for each part of the navigation.
//!
//! `route` knows the paths; each page asks the same functions as the API, and `render` fills its template.

mod accounts;
mod address_plan;
mod appliance;
mod audit;
mod backup;
mod campaigns;
mod certificate;
mod networks;
mod notices;
mod outlets;
mod own_account;
mod partner_settings;
mod partners;
mod phone_editor;
mod phone_merge;
mod phones;
mod rehearsal;
pub(super) mod render;
mod rollouts;
pub(super) mod route;
mod shared;
mod welcome;

pub(super) use render::Pages;
