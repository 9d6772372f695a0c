//! Backups for the API: made, looked into, put in force, and those that the box keeps.

use std::path::PathBuf;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Body as Incoming;
use hyper::{Method, Request, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::call::{Call, Form, Origin};
use crate::admin::problem::Problem;
use crate::admin::route::to_its_end;
use crate::admin::types;
use crate::backup::{self, Backup, Error, Ground, KEPT, MOST};
use crate::model::{Reason, Secret, Timestamp};
use crate::store::Write;
use crate::sys::files;

/// How long a backup may take to arrive.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(300);
/// Header with the passphrase, percent-encoded.
const PASSPHRASE: &str = "block66-passphrase";
/// Name of the setting that says when the last backup was made. One that was made knows of those before it alone.
const LAST: &str = "backup.last";
/// Backups that the box keeps of what was there before a restore.
const MOST_KEPT: usize = 3;
/// How their names begin.
const UNDO: &str = "before-restore-";
/// How names of backups end.
const ENDING: &str = ".backup";

/// What backups are made of, and how the box is told to start from one.
#[derive(Clone)]
pub struct Backups {
    /// Makes the ground of a backup: addresses may change.
    pub ground: Arc<dyn Fn() -> Ground + Send + Sync>,
    /// Cancelled when the box is to start anew from what was laid out.
    pub restart: CancellationToken,
}

/// Whether a request brings a backup.
pub(in crate::admin) fn brings_one<B>(request: &Request<B>) -> bool {
    let mut path = request.uri().path().split('/').filter(|segment| !segment.is_empty());
    *request.method() == Method::POST
        && path.by_ref().take(3).eq(["api", "v1", "backup"])
        && matches!(path.next(), Some("inspect" | "restore"))
        && path.next().is_none()
}

impl Admin {
    /// Makes a backup.
    pub(in crate::admin) async fn make_backup(&self, passphrase: Secret, from: Origin) -> Result<Vec<u8>, Problem> {
        let (ground, now) = ((self.0.facts.backups.ground)(), self.0.clock.now().wall);
        let _place = self.place_for_backup()?;
        let made = {
            // What the documents name is there with them.
            let _still = self.0.resources.lock().await;
            blocking(move || ground.backup(&passphrase, now)).await?
        };
        // Made all the same when this cannot be noted: whoever asked has it.
        let note = Write::PutSetting { key: LAST.into(), value: now.to_string().into() };
        if let Err(error) = self.0.store.commit(vec![note]).await {
            tracing::warn!(%error, "it cannot be noted when the last backup was made");
        }
        self.0.journal.record(self.admin_event(Reason::BackupMade, from));
        Ok(made)
    }

    /// A backup is in memory whole, and sealing it takes as much again: there is place for one.
    fn place_for_backup(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Problem> {
        self.0.backing_up.try_lock().map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Another backup is on its way into this box, or out of it.",
                "Try again in a minute.",
            )
        })
    }

    /// When somebody last made a backup of this box, RFC 3339.
    pub(in crate::admin) fn last_backup(&self) -> Option<String> {
        self.0.store.setting(LAST)?.as_str().map(str::to_owned)
    }

    /// Takes a backup that is sent, and says what is in it or puts it in force.
    pub(in crate::admin) async fn take_backup<B>(&self, request: Request<B>, from: Origin) -> Result<Answer, Problem>
    where
        B: Incoming,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let restores = head.uri.path().trim_end_matches('/').ends_with("/restore");
        let mut call = Call::of_head(head, from)?;
        let path = ["backup", if restores { "restore" } else { "inspect" }];
        self.admit(&mut call, &path)?;
        let passphrase = passphrase(&call)?;
        let confirmed = call.query.says_yes("confirm");
        let _place = self.place_for_backup()?;
        let collected = tokio::time::timeout(PATIENCE, Limited::new(body, MOST).collect()).await;
        let bytes = match collected {
            Ok(Ok(whole)) => whole.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(Error::TooLarge.into()),
            Ok(Err(_)) | Err(_) => return Err(Problem::malformed("The backup broke off on its way.")),
        };
        let route = self.admit(&mut call, &path)?;
        let opened = {
            let passphrase = passphrase.clone();
            blocking(move || Backup::open(&bytes, &passphrase)).await?
        };
        let about = opened.about().clone();
        if !restores {
            self.leave_trail(&call, route, &path);
            return Ok(Answer::json(StatusCode::OK, &about));
        }
        if !confirmed {
            let made = &about.made;
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "confirm",
                format!("Everything on this box would give way to what {} had on {made}.", about.name),
                "Say so with --confirm, or confirm=true over the API. What is here now is kept as a backup under the same passphrase.",
            ));
        }
        // What is laid out is exchanged at the next start, whenever that is: it is laid out with that start, or not at all.
        let (admin, from) = (self.clone(), call.from);
        to_its_end(async move { admin.put_in_force(opened, passphrase, from).await }).await
    }

    async fn put_in_force(&self, opened: Backup, passphrase: Secret, from: Origin) -> Result<Answer, Problem> {
        let _one_at_a_time = self.0.setting.lock().await;
        if self.0.facts.backups.restart.is_cancelled() {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "restoring",
                "Another backup was put in force just now: this box starts anew with it.",
                "Look at what is there in a minute, then try again.",
            ));
        }
        let about = opened.about().clone();
        let (ground, now) = ((self.0.facts.backups.ground)(), self.0.clock.now().wall);
        let reason = Reason::BackupRestored { of: about.name.clone(), made: about.made.clone() };
        let event = self.admin_event(reason, from);
        let told = event.clone();
        let _still = self.0.resources.lock().await;
        let undo = blocking(move || {
            let undo = keep(&ground, &passphrase, now)?;
            opened.lay_out(&ground, &told)?;
            Ok(undo)
        })
        .await?;
        self.0.journal.record(event);
        tracing::warn!(of = about.name, made = about.made, undo, "a backup is put in force: starting anew");
        self.0.facts.backups.restart.cancel();
        Ok(Answer::json(StatusCode::ACCEPTED, &types::Restored { about, undo }))
    }

    /// The backups that the box keeps.
    pub(in crate::admin) async fn kept_backups(&self) -> Result<types::KeptBackups, Problem> {
        let directory = self.kept_in();
        let kept = blocking(move || Ok(kept(&directory)?)).await?;
        let kept = kept.into_iter().map(|(name, size)| types::KeptBackup { name, size }).collect();
        Ok(types::KeptBackups { kept, last_made: self.last_backup() })
    }

    /// One of them, by its name.
    pub(in crate::admin) async fn kept_backup(&self, name: &str) -> Result<Vec<u8>, Problem> {
        let (directory, wanted) = (self.kept_in(), name.to_owned());
        let found = blocking(move || {
            // Only what was listed is opened: no name leads out of the directory.
            match kept(&directory)?.into_iter().find(|(name, _)| *name == wanted) {
                Some((name, _)) => Ok(Some(std::fs::read(directory.join(name))?)),
                None => Ok(None),
            }
        });
        found.await?.ok_or_else(|| {
            let name: String = name.chars().take(80).collect();
            let detail = format!("This box keeps no backup with the name {name}.");
            Problem::new(StatusCode::NOT_FOUND, "backup-unknown", detail, "Look at the list of those that it keeps.")
        })
    }

    fn kept_in(&self) -> PathBuf {
        (self.0.facts.backups.ground)().directory.join(KEPT)
    }
}

/// Keeps a backup of what is there now; its name. The oldest one gives way.
///
/// Names are numbered by the time, and go on from the newest one where the clock was set back: the last one made is what
/// an undo takes.
fn keep(ground: &Ground, passphrase: &Secret, now: Timestamp) -> Result<String, Error> {
    let bytes = ground.backup(passphrase, now)?;
    let directory = ground.directory.join(KEPT);
    files::create_private_directory(&directory)?;
    let before = kept(&directory)?;
    let newest = before.iter().filter_map(|(name, _)| number(name)).max();
    let number = newest.map_or(now.millis(), |newest| now.millis().max(newest.saturating_add(1)));
    let name = format!("{UNDO}{number:013}{ENDING}");
    files::replace(&directory.join(&name), &bytes, 0o600)?;
    for (old, _) in before.iter().rev().skip(MOST_KEPT - 1) {
        std::fs::remove_file(directory.join(old))?;
    }
    Ok(name)
}

/// The number in the name of a backup that was kept.
fn number(name: &str) -> Option<i64> {
    name.strip_prefix(UNDO)?.strip_suffix(ENDING)?.parse().ok()
}

/// Names and sizes of the backups in a directory, oldest first.
fn kept(directory: &std::path::Path) -> std::io::Result<Vec<(String, u64)>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let about = entry.metadata()?;
        let name = entry.file_name().into_string().ok().filter(|name| name.ends_with(ENDING) && about.is_file());
        found.extend(name.map(|name| (name, about.len())));
    }
    found.sort();
    Ok(found)
}

fn passphrase(call: &Call) -> Result<Secret, Problem> {
    let given = call.headers.get(PASSPHRASE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let decoded = Form::parse(&format!("p={given}"));
    decoded.of("p").map(Secret::new).ok_or_else(|| {
        Problem::malformed("The passphrase of the backup is missing: send it, percent-encoded, as Block66-Passphrase.")
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, backup::Error> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Error::System(error.to_string()).into()),
    }
}

/// How a backup that cannot be used is said to a caller.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let mut letters = text.chars();
        let said = letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>() + ".");
        let said = said.unwrap_or_default();
        let unusable = |code, next| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, said.clone(), next);
        match error {
            Error::NotABackup => unusable("no-backup", "Choose the file that `block66 backup create` wrote."),
            Error::Newer { .. } => unusable("backup-newer", "Update this box, then restore."),
            Error::Damaged(_) => unusable("backup-damaged", "Take another copy of it, or an older backup."),
            Error::WrongPassphrase => unusable("wrong-passphrase", "Try again: nothing was changed."),
            Error::ShortPassphrase => unusable("passphrase-short", "Choose a longer one, and write it down."),
            Error::TooLarge => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", said, "Choose the right file."),
            Error::Overfull => {
                let next = "Remove pictures, sounds or brand folders that no phone needs, then try again.";
                Self::new(StatusCode::CONFLICT, "backup-overfull", said, next)
            }
            Error::Brand { .. } => {
                let next = "Rename it, shorten it, or move it out of the data directory, then try again.";
                Self::new(StatusCode::CONFLICT, "brand-unfit", said, next)
            }
            Error::System(_) => {
                tracing::error!(text, "a backup could not be made or restored");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "backup-failed", said, "Look into the log of this box.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Authority;
    use crate::store::{Disk, Options, Store, key, samples};
    use crate::sys::clock::Clock;

    /// An undo takes the last one: of four that were made while the clock ran backwards, the newest three stay, and the
    /// last is the last of the list.
    #[test]
    fn what_is_kept_is_in_the_order_in_which_it_was_made_whatever_the_clock_says() {
        let around = tempfile::tempdir().unwrap();
        let directory = around.path().to_owned();
        Authority::open(&directory, samples::CREATED).unwrap();
        let key = key::load(&directory, None).unwrap();
        let clock = Clock::new(samples::CREATED);
        let (store, _) =
            Store::open(Options { directory: directory.clone(), key, clock, disk: Disk::default() }).unwrap();
        let ground = Ground { directory, credential: None, store, name: "box66".into(), addresses: Vec::new() };
        let passphrase = Secret::new("correct horse battery");
        let mut made = Vec::new();
        for seconds in [4_000, 3_000, 2_000, 1_000] {
            made.push(keep(&ground, &passphrase, Timestamp::from_secs(seconds)).unwrap());
            let listed: Vec<String> =
                kept(&ground.directory.join(KEPT)).unwrap().into_iter().map(|(name, _)| name).collect();
            assert_eq!(listed, made[made.len().saturating_sub(MOST_KEPT)..], "after the one of {seconds}");
        }
    }
}
