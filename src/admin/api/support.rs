use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};

use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::model::Reason;
use crate::sys::log;

impl Admin {
    /// The support bundle.
    pub(super) async fn api_support(&self, call: &Call) -> Result<Answer, Problem> {
        let disposition = HeaderValue::from_static("attachment; filename=\"block66-support.json\"");
        let bundle = self.support(call.from).await;
        Ok(Answer::bytes("application/json", bundle.into_bytes()).with(header::CONTENT_DISPOSITION, disposition))
    }

    /// What is logged.
    pub(super) fn api_log(&self, call: &Call) -> Result<Answer, Problem> {
        if call.method != Method::GET {
            let wanted: types::LogFilter = call.json()?;
            self.set_log(wanted.filter, call.from)?;
        }
        let filter = log::filter().unwrap_or_default();
        Ok(Answer::json(StatusCode::OK, &types::LogFilter { filter }))
    }

    /// Changes what is logged, until the box is started again.
    pub(in crate::admin) fn set_log(&self, filter: String, from: Origin) -> Result<(), Problem> {
        log::set(&filter).map_err(|what| Problem::fields(vec![FieldError::new("filter", what)]))?;
        self.0.journal.record(self.admin_event(Reason::LogFilterSet { filter }, from));
        Ok(())
    }
}
