use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::only;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::steward::{AddressSetting, Request as Wish};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    from: String,
    #[serde(default)]
    older: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    interface: String,
    setting: AddressSetting,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Time {
    unix: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostName {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default)]
    wipe_all: Option<String>,
}

impl Admin {
    /// Answers calls about the appliance; `path` is what follows `/api/v1/appliance`.
    pub(super) async fn api_appliance(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let wish = match (path, &call.method) {
            ([], method) => {
                only(method, &Method::GET)?;
                return Ok(Answer::json(StatusCode::OK, &self.appliance().await?));
            }
            (["update"], &Method::POST) => {
                let Update { from, older } = call.json()?;
                self.begin_update(from, older)?;
                return Ok(Answer::json(StatusCode::ACCEPTED, &self.0.appliance.update()));
            }
            (["update"], _) => return Err(Problem::wrong_method("POST and PUT")),
            (["address"], &Method::PUT) => {
                let Address { interface, setting } = call.json()?;
                Wish::Address { interface, setting }
            }
            (["address", "confirm"], &Method::POST) => Wish::ConfirmAddress {},
            (["time"], &Method::PUT) => Wish::Time { unix: call.json::<Time>()?.unix },
            (["host-name"], &Method::PUT) => Wish::HostName { name: call.json::<HostName>()?.name },
            (["reboot"], &Method::POST) => Wish::Reboot {},
            (["factory-reset"], &Method::POST) => Wish::FactoryReset { wipe_all: call.json::<Reset>()?.wipe_all },
            (["address" | "time" | "host-name"], _) => return Err(Problem::wrong_method("PUT")),
            (["address", "confirm"] | ["reboot" | "factory-reset"], _) => return Err(Problem::wrong_method("POST")),
            _ => return Err(Problem::nothing_here(&format!("/api/v1/appliance/{}", path.join("/")))),
        };
        Ok(Answer::json(StatusCode::OK, &self.wish(&wish).await?))
    }
}
