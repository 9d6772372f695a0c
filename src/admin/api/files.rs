use hyper::header::{self, HeaderValue};
use hyper::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::mac_in;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Origin};
use crate::admin::problem::{FieldError, Problem};
use crate::admin::reading::preview::content_in;
use crate::admin::{Admin, types};
use crate::depot::Upload;
use crate::model::settings::Value;
use crate::model::{Id, Mac, Phone, Reason};

/// The device that takes a phone's place.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::admin) struct Replacement {
    mac: String,
    brand: Option<String>,
    model: Option<String>,
    dry_run: bool,
}

/// Which password is to be shown.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Reveal {
    whose: String,
}

impl Admin {
    /// Answers calls about what belongs to a phone; `path` is what follows `/api/v1/phones/{mac}`.
    pub(super) async fn api_of_phone(&self, call: &Call, mac: &str, path: &[&str]) -> Result<Answer, Problem> {
        match path {
            ["settings"] => self.api_phone_settings(call, mac).await,
            ["files"] => {
                let phone = self.listed(mac_in(mac)?)?;
                let files = types::Files { uploads: self.uploads(&phone).await?, ..self.files(&phone)? };
                Ok(Answer::json(StatusCode::OK, &files))
            }
            ["files", name @ ..] => {
                let phone = self.listed(mac_in(mac)?)?;
                let content = content_in(call.query.of("content"))?;
                let file = self.preview(&self.0.facts.registry, &phone, &name.join("/"), content)?;
                Ok(Answer::json(StatusCode::OK, &file))
            }
            ["uploads", name @ ..] if !name.is_empty() => self.upload_of(mac_in(mac)?, &name.join("/")).await,
            ["reveal"] => {
                let reveal: Reveal = call.json()?;
                Ok(Answer::json(StatusCode::OK, &self.reveal(mac_in(mac)?, &reveal.whose, call.from)?))
            }
            ["replace"] => {
                let wanted: Replacement = call.json()?;
                let phone = self.listed(mac_in(mac)?)?;
                let new = wanted.mac.parse::<Mac>();
                let new = new.map_err(|error| Problem::fields(vec![FieldError::new("mac", error.to_string())]))?;
                let named = (wanted.brand, wanted.model);
                let done = self.replace(phone, new, named, call.expected()?, wanted.dry_run, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &done).versioned(done.phone.version))
            }
            ["release"] => {
                let go = call.method == Method::POST;
                let phone = self.release(mac_in(mac)?, go, call.expected()?, call.from).await?;
                Ok(Answer::json(StatusCode::OK, &phone).versioned(phone.version))
            }
            _ => Err(Problem::nothing_here(&format!("/api/v1/phones/{mac}/{}", path.join("/")))),
        }
    }

    /// A file that a phone sent up, to be kept and never shown as a page.
    pub(in crate::admin) async fn upload_of(&self, mac: Mac, name: &str) -> Result<Answer, Problem> {
        let phone = self.listed(mac)?;
        let (depot, id, name) = (self.0.facts.depot.clone(), phone.id, name.to_lowercase());
        let wanted = name.clone();
        let found = tokio::task::spawn_blocking(move || depot.upload(id, &wanted)).await;
        let found = found.map_err(std::io::Error::other).and_then(|found| found).map_err(|error| disk(&error))?;
        let (_, bytes) = found.ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                "upload-unknown",
                format!("The phone {mac} sent up no file \"{name}\"."),
                "Look it up with `block66 phones files`.",
            )
        })?;
        // Whatever the phone calls it, a browser is to keep it and not to run it.
        let plain: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' }).collect();
        let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{plain}\""));
        let answer = Answer::bytes("application/octet-stream", bytes);
        Ok(match disposition {
            Ok(disposition) => answer.with(header::CONTENT_DISPOSITION, disposition),
            Err(_) => answer,
        })
    }

    /// What a phone sent up.
    pub(in crate::admin) async fn uploads(&self, phone: &Phone) -> Result<Vec<types::Upload>, Problem> {
        let (depot, id) = (self.0.facts.depot.clone(), phone.id);
        let found = tokio::task::spawn_blocking(move || depot.uploads(id)).await;
        let found = found.map_err(std::io::Error::other).and_then(|found| found).map_err(|error| disk(&error))?;
        let shown = |upload: Upload| types::Upload {
            name: upload.name,
            content_type: upload.content_type,
            size: upload.size,
            at: upload.at.to_string(),
        };
        Ok(found.into_iter().map(shown).collect())
    }

    /// Forgets what a phone sent up, as its device with this address is gone. What cannot be forgotten is left for now:
    /// until the next start where the phone is off the list, and else until another device takes its place.
    pub(in crate::admin) async fn forget_sent_up(&self, phone: Id, mac: Mac) {
        let depot = self.0.facts.depot.clone();
        match tokio::task::spawn_blocking(move || depot.forget(phone)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, %mac, "what a phone sent up that is gone could not be deleted"),
            Err(error) => tracing::error!(%error, "deleting what a phone sent up that is gone"),
        }
    }

    /// A password of a phone's own menus. That it was shown is on record.
    pub(in crate::admin) fn reveal(&self, mac: Mac, whose: &str, from: Origin) -> Result<types::Login, Problem> {
        let phone = self.listed(mac)?;
        let key = match whose {
            "admin" => "access.admin_password",
            "user" => "access.user_password",
            _ => return Err(Problem::fields(vec![FieldError::new("whose", "It is admin or user.")])),
        };
        let levels = self.0.store.levels(&phone);
        let settings = levels.resolve();
        let password = settings.get(key).and_then(Value::as_secret).ok_or_else(|| {
            let detail = format!("The phone {mac} has no {whose} password.");
            Problem::new(StatusCode::NOT_FOUND, "no-password", detail, format!("Set {key} for it."))
        })?;
        let user = settings.get("access.admin_user").and_then(Value::as_text).filter(|_| whose == "admin");
        self.record_phone(Reason::PasswordRevealed { whose: whose.into() }, mac, phone.organisation, from);
        Ok(types::Login { user: user.unwrap_or(whose).to_owned(), password: password.expose().to_owned() })
    }

    /// The phone with this address.
    pub(in crate::admin) fn listed(&self, mac: Mac) -> Result<std::sync::Arc<Phone>, Problem> {
        self.0.store.phone_by_mac(mac).ok_or_else(|| Problem::phone_unknown(mac))
    }
}

/// A file cannot be read or written.
pub(in crate::admin) fn disk(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "a file could not be read or written");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "disk",
        format!("The box cannot read or write a file: {error}."),
        "Look at its disk.",
    )
}
