use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::steward::{AddressSetting, Request as Wish};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Update {
    from: String,
    #[serde(default)]
    older: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Address {
    interface: String,
    setting: AddressSetting,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Time {
    unix: i64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct HostName {
    name: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Reset {
    #[serde(default)]
    wipe_all: Option<String>,
}

impl Admin {
    /// Answers calls about the appliance; `path` is what follows `/api/v1/appliance`.
    pub(super) async fn api_appliance(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let wish = match (path, &call.method) {
            ([], _) => return Ok(Answer::json(StatusCode::OK, &self.appliance().await?)),
            (["update"], &Method::POST) => {
                let Update { from, older } = call.json()?;
                self.begin_update(from, older)?;
                return Ok(Answer::json(StatusCode::ACCEPTED, &self.0.appliance.update()));
            }
            (["address"], &Method::PUT) => {
                let Address { interface, setting } = call.json()?;
                Wish::Address { interface, setting }
            }
            (["address", "confirm"], &Method::POST) => Wish::ConfirmAddress {},
            (["time"], &Method::PUT) => Wish::Time { unix: call.json::<Time>()?.unix },
            (["host-name"], &Method::PUT) => Wish::HostName { name: call.json::<HostName>()?.name },
            (["reboot"], &Method::POST) => Wish::Reboot {},
            (["factory-reset"], &Method::POST) => Wish::FactoryReset { wipe_all: call.json::<Reset>()?.wipe_all },
            _ => return Err(Problem::nothing_here(&format!("/api/v1/appliance/{}", path.join("/")))),
        };
        Ok(Answer::json(StatusCode::OK, &self.wish(&wish).await?))
    }
}
