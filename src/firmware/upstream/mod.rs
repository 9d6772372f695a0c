//! Fetching images from outside: one download for each image, however many phones wait for it.

mod answer;
mod client;
mod failure;
mod fetch;
mod part;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub(super) use client::check_url;
pub use failure::Failure;
pub(super) use fetch::{Progress, Stage};
pub(super) use part::{is_download, names};

use self::client::Client;
use self::fetch::Fetch;
use super::blocks::Blocks;
use super::cache::{Cache, Promise};
use super::digest::Digest;
use super::pace::Pace;
use super::settings::Settings;
use crate::model::{Firmware, Id};

/// Whether files can be fetched with these certificate authorities (PEM) through this proxy.
pub(super) fn check(authorities: Option<&str>, proxy: Option<&str>) -> Result<(), Failure> {
    Client::new(authorities, proxy).map(drop)
}

/// Downloads at once. The line of a branch is not wide.
const AT_ONCE: usize = 2;
/// How long nobody is asked again after a download has failed. Doubled each time, where trying again soon does not
/// help.
const REST: Duration = Duration::from_secs(20);
/// The longest of these.
const LONGEST_REST: Duration = Duration::from_secs(4 * 3600);

/// All downloads.
pub(super) struct Upstream {
    cache: Cache,
    blocks: Blocks,
    pace: Arc<Pace>,
    places: Arc<Semaphore>,
    running: Arc<Mutex<HashMap<Id, Known>>>,
}

/// A download that runs, or how the last one ended.
struct Known {
    progress: watch::Receiver<Progress>,
    task: AbortHandle,
    ended: Option<Instant>,
    /// How long nobody is asked again after it has failed; before that, as it was after the one before.
    rest: Duration,
}

impl Known {
    /// Notes that it has failed.
    fn fails(&mut self, why: &Failure) {
        self.rest = if why.passes() { REST } else { (self.rest * 2).clamp(REST, LONGEST_REST) };
        self.ended = Some(Instant::now());
    }
}

impl Upstream {
    pub(super) fn new(cache: Cache, blocks: Blocks) -> Self {
        Self { cache, blocks, pace: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)), running: Arc::default() }
    }

    /// The download of an image: the one that runs, the one that has failed not long ago, or a new one. `room` makes
    /// room for so many bytes; `ended` is told how it ended, before those who wait are.
    pub(super) fn fetch<Ended>(
        &self,
        image: &Firmware,
        url: &str,
        settings: &Settings,
        room: impl Fn(u64, u64) -> Result<Promise, Failure> + Send + Sync + 'static,
        ended: impl FnOnce(Result<(Digest, u64), Failure>) -> Ended + Send + 'static,
    ) -> watch::Receiver<Progress>
    where
        Ended: Future<Output = ()> + Send,
    {
        let mut running = self.running();
        let before = running.get(&image.id);
        if let Some(known) = before
            && known.ended.map_or_else(|| known.progress.has_changed().is_ok(), |at| at.elapsed() < known.rest)
        {
            return known.progress.clone();
        }
        let rest = before.map(|known| known.rest).unwrap_or_default();
        let (progress, waiting) = watch::channel(Progress::begin());
        let id = image.id;
        let (image, url, settings) = (image.clone(), url.to_owned(), settings.clone());
        let (cache, blocks, pace) = (self.cache.clone(), self.blocks.clone(), Arc::clone(&self.pace));
        let (places, table) = (Arc::clone(&self.places), Arc::clone(&self.running));
        let task = tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            let outcome = match Client::new(settings.authorities.as_deref(), settings.proxy.as_deref()) {
                Ok(client) => {
                    let (make_room, rate) = (Box::new(room), settings.upstream_rate);
                    let progress = progress.clone();
                    Fetch { client, cache, blocks, image, url, pace, rate, make_room, progress }.run().await
                }
                Err(failure) => Err(failure),
            };
            ended(outcome.clone()).await;
            {
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                match &outcome {
                    Ok(_) => drop(table.remove(&id)),
                    Err(why) => table.get_mut(&id).into_iter().for_each(|known| known.fails(why)),
                }
            }
            progress.send_modify(|progress| {
                progress.stage = match outcome {
                    Ok((digest, _)) => Stage::Done(digest),
                    Err(failure) => Stage::Failed(failure),
                };
            });
        });
        let known = Known { progress: waiting.clone(), task: task.abort_handle(), ended: None, rest };
        running.insert(id, known);
        waiting
    }

    /// How the download of an image stands, if there is or was one.
    pub(super) fn progress(&self, image: Id) -> Option<Progress> {
        self.running().get(&image).map(|known| known.progress.borrow().clone())
    }

    /// Forgets how the last download ended, so that the next one may begin at once.
    pub(super) fn forgive(&self, image: Id) {
        self.running().retain(|id, known| *id != image || known.ended.is_none());
    }

    /// Forgets of all images how their last download ended.
    pub(super) fn forgive_all(&self) {
        self.running().retain(|_, known| known.ended.is_none());
    }

    /// Gives up the download of an image that nobody wants any more, and what has come of it.
    pub(super) fn cancel(&self, image: Id) {
        let Some(known) = self.running().remove(&image) else { return };
        known.task.abort();
        for name in names(image) {
            let _ = std::fs::remove_file(self.cache.arriving(&name));
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, Known>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
