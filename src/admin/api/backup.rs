use hyper::StatusCode;
use hyper::header::{self, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::model::Secret;

/// What a backup is to be made with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Wanted {
    /// At least 12 characters.
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
                let wanted: Wanted = call.json()?;
                Ok(file(self.make_backup(Secret::new(wanted.passphrase), call.from).await?))
            }
            ["kept"] => Ok(Answer::json(StatusCode::OK, &self.kept_backups().await?)),
            ["kept", name] => Ok(file(self.kept_backup(name).await?)),
            _ => Err(Problem::nothing_here(&format!("/api/v1/backup/{}", path.join("/")))),
        }
    }
}
