//! The API: one function a path, each from a call to what is said. Who may call which is in the table of routes, which
//! has been asked before anything here is.

pub(super) mod account;
pub(super) mod accounts;
pub(super) mod appliance;
pub(super) mod backup;
pub(super) mod books;
pub(super) mod clock;
mod dhcp;
mod edit;
mod export;
pub(super) mod files;
pub(super) mod firmware;
pub(super) mod groups;
mod health;
mod history;
mod organisations;
mod outlets;
pub(super) mod overlays;
mod phones;
mod read;
mod rehearse;
mod resources;
mod rollouts;
pub(super) mod sessions;
mod settings;
mod sip;
mod support;
pub(super) mod tokens;
mod trust;
pub(super) mod waiting;

pub(super) use books::BookDraft;
pub(super) use groups::GroupDraft;
pub(super) use sessions::cookie;
pub(super) use settings::{of_group, of_organisation};
pub(super) use waiting::{Adoption, Opening};

use hyper::{Method, StatusCode};

use super::Admin;
use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::route::Who;
use super::table::openapi;
use crate::model::Mac;

impl Admin {
    /// Answers a call that the table of routes knows and whose caller may make it; `path` is what follows `/api/v1`.
    pub(super) async fn api(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            (["openapi.json"], _) => Ok(Answer::json(StatusCode::OK, &openapi::document(&self.0.facts.version))),
            (["status"], _) => self.api_status(who),
            (["health"], _) => self.api_health().await,
            (["outlets", rest @ ..], _) => self.api_outlets(call, rest).await,
            (["support"], _) => self.api_support(call).await,
            (["log"], _) => self.api_log(call),
            (["backup", rest @ ..], _) => self.api_backup(call, rest).await,
            (["appliance", rest @ ..], _) => self.api_appliance(call, rest).await,
            (["phones"], &Method::GET) => self.api_phones(call),
            (["phones"], _) => self.api_add(call).await,
            (["phones", "import"], _) => self.api_import(call).await,
            (["phones", "export"], _) => self.api_export_phones(call, who),
            (["phones", mac], &Method::GET) => self.api_phone(mac),
            (["phones", mac], &Method::PATCH) => self.api_edit(call, mac).await,
            (["phones", mac], _) => self.api_remove(call, mac).await,
            (["phones", mac, "first-contact"], _) => self.api_start_over(call, mac).await,
            (["phones", mac, order @ ("resync" | "reboot")], _) => self.api_tell(mac, order).await,
            (["phones", mac, "history", rest @ ..], _) => self.api_history(call, mac, rest).await,
            (["phones", mac, "timeline"], _) => self.api_timeline(call, mac),
            (["phones", mac, "log"], _) => self.api_phone_log(mac),
            (["phones", mac, "rehearse"], _) => self.api_rehearse(mac).await,
            (["phones", mac, "telling"], _) => self.api_telling(mac),
            (["phones", mac, rest @ ..], _) => self.api_of_phone(call, mac, rest).await,
            (["waiting", rest @ ..], _) => self.api_waiting(call, rest).await,
            (["pairing"], _) => self.api_pairing(call).await,
            (["settings"], _) => Ok(self.api_catalogue()),
            (["books", rest @ ..], _) => self.api_books(call, rest).await,
            (["resources", rest @ ..], _) => self.api_resources(call, rest).await,
            (["trust", rest @ ..], _) => self.api_trust(call, rest).await,
            (["overlays", rest @ ..], _) => self.api_overlays(call, rest).await,
            (["groups", rest @ ..], _) => self.api_groups(call, rest).await,
            (["events"], _) => self.api_events(call),
            (["audit"], _) => self.api_audit(call),
            (["leases"], _) => self.api_leases(call),
            (["leases", "export"], _) => self.api_export(call),
            (["leases", "import"], _) => self.api_import_leases(call).await,
            (["dhcp"], _) => self.api_dhcp(),
            (["dhcp", "export"], _) => self.api_export_dhcp(call),
            (["dhcp", network, "explain"], _) => self.api_explain(call, network).await,
            (["dhcp", network, "ask"], _) => self.api_ask(network).await,
            (["dhcp", network, "take-over"], _) => self.api_take_over(network).await,
            (["sightings"], _) => self.api_sightings(call),
            (["ca"], _) => self.api_authority(),
            (["organisations"], &Method::GET) => self.api_organisations(),
            (["organisations"], _) => self.api_add_organisation(call).await,
            (["organisations", name], _) => self.api_organisation(call, name).await,
            (["organisations", name, "login"], _) => self.api_organisation_login(call, name),
            (["organisations", name, "settings"], _) => self.api_organisation_settings(call, name).await,
            (["campaigns"], &Method::GET) => Ok(self.api_campaigns()),
            (["campaigns"], _) => self.api_begin_campaign(call).await,
            (["campaigns", id], _) => self.api_stop_campaign(id).await,
            (["sip"], _) => Ok(self.api_sip()),
            (["firmware", rest @ ..], _) => self.api_firmware(call, rest).await,
            (["rollouts", rest @ ..], _) => self.api_rollouts(call, rest).await,
            (["partners", rest @ ..], _) => self.api_partners(call, rest).await,
            (["clock"], _) => self.api_vouch(call),
            (["live"], _) => self.live(who),
            (["claim"], _) => self.api_claim(call).await,
            (["session"], &Method::GET) => Ok(self.api_session(who)),
            (["session"], &Method::POST) => self.api_sign_in(call).await,
            (["session"], _) => Ok(self.api_sign_out(who)),
            (["account", rest @ ..], _) => self.api_account(call, who, rest).await,
            (["accounts", rest @ ..], _) => self.api_accounts(call, who, rest).await,
            (["tokens", rest @ ..], _) => self.api_tokens(call, rest).await,
            _ => Err(Problem::nothing_here(&format!("/api/v1/{}", path.join("/")))),
        }
    }
}

/// The MAC in a path.
pub(super) fn mac_in(text: &str) -> Result<Mac, Problem> {
    text.parse().map_err(|error: crate::model::MacError| Problem::malformed(format!("{error}.")))
}
