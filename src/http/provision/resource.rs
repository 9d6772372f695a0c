use std::io;

use super::make::Unmade;
use super::{Provision, Target};
use crate::brands::Rendered;
use crate::model::{Organisation, Reason, Resource};

impl Provision {
    /// Finds a resource of this organisation: names count in any case.
    pub(super) async fn resource(
        &self,
        target: Target<'_>,
        organisation: Option<&Organisation>,
    ) -> Result<Rendered, Unmade> {
        let name = target.places.file.as_deref().or_else(|| target.asked.rsplit('/').next()).unwrap_or_default();
        let missing = || Unmade::Missing(Reason::ResourceMissing { name: name.to_owned() });
        let organisation = organisation.ok_or_else(missing)?.id;
        let wanted = |resource: &Resource| {
            resource.organisation == organisation
                && target.rule.holds.contains(&resource.kind)
                && resource.name.to_lowercase() == name
        };
        let found = self.store.resources().into_iter().find(wanted).ok_or_else(missing)?;
        let depot = self.depot.clone();
        let bytes = blocking(move || depot.resource(&found.sha256)).await?.ok_or_else(missing)?;
        Ok(Rendered { bytes, content_type: content_type(name).to_owned(), resources: Vec::new() })
    }
}

/// Works on files where that holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Unmade> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
    done.and_then(|result| result).map_err(|error| Unmade::Failed(error.to_string()))
}

/// What the end of a name says. Nothing is said of what browsers would run.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, end)| end) {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("bmp") => "image/bmp",
        Some("gif") => "image/gif",
        Some("wav") => "audio/wav",
        Some("xml") => "text/xml",
        _ => "application/octet-stream",
    }
}
