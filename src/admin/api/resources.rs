use hyper::{Method, StatusCode};

use super::files::disk;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form, Origin};
use crate::admin::files::genuine;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::{Admin, types};
use crate::backup::MOST_RESOURCES;
use crate::model::{Id, Reason, Resource, ResourceKind};
use crate::store::{self, Write};
use crate::sys::{hex, random};

/// Most resources of the box.
const MOST: usize = 500;

impl Admin {
    /// Answers calls about resources; `path` is what follows `/api/v1/resources`.
    pub(super) async fn api_resources(&self, call: &Call, path: &[&str]) -> Result<Answer, Problem> {
        match (path, &call.method) {
            ([], &Method::GET) => Ok(Answer::json(StatusCode::OK, &self.resources())),
            ([], &Method::PUT) => {
                let resource = self.put_resource(&call.query, call.body.to_vec(), call.from).await?;
                Ok(Answer::json(StatusCode::CREATED, &self.resource_shown(&resource)))
            }
            ([id], &Method::GET) => {
                Ok(Answer::bytes("application/octet-stream", self.resource_bytes(&self.resource_in(id)?).await?))
            }
            ([id], &Method::DELETE) => {
                let resource = self.resource_in(id)?;
                self.remove_resource(&resource, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &self.resource_shown(&resource)))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/resources/{}", path.join("/")))),
        }
    }
}

impl Admin {
    /// Takes a resource, in place of one of that organisation and name. `said` holds its name, kind and organisation.
    pub(in crate::admin) async fn put_resource(
        &self,
        said: &Form,
        bytes: Vec<u8>,
        from: Origin,
    ) -> Result<Resource, Problem> {
        let name = said.of("name").unwrap_or_default().trim().to_owned();
        let mut errors = Vec::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.chars().all(plain) {
            errors.push(FieldError::new("name", "Letters, digits, dots, - and _, as phones can ask for it."));
        }
        let kind = said.of("kind").and_then(kind_of);
        if kind.is_none() {
            errors.push(FieldError::new("kind", "It is wallpaper, ringtone or xml."));
        }
        if let Some(kind) = kind.filter(|_| errors.is_empty())
            && let Err(what) = genuine::check(kind, &name, &bytes)
        {
            errors.push(FieldError::new("file", what));
        }
        let (Some(kind), true) = (kind, errors.is_empty()) else { return Err(Problem::fields(errors)) };
        let organisation = said.of("organisation");
        let organisation = self
            .organisation(organisation)
            .ok_or_else(|| Problem::organisation_unknown(organisation.unwrap_or_default()))?
            .id;
        let _one_at_a_time = self.0.resources.lock().await;
        let all = self.0.store.resources();
        let before =
            all.iter().find(|known| known.organisation == organisation && known.name.eq_ignore_ascii_case(&name));
        if before.is_none() && all.len() >= MOST {
            let detail = format!("The box has {MOST} of them already.");
            return Err(Problem::new(StatusCode::CONFLICT, "too-many", detail, "Remove what no phone needs any more."));
        }
        let size = bytes.len() as u64;
        let others = all.iter().filter(|known| before.is_none_or(|before| before.id != known.id));
        if others.map(|known| known.size).sum::<u64>().saturating_add(size) > MOST_RESOURCES {
            let detail = format!("All of them together have at most {} MiB, which fit a backup.", MOST_RESOURCES >> 20);
            return Err(Problem::new(StatusCode::CONFLICT, "no-room", detail, "Remove what no phone needs any more."));
        }
        let depot = self.0.facts.depot.clone();
        let put = tokio::task::spawn_blocking(move || depot.put_resource(&bytes)).await;
        let sha256 = put.map_err(std::io::Error::other).and_then(|put| put).map_err(|error| disk(&error))?;
        let now = self.0.clock.now().wall;
        let resource = Resource {
            id: before.map_or_else(|| random::id(now), |before| before.id),
            version: 0,
            origin: self.0.facts.box_id,
            organisation,
            name,
            kind,
            sha256,
            size,
            created: now,
        };
        let (id, what) = (resource.id, format!("{} \"{}\"", word(kind), resource.name));
        let expect = Some(before.map_or(0, |before| before.version));
        if let Err(error) = self.0.store.commit(vec![Write::PutResource { resource, expect }]).await {
            if is_certain(&error) {
                self.drop_bytes(sha256).await;
            }
            return Err(error.into());
        }
        if let Some(before) = before {
            self.drop_bytes(before.sha256).await;
        }
        self.record_document(Reason::DocumentChanged { what }, organisation, from);
        self.0.store.resource(id).ok_or_else(|| unknown(&id.to_string()))
    }

    async fn resource_bytes(&self, resource: &Resource) -> Result<Vec<u8>, Problem> {
        let (depot, sum) = (self.0.facts.depot.clone(), resource.sha256);
        let read = tokio::task::spawn_blocking(move || depot.resource(&sum)).await;
        let read = read.map_err(std::io::Error::other).and_then(|read| read).map_err(|error| disk(&error))?;
        read.ok_or_else(|| unknown(&resource.id.to_string()))
    }

    /// A picture for phones, as a browser shows it.
    pub(in crate::admin) async fn picture(&self, id: &str) -> Result<Answer, Problem> {
        let resource = self.resource_in(id)?;
        let bytes = self.resource_bytes(&resource).await?;
        // Its bytes say what it is, whatever its name does; nothing else leaves as something that a browser shows.
        let kind = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png",
            [0xff, 0xd8, 0xff, ..] => "image/jpeg",
            [b'G', b'I', b'F', b'8', ..] => "image/gif",
            [b'B', b'M', ..] => "image/bmp",
            _ => return Err(unknown(id)),
        };
        Ok(Answer::bytes(kind, bytes))
    }

    /// Removes a resource, as it is by now.
    pub(in crate::admin) async fn remove_resource(&self, resource: &Resource, from: Origin) -> Result<(), Problem> {
        let _one_at_a_time = self.0.resources.lock().await;
        let resource = self.0.store.resource(resource.id).ok_or_else(|| unknown(&resource.name))?;
        self.0.store.commit(vec![Write::DeleteResource(resource.id)]).await?;
        self.drop_bytes(resource.sha256).await;
        let what = format!("{} \"{}\"", word(resource.kind), resource.name);
        self.record_document(Reason::DocumentRemoved { what }, resource.organisation, from);
        Ok(())
    }

    /// Removes bytes that no resource has any more. The caller holds the lock of resources. What is left as the power
    /// goes is removed at the next start.
    async fn drop_bytes(&self, sum: [u8; 32]) {
        if self.0.store.resources().iter().any(|resource| resource.sha256 == sum) {
            return;
        }
        let depot = self.0.facts.depot.clone();
        let dropped = tokio::task::spawn_blocking(move || depot.remove_resource(&sum)).await;
        if let Err(error) = dropped.map_err(std::io::Error::other).and_then(|dropped| dropped) {
            tracing::warn!(%error, "a file that nobody needs any more could not be deleted");
        }
    }

    /// All resources.
    pub(in crate::admin) fn resources(&self) -> types::Resources {
        let resources = self.0.store.resources();
        types::Resources { resources: resources.iter().map(|resource| self.resource_shown(resource)).collect() }
    }

    pub(in crate::admin) fn resource_shown(&self, resource: &Resource) -> types::Resource {
        types::Resource {
            id: resource.id.to_string(),
            version: resource.version,
            name: resource.name.clone(),
            kind: word(resource.kind).to_owned(),
            organisation: self.named(resource.organisation),
            size: resource.size,
            sha256: hex::encode(&resource.sha256),
        }
    }

    /// The resource of that id, or of that name where only one has it.
    pub(in crate::admin) fn resource_in(&self, name: &str) -> Result<Resource, Problem> {
        if let Some(resource) = name.parse::<Id>().ok().and_then(|id| self.0.store.resource(id)) {
            return Ok(resource);
        }
        let mut found = self.0.store.resources().into_iter().filter(|known| known.name.eq_ignore_ascii_case(name));
        found.next().filter(|_| found.next().is_none()).ok_or_else(|| unknown(name))
    }
}

/// Whether the store holds nothing of a commit that failed like this. One that ends over it may know of all of it when
/// it is opened again.
fn is_certain(error: &store::Error) -> bool {
    !matches!(error, store::Error::Closed | store::Error::Io { .. } | store::Error::Damaged { .. })
}

fn word(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Wallpaper => "wallpaper",
        ResourceKind::Ringtone => "ringtone",
        ResourceKind::Xml => "xml",
    }
}

fn kind_of(text: &str) -> Option<ResourceKind> {
    ResourceKind::ALL.into_iter().find(|kind| word(*kind) == text)
}

fn unknown(name: &str) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "resource-unknown",
        format!("There is no file \"{name}\" for phones."),
        "Look it up with `block66 resources list`.",
    )
}
