use std::collections::BTreeMap;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::editing::differ::differences;
use crate::admin::problem::Problem;
use crate::admin::reading::preview::content_in;
use crate::admin::{Admin, types};
use crate::brands::{Folder, RefusedOverlay, Registry};

/// A brand folder to be tried, without a file of it being kept.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Trial {
    /// Folder name of the brand.
    brand: String,
    /// Its files by path: `brand.toml`, `templates/own.cfg`. Those that are missing are as they came with the program.
    files: BTreeMap<String, String>,
    /// A phone whose file is to be shown.
    #[serde(default)]
    mac: Option<String>,
    /// The file.
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    content: Option<String>,
}

impl Admin {
    /// Answers calls about administrators' brand folders; `path` is what follows `/api/v1/overlays`.
    pub(super) async fn api_overlays(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match path {
            [] => {
                let read = self.0.facts.overlays.clone();
                let shown = aside(move || {
                    let (folders, unreadable) = read();
                    overlays(folders, unreadable)
                });
                Ok(Answer::json(StatusCode::OK, &shown.await?))
            }
            ["try"] => self.try_overlay(call.json()?).await,
            _ => Err(Problem::nothing_here(&format!("/api/v1/overlays/{}", path.join("/")))),
        }
    }

    /// Reads and rehearses a folder, and shows what it makes of a phone.
    async fn try_overlay(&self, trial: Trial) -> Result<Answer, Problem> {
        let files = trial.files.into_iter().map(|(name, text)| (name, text.into())).collect();
        let folder = Folder { id: trial.brand, files };
        let tried = aside(move || Registry::with_overlays(&[folder])).await?;
        let (registry, refused) = tried.map_err(|error| refused_overlay(&error))?;
        if let Some(RefusedOverlay { error, .. }) = refused.first() {
            return Err(refused_overlay(error));
        }
        let (Some(mac), Some(file)) = (trial.mac, trial.file) else {
            return Ok(Answer::json(StatusCode::OK, &None::<types::Preview>));
        };
        let phone = self.listed(mac_in(&mac)?)?;
        let preview = self.preview(&registry, &phone, &file, content_in(trial.content.as_deref())?)?;
        Ok(Answer::json(StatusCode::OK, &preview))
    }
}

fn refused_overlay(error: &crate::brands::Error) -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        error.code(),
        format!("The folder cannot be used: {error}."),
        "Correct what is named; what came with the program stays in force.",
    )
}

fn overlays(folders: Vec<Folder>, unreadable: Vec<(String, String)>) -> types::Overlays {
    let built_in = Folder::built_in();
    let mut shown: Vec<types::Overlay> = unreadable
        .into_iter()
        .map(|(brand, what)| types::Overlay {
            built_in: built_in.iter().any(|folder| folder.id == brand),
            brand,
            fault: Some(what),
            files: Vec::new(),
        })
        .collect();
    for folder in folders {
        let own = built_in.iter().find(|own| own.id == folder.id);
        let fault = match Registry::with_overlays(std::slice::from_ref(&folder)) {
            Ok((_, refused)) => refused.first().map(|refused| refused.error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        let files = folder.files.iter().map(|(name, text)| types::OverlayFile {
            name: name.clone(),
            diff: differences(own.and_then(|own| own.files.get(name)).map_or("", AsRef::as_ref), text),
        });
        shown.push(types::Overlay { built_in: own.is_some(), fault, files: files.collect(), brand: folder.id.clone() });
    }
    shown.sort_by(|one, other| one.brand.cmp(&other.brand));
    types::Overlays { overlays: shown }
}

/// Works where that holds up nobody.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "looking at brand folders");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "This could not be done.", "Report it.")
    })
}
