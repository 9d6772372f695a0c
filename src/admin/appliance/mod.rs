//! The appliance around the program: its version, its address, its end. Everything is done by the steward.

pub(super) mod backup;
mod support;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body as Incoming, Buf};
use hyper::{Method, Request, StatusCode};
use tokio::io::AsyncWriteExt;

use super::Admin;
use super::answer::Answer;
use super::call::{Call, Origin};
use super::problem::Problem;
use super::types;
use crate::model::{Door, Event, Reason};
use crate::steward::{Error, Request as Wish, SOCKET, Standing, Steward, UPDATES};

pub use backup::Backups;

/// How long nothing may come of an upload.
const SILENCE: Duration = Duration::from_secs(30);
/// Largest bundle: what fits into a slot, with room to spare.
const LARGEST: u64 = 512 * 1024 * 1024;
/// Where a bundle is put.
const PATH: [&str; 4] = ["api", "v1", "appliance", "update"];
/// Name of the one bundle that is uploaded at a time.
const UPLOADED: &str = "uploaded.raucb";

/// The way to the steward, and how far the update is that it is asked for.
#[derive(Debug)]
pub(super) struct Appliance {
    steward: Steward,
    updates: PathBuf,
    update: Mutex<types::Update>,
}

impl Appliance {
    pub(super) fn new() -> Self {
        Self::of(SOCKET.as_ref(), UPDATES.as_ref())
    }

    /// With the steward behind this socket, which takes bundles from this directory.
    pub(super) fn of(socket: &Path, updates: &Path) -> Self {
        Self { steward: Steward::new(socket), updates: updates.into(), update: Mutex::default() }
    }

    /// Whether this is an appliance at all.
    pub(super) fn is_there(&self) -> bool {
        self.steward.is_there()
    }

    /// How far the update is.
    pub(super) fn update(&self) -> types::Update {
        self.update.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, update: types::Update) {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner) = update;
    }

    /// Claims the one update at a time.
    fn begin(&self) -> Result<Begun<'_>, Problem> {
        let mut update = self.update.lock().unwrap_or_else(PoisonError::into_inner);
        if update.running {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "update-running",
                "An update is being installed.",
                "Wait until it is done.",
            ));
        }
        *update = types::Update { running: true, says: "Preparing".into(), ..types::Update::default() };
        Ok(Begun { appliance: self, handed_on: false })
    }
}

/// An update that has begun. Unless it is handed on to whoever installs it, it is over with this: whoever hangs up while a
/// bundle comes leaves none behind that runs for ever.
struct Begun<'a> {
    appliance: &'a Appliance,
    handed_on: bool,
}

impl Begun<'_> {
    fn hand_on(mut self) {
        self.handed_on = true;
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.handed_on {
            // Before another one may begin, whose bundle has the same name.
            let _ = std::fs::remove_file(self.appliance.updates.join(UPLOADED));
            self.appliance.set(types::Update::default());
        }
    }
}

/// Whether a request brings a bundle.
pub(super) fn brings_bundle<B>(request: &Request<B>) -> bool {
    *request.method() == Method::PUT && request.uri().path().split('/').filter(|segment| !segment.is_empty()).eq(PATH)
}

impl Admin {
    /// How the appliance is; `None` where this is only the program.
    pub(super) async fn appliance(&self) -> Result<types::Appliance, Problem> {
        let appliance = &self.0.appliance;
        let standing = match appliance.steward.ask(&Wish::Status {}, |_, _| {}).await {
            Ok(standing) => Some(standing),
            Err(Error::Absent) => None,
            Err(error) => return Err(refused(error)),
        };
        Ok(types::Appliance { standing, update: appliance.update() })
    }

    /// Has the steward do something that is done at once.
    pub(super) async fn wish(&self, wish: &Wish) -> Result<Standing, Problem> {
        self.0.appliance.steward.ask(wish, |_, _| {}).await.map_err(refused)
    }

    /// Begins to install a bundle from elsewhere; how far it is stands in [`Admin::appliance`].
    pub(super) fn begin_update(&self, from: String, older: bool) -> Result<(), Problem> {
        let wish = Wish::Install { from, older };
        wish.check().map_err(|refusal| refused(Error::Refused(refusal)))?;
        if !self.0.appliance.is_there() {
            return Err(refused(Error::Absent));
        }
        let begun = self.0.appliance.begin()?;
        let admin = self.clone();
        tokio::spawn(async move { admin.install(&wish).await });
        begun.hand_on();
        Ok(())
    }

    async fn install(&self, wish: &Wish) {
        let appliance = &self.0.appliance;
        let told = |percent: u8, says: &str| {
            appliance.set(types::Update { running: true, percent, says: says.to_owned(), failed: false });
        };
        let reason = match appliance.steward.ask(wish, told).await {
            Ok(_) => {
                let says = "Installed. It runs after the next start.".to_owned();
                appliance.set(types::Update { running: false, percent: 100, says, failed: false });
                Reason::UpdateInstalled
            }
            Err(error) => {
                let why = error.to_string();
                appliance.set(types::Update { running: false, percent: 0, says: why.clone(), failed: true });
                Reason::UpdateRefused { why }
            }
        };
        self.0.journal.record(Event::new(self.0.clock.now().wall, Door::Box, reason));
        let _ = tokio::fs::remove_file(appliance.updates.join(UPLOADED)).await;
    }

    /// Takes a bundle that is sent, piece by piece, and begins to install it.
    pub(super) async fn take_bundle<B>(&self, request: Request<B>, from: Origin) -> Result<Answer, Problem>
    where
        B: Incoming,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let mut call = Call::of_head(head, from)?;
        let path = ["appliance", "update"];
        self.admit(&mut call, &path)?;
        let older = call.query.says_yes("older");
        let appliance = &self.0.appliance;
        if !appliance.is_there() {
            return Err(refused(Error::Absent));
        }
        let begun = appliance.begin()?;
        receive(body, &appliance.updates.join(UPLOADED)).await?;
        let route = self.admit(&mut call, &path)?;
        let admin = self.clone();
        tokio::spawn(async move { admin.install(&Wish::Install { from: UPLOADED.into(), older }).await });
        begun.hand_on();
        self.leave_trail(&call, route, &path);
        Ok(Answer::json(StatusCode::ACCEPTED, &appliance.update()))
    }
}

async fn receive<B>(body: B, path: &Path) -> Result<(), Problem>
where
    B: Incoming,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let unwritable = |error: std::io::Error| {
        tracing::error!(%error, "a bundle could not be written");
        Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "disk",
            "The bundle cannot be kept.",
            "Make room on the disk of this box.",
        )
    };
    let mut file = tokio::fs::File::create(path).await.map_err(unwritable)?;
    let mut body = std::pin::pin!(body);
    let mut received: u64 = 0;
    loop {
        let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(_))) | Err(_) => return Err(Problem::malformed("The bundle broke off on its way.")),
        };
        let Ok(mut data) = frame.into_data() else { continue };
        let piece = data.copy_to_bytes(data.remaining());
        received = received.saturating_add(piece.len() as u64);
        if received > LARGEST {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "bundle-too-large",
                "That is larger than any version of this box.",
                "Check that it is the right file.",
            ));
        }
        file.write_all(&piece).await.map_err(unwritable)?;
    }
    file.sync_all().await.map_err(unwritable)
}

/// How the steward's refusal is said to a caller.
pub(super) fn refused(error: Error) -> Problem {
    match error {
        Error::Absent => Problem::new(
            StatusCode::NOT_FOUND,
            "no-appliance",
            "Block66 runs here as a program, not as the appliance: the system around it is yours to set.",
            "Set it with the means of that system.",
        ),
        Error::Refused(refusal) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, &refusal.code, refusal.says, "Correct what is named.")
        }
        Error::Broken(error) => {
            tracing::error!(%error, "the steward broke off");
            Problem::new(StatusCode::BAD_GATEWAY, "steward", "The system did not answer.", "Try again.")
        }
    }
}
