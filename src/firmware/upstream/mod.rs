//! Fetching images from outside: one download for each image, however many phones wait for it.

mod client;
mod failure;
mod fetch;
mod part;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

pub(super) use client::check_url;
pub use failure::Failure;
pub(super) use fetch::{Progress, Stage};
pub(super) use part::names;

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
/// How long nobody is asked again after a download has failed.
const REST: Duration = Duration::from_secs(20);

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
    ended: Option<Instant>,
}

impl Upstream {
    pub(super) fn new(cache: Cache, blocks: Blocks) -> Self {
        Self { cache, blocks, pace: Arc::default(), places: Arc::new(Semaphore::new(AT_ONCE)), running: Arc::default() }
    }

    /// The download of an image: the one that runs, the one that has failed a moment ago, or a new one. `room` makes
    /// room for so many bytes; `ended` is told how it ended, before those who wait are.
    pub(super) fn fetch<Ended>(
        &self,
        image: &Firmware,
        url: &str,
        settings: &Settings,
        room: impl Fn(u64) -> Result<Promise, Failure> + Send + Sync + 'static,
        ended: impl FnOnce(Result<(Digest, u64), Failure>) -> Ended + Send + 'static,
    ) -> watch::Receiver<Progress>
    where
        Ended: Future<Output = ()> + Send,
    {
        let mut running = self.running();
        if let Some(known) = running.get(&image.id)
            && known.ended.map_or_else(|| known.progress.has_changed().is_ok(), |at| at.elapsed() < REST)
        {
            return known.progress.clone();
        }
        let (progress, waiting) = watch::channel(Progress::begin());
        running.insert(image.id, Known { progress: waiting.clone(), ended: None });
        drop(running);
        let client = Client::new(settings.authorities.as_deref(), settings.proxy.as_deref());
        let (image, url, rate) = (image.clone(), url.to_owned(), settings.upstream_rate);
        let (cache, blocks, pace) = (self.cache.clone(), self.blocks.clone(), Arc::clone(&self.pace));
        let (places, table) = (Arc::clone(&self.places), Arc::clone(&self.running));
        tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            let id = image.id;
            let outcome = match client {
                Ok(client) => {
                    let make_room = Box::new(room);
                    let progress = progress.clone();
                    Fetch { client, cache, blocks, image, url, pace, rate, make_room, progress }.run().await
                }
                Err(failure) => Err(failure),
            };
            let good = outcome.is_ok();
            ended(outcome.clone()).await;
            {
                let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
                match table.get_mut(&id) {
                    _ if good => drop(table.remove(&id)),
                    Some(known) => known.ended = Some(Instant::now()),
                    None => {}
                }
            }
            progress.send_modify(|progress| {
                progress.stage = match outcome {
                    Ok((digest, _)) => Stage::Done(digest),
                    Err(failure) => Stage::Failed(failure),
                };
            });
        });
        waiting
    }

    /// How the download of an image stands, if there is or was one.
    pub(super) fn progress(&self, image: Id) -> Option<Progress> {
        self.running().get(&image).map(|known| known.progress.borrow().clone())
    }

    /// Forgets how the last download ended, so that the next one may begin at once.
    pub(super) fn forgive(&self, image: Id) {
        let mut running = self.running();
        if running.get(&image).is_some_and(|known| known.ended.is_some()) {
            running.remove(&image);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Id, Known>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
