use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use serde::Deserialize;

use super::only;
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::model::Secret;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    passphrase: String,
}

impl Admin {
    /// Backups: made, and those that the box keeps. Those that are sent here are taken before this.
    pub(super) async fn api_backup(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let file = |bytes| {
            let disposition = HeaderValue::from_static("attachment; filename=\"block66.backup\"");
            Answer::bytes("application/octet-stream", bytes).with(header::CONTENT_DISPOSITION, disposition)
        };
        match path {
            [] => {
                only(&call.method, &Method::POST)?;
                let wanted: Wanted = call.json()?;
                Ok(file(self.make_backup(Secret::new(wanted.passphrase), call.from).await?))
            }
            ["kept"] => {
                only(&call.method, &Method::GET)?;
                Ok(Answer::json(StatusCode::OK, &self.kept_backups().await?))
            }
            ["kept", name] => {
                only(&call.method, &Method::GET)?;
                Ok(file(self.kept_backup(name).await?))
            }
            ["inspect" | "restore"] => Err(Problem::wrong_method("POST")),
            _ => Err(Problem::nothing_here(&format!("/api/v1/backup/{}", path.join("/")))),
        }
    }
}
