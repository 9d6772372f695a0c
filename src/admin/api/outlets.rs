use hyper::{Method, StatusCode};

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
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
                let _one_at_a_time = self.0.setting.lock().await;
                self.set_outlets(call.json()?, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &outlets.settings()))
            }
            ["counts"] => Ok(Answer::json(StatusCode::OK, &self.outlet_counts())),
            _ => Err(Problem::nothing_here(&format!("/api/v1/outlets/{}", path.join("/")))),
        }
    }

    /// Sets where news of the box go. The caller holds the lock of what is kept as one setting.
    pub(in crate::admin) async fn set_outlets(&self, settings: Settings, from: Origin) -> Result<(), Problem> {
        let settings = self.0.facts.outlets.with_kept_password(settings);
        settings.check().map_err(|(field, what)| Problem::fields(vec![FieldError::new(field, what)]))?;
        self.0.facts.outlets.set(settings).await?;
        self.0.journal.record(self.admin_event(Reason::OutletsChanged, from));
        Ok(())
    }

    /// What became of news that were sent.
    pub(in crate::admin) fn outlet_counts(&self) -> types::OutletCounts {
        let counts = self.0.facts.outlets.counts();
        types::OutletCounts {
            missed: counts.missed,
            targets: counts.targets,
            lines: counts.lines,
            lines_dropped: counts.lines_dropped,
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
