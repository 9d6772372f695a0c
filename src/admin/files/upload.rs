//! Images for phones on their way in: read as they come, never held in memory.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as Incoming, Buf};
use hyper::header::CONTENT_LENGTH;
use hyper::{Method, Request, StatusCode};

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::route::to_its_end;
use crate::admin::table::Route;
use crate::firmware::{Draft, Refused, Upload};

/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// Where images are put.
const PATH: [&str; 3] = ["api", "v1", "firmware"];

/// Whether a request brings an image.
pub(in crate::admin) fn is_one<B>(request: &Request<B>) -> bool {
    *request.method() == Method::PUT && request.uri().path().split('/').filter(|segment| !segment.is_empty()).eq(PATH)
}

impl Admin {
    /// Takes an image; what is said of it stands in the query.
    pub(in crate::admin) async fn upload<B>(&self, request: Request<B>, from: Origin) -> Result<Answer, Problem>
    where
        B: Incoming,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let expected =
            head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
        let mut call = Call::of_head(head, from)?;
        self.admit(&mut call, &["firmware"])?;
        let mut upload = self.0.facts.firmware.upload(draft(&call)?, expected).await?;
        let mut body = std::pin::pin!(body);
        loop {
            let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => break,
                Ok(Some(Err(_))) => return Err(Problem::malformed("The image broke off on its way.")),
                Err(_) => {
                    return Err(Problem::new(
                        StatusCode::REQUEST_TIMEOUT,
                        "too-slow",
                        "Nothing came of the image for 30 seconds.",
                        "Send it again.",
                    ));
                }
            };
            if let Ok(mut data) = frame.into_data() {
                upload.write(data.copy_to_bytes(data.remaining())).await?;
            }
        }
        let (admin, route) = (self.clone(), self.admit(&mut call, &["firmware"])?);
        to_its_end(async move { admin.keep_image(upload, &call, route).await }).await
    }

    async fn keep_image(&self, upload: Upload, call: &Call, route: &Route) -> Result<Answer, Problem> {
        let image = upload.finish(self.0.facts.box_id).await?;
        self.leave_trail(call, route, &["firmware"]);
        Ok(Answer::json(StatusCode::CREATED, &self.image(&image)))
    }
}

/// What the query says of an image.
fn draft(call: &Call) -> Result<Draft, Problem> {
    let text = |name: &str| call.query.of(name).map(|text| text.trim().to_owned());
    let needed = |name: &'static str| {
        text(name).ok_or_else(|| Problem::fields(vec![FieldError::new(name, "It must be said in the query.")]))
    };
    let models = text("model").unwrap_or_default();
    let sha256 = text("sha256").map(|text| text.parse());
    Ok(Draft {
        brand: needed("brand")?,
        models: models.split(',').map(str::trim).filter(|model| !model.is_empty()).map(str::to_owned).collect(),
        release: needed("version")?,
        name: needed("name")?,
        sha256: sha256.transpose().map_err(|error: crate::firmware::DigestError| {
            Problem::fields(vec![FieldError::new("sha256", format!("{error}."))])
        })?,
        size: None,
        needs: text("needs"),
        notes: text("notes").unwrap_or_default(),
        pinned: call.query.says_yes("pin"),
    })
}

/// How a refused image is said to a caller.
impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let said = refused.to_string();
        match refused {
            Refused::Draft { field, what } => Self::fields(vec![FieldError::new(field, what)]),
            Refused::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "image-too-large",
                format!("The image cannot be taken: {said}."),
                "Check that it is the right file.",
            ),
            Refused::NoRoom(_) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no-room",
                format!("The image cannot be taken: {said}."),
                "Remove images that no phone needs any more, or allow them more room.",
            ),
            Refused::Empty | Refused::WrongDigest { .. } | Refused::WrongLength { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "image-wrong",
                format!("The image cannot be taken: {said}."),
                "Fetch it again from its maker, and compare its SHA-256.",
            ),
            Refused::Disk(error) => {
                tracing::error!(%error, "an image could not be written");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk", format!("The image {said}."), "Look at its disk.")
            }
            Refused::Store(error) => error.into(),
        }
    }
}
