use hyper::{Method, StatusCode};

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::Reason;
use crate::outlets::Settings;

impl Admin {
    /// Where news of the box go.
    pub(super) async fn api_outlets(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let outlets = &self.0.facts.outlets;
        match path {
            [] if call.method == Method::GET => Ok(Answer::json(StatusCode::OK, &outlets.settings())),
            [] => {
                let settings: Settings = outlets.with_kept_password(call.json()?);
                let wrong = |(field, what)| Problem::fields(vec![FieldError::new(field, what)]);
                settings.check().map_err(wrong)?;
                outlets.set(settings).await?;
                let reason = Reason::OutletsChanged;
                self.0.journal.record(self.admin_event(reason, call.from));
                Ok(Answer::json(StatusCode::OK, &outlets.settings()))
            }
            ["counts"] => {
                let counts = outlets.counts();
                let said = types::OutletCounts {
                    missed: counts.missed,
                    targets: counts.targets,
                    lines: counts.lines,
                    lines_dropped: counts.lines_dropped,
                };
                Ok(Answer::json(StatusCode::OK, &said))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/outlets/{}", path.join("/")))),
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
