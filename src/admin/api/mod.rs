//! The API: one function a path, each from a call to what is said.

mod appliance;
mod backup;
mod books;
mod clock;
mod dhcp;
mod edit;
mod export;
mod files;
mod firmware;
mod groups;
mod health;
mod organisations;
mod outlets;
mod overlays;
mod phones;
mod read;
mod rehearse;
mod resources;
mod rollouts;
mod sessions;
mod settings;
mod sip;
mod support;
mod trust;
mod waiting;

pub(super) use books::BookDraft;
pub(super) use groups::GroupDraft;
pub(super) use phones::login;
pub(super) use sessions::cookie;
pub(super) use settings::{of_group, of_organisation};
pub(super) use waiting::{Adoption, Opening};

use hyper::Method;

use super::Admin;
use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::route::Who;
use crate::model::Mac;

impl Admin {
    /// Answers a call that its caller may make; `path` is what follows `/api/v1`.
    pub(super) async fn api(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        let method = &call.method;
        match path {
            ["status"] => only(method, &Method::GET).and_then(|()| self.api_status(who)),
            ["health"] => {
                only(method, &Method::GET)?;
                self.api_health(who).await
            }
            ["outlets", rest @ ..] => self.api_outlets(call, rest).await,
            ["support"] => self.api_support(call).await,
            ["log"] => self.api_log(call),
            ["backup", rest @ ..] => self.api_backup(call, rest).await,
            ["appliance", rest @ ..] => self.api_appliance(call, rest).await,
            ["phones"] => match *method {
                Method::GET => self.api_phones(call),
                Method::POST => self.api_add(call).await,
                _ => Err(Problem::wrong_method("GET and POST")),
            },
            ["phones", "import"] => {
                only(method, &Method::POST)?;
                self.api_import(call).await
            }
            ["phones", "export"] => only(method, &Method::GET).and_then(|()| self.api_export_phones(call, who)),
            ["phones", mac] => match *method {
                Method::GET => self.api_phone(mac),
                Method::PATCH => self.api_edit(call, mac).await,
                Method::DELETE => self.api_remove(call, mac).await,
                _ => Err(Problem::wrong_method("GET, PATCH and DELETE")),
            },
            ["phones", mac, "first-contact"] => {
                only(method, &Method::POST)?;
                self.api_start_over(call, mac).await
            }
            ["phones", mac, order @ ("resync" | "reboot")] => {
                only(method, &Method::POST)?;
                self.api_tell(mac, order).await
            }
            ["phones", mac, "log"] => only(method, &Method::GET).and_then(|()| self.api_phone_log(mac)),
            ["phones", mac, "rehearse"] => {
                only(method, &Method::POST)?;
                self.api_rehearse(mac).await
            }
            ["phones", mac, "telling"] => only(method, &Method::GET).and_then(|()| self.api_telling(mac)),
            ["phones", mac, rest @ ..] => self.api_of_phone(call, mac, rest).await,
            ["waiting", rest @ ..] => self.api_waiting(call, rest).await,
            ["pairing"] => self.api_pairing(call).await,
            ["settings"] => only(method, &Method::GET).map(|()| self.api_catalogue()),
            ["books", rest @ ..] => self.api_books(call, rest).await,
            ["resources", rest @ ..] => self.api_resources(call, rest).await,
            ["trust", rest @ ..] => self.api_trust(call, rest).await,
            ["overlays", rest @ ..] => self.api_overlays(call, rest).await,
            ["groups", rest @ ..] => self.api_groups(call, rest).await,
            ["events"] => only(method, &Method::GET).and_then(|()| self.api_events(call)),
            ["leases"] => only(method, &Method::GET).and_then(|()| self.api_leases()),
            ["leases", "export"] => only(method, &Method::GET).and_then(|()| self.api_export(call)),
            ["leases", "import"] => {
                only(method, &Method::POST)?;
                self.api_import_leases(call).await
            }
            ["dhcp"] => only(method, &Method::GET).and_then(|()| self.api_dhcp()),
            ["dhcp", network, "explain"] => {
                only(method, &Method::GET)?;
                self.api_explain(call, network).await
            }
            ["dhcp", network, "ask"] => {
                only(method, &Method::POST)?;
                self.api_ask(network).await
            }
            ["dhcp", network, "take-over"] => {
                only(method, &Method::POST)?;
                self.api_take_over(network).await
            }
            ["sightings"] => only(method, &Method::GET).and_then(|()| self.api_sightings()),
            ["ca"] => only(method, &Method::GET).and_then(|()| self.api_authority()),
            ["organisations"] => match *method {
                Method::GET => self.api_organisations(),
                Method::POST => self.api_add_organisation(call).await,
                _ => Err(Problem::wrong_method("GET and POST")),
            },
            ["organisations", name, "login"] => {
                only(method, &Method::GET)?;
                self.api_organisation_login(who, name)
            }
            ["campaigns"] => match *method {
                Method::GET => Ok(self.api_campaigns()),
                Method::POST => self.api_begin_campaign(call).await,
                _ => Err(Problem::wrong_method("GET and POST")),
            },
            ["campaigns", id] => {
                only(method, &Method::DELETE)?;
                self.api_stop_campaign(id).await
            }
            ["sip"] => only(method, &Method::GET).map(|()| self.api_sip()),
            ["organisations", name, "settings"] => self.api_organisation_settings(call, name).await,
            ["firmware", rest @ ..] => self.api_firmware(call, rest).await,
            ["rollouts", rest @ ..] => self.api_rollouts(call, rest).await,
            ["clock"] => {
                only(method, &Method::POST)?;
                self.api_vouch(call)
            }
            ["live"] => only(method, &Method::GET).and_then(|()| self.live(who)),
            ["claim"] => {
                only(method, &Method::POST)?;
                self.api_claim(call).await
            }
            ["session"] => match *method {
                Method::POST => self.api_sign_in(call).await,
                Method::DELETE => self.api_sign_out(who),
                _ => Err(Problem::wrong_method("POST and DELETE")),
            },
            _ => Err(Problem::nothing_here(&format!("/api/v1/{}", path.join("/")))),
        }
    }
}

fn only(method: &Method, allowed: &Method) -> Result<(), Problem> {
    if method == allowed { Ok(()) } else { Err(Problem::wrong_method(allowed.as_str())) }
}

/// The MAC in a path.
pub(super) fn mac_in(text: &str) -> Result<Mac, Problem> {
    text.parse().map_err(|error: crate::model::MacError| Problem::malformed(format!("{error}.")))
}
