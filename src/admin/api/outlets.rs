use hyper::{Method, StatusCode};

use super::{mac_in, only};
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, METRICS_TOKEN, types};
use crate::model::{Reason, Secret};
use crate::outlets::Settings;
use crate::store::Write;
use crate::sys::random;

/// Letters of a token: 190 bits.
const TOKEN_LENGTH: usize = 32;

impl Admin {
    /// Where news of the box go.
    pub(super) async fn api_outlets(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let outlets = &self.0.facts.outlets;
        match path {
            [] if call.method == Method::GET => Ok(Answer::json(StatusCode::OK, &outlets.settings())),
            [] => {
                only(&call.method, &Method::PUT)?;
                let settings: Settings = call.json()?;
                let wrong = |(field, what)| Problem::fields(vec![FieldError::new(field, what)]);
                settings.check().map_err(wrong)?;
                outlets.set(settings).await?;
                let reason = Reason::OutletsChanged;
                self.0.journal.record(self.admin_event(reason, call.from));
                Ok(Answer::json(StatusCode::OK, &outlets.settings()))
            }
            ["counts"] => {
                only(&call.method, &Method::GET)?;
                let counts = outlets.counts();
                let said = types::OutletCounts {
                    missed: counts.missed,
                    targets: counts.targets,
                    lines: counts.lines,
                    lines_dropped: counts.lines_dropped,
                };
                Ok(Answer::json(StatusCode::OK, &said))
            }
            ["metrics-token"] => self.metrics_token(call).await,
            _ => Err(Problem::nothing_here(&format!("/api/v1/outlets/{}", path.join("/")))),
        }
    }

    async fn metrics_token(&self, call: &Call) -> Result<Answer, Problem> {
        match call.method {
            Method::POST => {
                let token = random::token(TOKEN_LENGTH);
                let value = Secret::new(token.clone());
                self.0.store.commit(vec![Write::PutSecret { key: METRICS_TOKEN.into(), value }]).await?;
                Ok(Answer::json(StatusCode::CREATED, &types::Token { token }))
            }
            Method::DELETE => {
                self.0.store.commit(vec![Write::DeleteSecret(METRICS_TOKEN.into())]).await?;
                Ok(Answer::no_content())
            }
            _ => Err(Problem::wrong_method("POST and DELETE")),
        }
    }

    /// What a phone said by syslog.
    pub(super) fn api_phone_log(&self, mac: &str) -> Result<Answer, Problem> {
        let phone = self.listed(mac_in(mac)?)?;
        let outlets = &self.0.facts.outlets;
        let taken = outlets.settings().phone_log_port.is_some();
        Ok(Answer::json(StatusCode::OK, &types::PhoneLog { taken, lines: outlets.phone_log(phone.mac) }))
    }
}
