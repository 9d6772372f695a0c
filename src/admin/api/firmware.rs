use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::answer::Answer;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::{Admin, types};
use crate::firmware::{Digest, Draft, Settings, Unavailable, Whereabouts};
use crate::model::{Firmware, FirmwareSource, Id};

/// An image that is fetched from elsewhere.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Reference {
    brand: String,
    #[serde(default)]
    models: Vec<String>,
    version: String,
    name: Option<String>,
    url: String,
    #[serde(default)]
    enabled: bool,
    sha256: Option<String>,
    size: Option<u64>,
    needs: Option<String>,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    pinned: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Pin {
    pinned: bool,
}

impl Admin {
    /// Answers calls about images; `path` is what follows `/api/v1/firmware`.
    pub(super) async fn api_firmware(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        let library = &self.0.facts.firmware;
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.images())),
            ([], &Method::POST) => self.api_refer(call).await,
            (["settings"], &Method::GET) => Ok(Answer::json(StatusCode::OK, &library.settings())),
            (["settings"], &Method::PUT) => {
                let settings: Settings = call.json()?;
                settings.check().map_err(|what| Problem::malformed(format!("{what}.")))?;
                library.set(&settings).await?;
                Ok(Answer::json(StatusCode::OK, &library.settings()))
            }
            (["versions"], _) => Ok(Answer::json(StatusCode::OK, &self.versions())),
            ([id], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.image(&self.image_in(id)?))),
            ([id], &Method::DELETE) => {
                let image = self.image_in(id)?;
                let shown = self.image(&image);
                library.remove(&image).await?;
                Ok(Answer::json(StatusCode::OK, &shown))
            }
            ([id, "pin"], _) => {
                let image = self.image_in(id)?;
                let (pinned, version) = (call.json::<Pin>()?.pinned, image.version);
                library.put(Firmware { pinned, ..image }, Some(version)).await?;
                Ok(Answer::json(StatusCode::OK, &self.image(&self.image_in(id)?)))
            }
            ([id, "fetch"], _) => {
                let image = self.image_in(id)?;
                library.begin_fetch(&image).map_err(|why| cannot_fetch(&why))?;
                Ok(Answer::json(StatusCode::ACCEPTED, &self.image(&image)))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/firmware/{}", path.join("/")))),
        }
    }

    async fn api_refer(&self, call: &Call) -> Result<Answer, Problem> {
        let said: Reference = call.json()?;
        let last = said.url.split(['?', '#']).next().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let sha256 = said.sha256.map(|text| text.parse::<Digest>()).transpose();
        let draft = Draft {
            brand: said.brand,
            models: said.models,
            release: said.version,
            name: said.name.unwrap_or_else(|| last.to_owned()),
            sha256: sha256.map_err(|error| Problem::malformed(format!("{error}.")))?,
            size: said.size,
            needs: said.needs,
            notes: said.notes,
            pinned: said.pinned,
        };
        let image = self.0.facts.firmware.refer(draft, (said.url, said.enabled), self.0.facts.box_id).await?;
        Ok(Answer::json(StatusCode::CREATED, &self.image(&image)))
    }

    pub(super) fn image_in(&self, id: &str) -> Result<Firmware, Problem> {
        let found = id.parse::<Id>().ok().and_then(|id| self.0.store.firmware(id));
        found.ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "image-unknown",
                format!("There is no image {id}."),
                "Look it up with `block66 firmware list`.",
            )
        })
    }

    /// The catalogue.
    pub(in crate::admin) fn images(&self) -> types::Images {
        let library = &self.0.facts.firmware;
        let settings = library.settings();
        types::Images {
            images: library.images().iter().map(|image| self.image(image)).collect(),
            used: library.used(),
            quota: settings.quota,
            reserve: settings.reserve,
        }
    }

    /// An image as the API shows it.
    pub(in crate::admin) fn image(&self, image: &Firmware) -> types::Image {
        let whereabouts = self.0.facts.firmware.whereabouts(image);
        let (mut received, mut why, mut since) = (None, None, None);
        let place = match whereabouts {
            Whereabouts::Here => "here",
            Whereabouts::Arriving { received: so_far, .. } => {
                received = Some(so_far);
                "arriving"
            }
            Whereabouts::Elsewhere => "elsewhere",
            Whereabouts::Failed { why: said, since: began } => {
                (why, since) = (Some(said), began.map(|at| at.to_string()));
                "failed"
            }
            Whereabouts::Gone => "gone",
        };
        let (url, enabled) = match &image.source {
            FirmwareSource::Url { url, enabled } => (Some(url.clone()), *enabled),
            FirmwareSource::Uploaded => (None, false),
        };
        types::Image {
            id: image.id.to_string(),
            revision: image.version,
            brand: image.brand.clone(),
            models: image.models.clone(),
            version: image.release.clone(),
            name: image.name.clone(),
            path: format!("/p/{}", image.location()),
            sha256: image.sha256.map(|digest| Digest(digest).to_string()),
            size: image.size,
            url,
            enabled,
            needs: image.needs.clone(),
            notes: image.notes.clone(),
            pinned: image.pinned,
            place: place.to_owned(),
            received,
            why,
            since,
            created: image.created.to_string(),
        }
    }
}

fn cannot_fetch(why: &Unavailable) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "cannot-fetch",
        format!("The image cannot be fetched: {why}."),
        "Give it an address to be fetched from and enable that, or upload it.",
    )
}
