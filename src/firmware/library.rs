//! The catalogue and its files together: what a name means, and the bytes behind it.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::blocks::{Blocks, Source};
use super::cache::Cache;
use super::catalogue;
use super::content::Content;
use super::digest::Digest;
use super::settings::Settings;
use super::upstream::{self, Failure, Stage, Upstream};
use crate::brands::{Images, Registry};
use crate::journal::Journal;
use crate::model::{Door, Event, Firmware, FirmwareSource, Id, Phone, Reason, Timestamp};
use crate::store::{self, Store, Write};
use crate::sys::clock::Clock;

/// How long somebody who asks waits for the first word from outside.
const FIRST_WORD: Duration = Duration::from_secs(15);

/// The catalogue with its files. Clones share all of it.
#[derive(Clone)]
pub struct Library(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) clock: Clock,
    pub(super) registry: Arc<Registry>,
    pub(super) cache: Cache,
    blocks: Blocks,
    upstream: Upstream,
    names: Mutex<Names>,
    open: Mutex<HashMap<Digest, Weak<Source>>>,
    /// Images that cannot be fetched, and since when.
    failing: Mutex<HashMap<Id, Timestamp>>,
}

/// Images by what phones ask for, in lower case.
#[derive(Default)]
struct Names {
    paths: HashMap<String, Id>,
    names: HashMap<String, Vec<Id>>,
}

/// Why the bytes of an image cannot be had now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// They were uploaded once and are gone.
    #[error("its file is gone; upload it again")]
    Gone,
    /// Nobody lets the box fetch it.
    #[error("it is not here, and fetching it is not enabled")]
    NotEnabled,
    /// They are on their way, and nobody knows yet what they should be.
    #[error("it is being fetched for the first time")]
    Arriving,
    /// They could not be fetched.
    #[error("it could not be fetched: {0}")]
    NotFetched(Failure),
    /// The disk of the box failed.
    #[error("its file cannot be read: {0}")]
    Disk(String),
}

/// Where the bytes of an image are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// On the box.
    Here,
    /// On their way: so many, of so many.
    Arriving {
        /// Bytes that are here.
        received: u64,
        /// All of them, if that is known.
        total: Option<u64>,
    },
    /// Elsewhere, to be fetched when somebody asks.
    Elsewhere,
    /// They could not be fetched last time.
    Failed {
        /// Why.
        why: String,
        /// Since when they could not.
        since: Option<Timestamp>,
    },
    /// Nowhere.
    Gone,
}

impl Library {
    /// Opens the catalogue's files below `directory`. What is there and in no catalogue is removed, unless the store was
    /// put back not long ago: it gives way where room is needed. Downloads that broke off go on when they are asked for,
    /// where it can be told in the end whether the bytes are good.
    ///
    /// # Errors
    /// When the directory cannot be made or read.
    pub fn open(
        directory: &Path,
        (store, journal, clock): (Store, Journal, Clock),
        registry: Arc<Registry>,
    ) -> io::Result<Self> {
        let cache = Cache::open(directory)?;
        let images = store.firmwares();
        // A store that was put back may not know the newest of them, or be exchanged for what was there before.
        let misses_some = store.gaps().is_some();
        let named = |digest| images.iter().any(|image| image.sha256.map(Digest) == Some(digest));
        cache.sweep(|digest| misses_some || named(digest));
        // A power cut may have damaged what came: with nothing to compare the whole with, nobody would notice.
        let image_of = |name: &str| images.iter().find(|image| upstream::names(image.id).iter().any(|own| own == name));
        cache.forget_arriving(|name| {
            image_of(name).map_or(misses_some && upstream::is_download(name), |image| image.sha256.is_some())
        })?;
        let blocks = Blocks::default();
        let upstream = Upstream::new(cache.clone(), blocks.clone());
        let (names, open, failing) = (Mutex::default(), Mutex::default(), Mutex::default());
        let inner = Inner { store, journal, clock, registry, cache, blocks, upstream, names, open, failing };
        let library = Self(Arc::new(inner));
        library.reindex();
        Ok(library)
    }

    /// What an administrator has set.
    pub fn settings(&self) -> Settings {
        let set = self.0.store.setting(Settings::KEY);
        set.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Sets it.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn set(&self, settings: &Settings) -> Result<(), store::Error> {
        let value = serde_json::to_value(settings).unwrap_or_default();
        self.0.store.commit(vec![Write::PutSetting { key: Settings::KEY.into(), value }]).await?;
        // Another proxy or authority, or more room, may be what was missing.
        self.0.upstream.forgive_all();
        Ok(())
    }

    /// The image that a name below the provisioning prefix means, when `phone` asks. The name is in lower case.
    ///
    /// The whole path of an image means that image to everybody. A bare name means the image of that name that the
    /// phone is told of; else, where its brand does not look for the same name at every start, the newest one of that
    /// name.
    pub fn find(&self, name: &str, phone: impl FnOnce() -> Option<Arc<Phone>>) -> Option<Firmware> {
        let candidates: Vec<Id> = {
            let names = self.names();
            if let Some(id) = names.paths.get(name) {
                return self.0.store.firmware(*id);
            }
            // The whole path of an image that is not there means no other one.
            if name.starts_with(Firmware::FOLDER) {
                return None;
            }
            let bare = name.rsplit('/').next().unwrap_or_default();
            names.names.get(bare)?.clone()
        };
        let candidates: Vec<Firmware> = candidates.iter().filter_map(|id| self.0.store.firmware(*id)).collect();
        if let Some(phone) = phone()
            && let Some(told) = self.told(&phone)
            && let Some(image) = candidates.iter().find(|image| image.id == told.id || image.release == told.release)
        {
            return Some(image.clone());
        }
        let free = |image: &Firmware| {
            let brand = self.0.registry.brand(&image.brand);
            brand.and_then(|brand| brand.firmware.as_ref()).is_none_or(|images| !images.fixed_names)
        };
        candidates.into_iter().filter(free).max_by_key(|image| image.created)
    }

    /// The image that a phone is told to take next; none when it runs what it should.
    pub fn told(&self, phone: &Phone) -> Option<Firmware> {
        let brand = phone.brand.as_deref()?;
        let suits = |id| self.0.store.firmware(id).is_some_and(|image| image.suits(brand, phone.model.as_deref()));
        let goal = catalogue::decided(&self.0.store.rollouts(), phone, |id| self.0.store.group(id), suits)??;
        let image = self.0.store.firmware(goal.firmware)?;
        let runs = self.0.store.journey(phone.mac).and_then(|journey| journey.firmware);
        let catalogue = self.0.store.firmwares();
        let (images, about) = (self.images_of(brand), (brand, phone.model.as_deref()));
        catalogue::told((&image, goal), &catalogue, images, about, runs.as_deref()).cloned()
    }

    /// The bytes of an image: from the box, or from outside as they arrive.
    ///
    /// # Errors
    /// When they cannot be had now.
    pub async fn content(&self, image: &Firmware) -> Result<Content, Unavailable> {
        if let Some(digest) = image.sha256.map(Digest)
            && self.0.cache.size(digest).is_some()
        {
            match self.here(digest, image.created).await {
                Ok(content) => return Ok(content),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
                Err(error) => return Err(Unavailable::Disk(error.to_string())),
            }
        }
        let mut progress = self.fetch(image)?;
        let wait = progress.wait_for(|progress| progress.stage != Stage::Asking);
        let begun = match tokio::time::timeout(FIRST_WORD, wait).await {
            Ok(Ok(progress)) => progress.clone(),
            Ok(Err(_)) | Err(_) => return Err(Unavailable::Arriving),
        };
        match (begun.stage, image.sha256.map(Digest), begun.total, begun.source) {
            (Stage::Done(digest), ..) => {
                self.here(digest, image.created).await.map_err(|error| Unavailable::Disk(error.to_string()))
            }
            (Stage::Failed(failure), ..) => Err(Unavailable::NotFetched(failure)),
            (_, Some(digest), Some(total), Some(source)) if total > 0 => {
                Ok(Content::arriving((digest, total, image.created), &source, progress, begun.revision))
            }
            _ => Err(Unavailable::Arriving),
        }
    }

    /// Begins to fetch an image that is not here, if it may be, and lets an earlier failure be.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn begin_fetch(&self, image: &Firmware) -> Result<(), Unavailable> {
        if self.has(image) {
            return Ok(());
        }
        self.0.upstream.forgive(image.id);
        self.fetch(image).map(drop)
    }

    /// Has an image fetched that is not here, unless that has failed not long ago. What came of it shows in
    /// [`Library::whereabouts`].
    pub fn want(&self, image: &Firmware) {
        if let Err(why) = self.fetch(image) {
            tracing::debug!(image = image.path(), %why, "an image is wanted and cannot be had");
        }
    }

    /// Whether the bytes of an image are on the box.
    pub fn has(&self, image: &Firmware) -> bool {
        image.sha256.is_some_and(|digest| self.0.cache.size(Digest(digest)).is_some())
    }

    /// How the brand of an image numbers its releases, and what its phones take.
    pub fn images_of(&self, brand: &str) -> Option<&Images> {
        self.0.registry.brand(brand).and_then(|brand| brand.firmware.as_ref())
    }

    /// Where the bytes of an image are.
    pub fn whereabouts(&self, image: &Firmware) -> Whereabouts {
        if self.has(image) {
            return Whereabouts::Here;
        }
        match (self.0.upstream.progress(image.id), &image.source) {
            (Some(progress), _) => match progress.stage {
                Stage::Failed(failure) => {
                    Whereabouts::Failed { why: failure.to_string(), since: self.failing().get(&image.id).copied() }
                }
                _ => Whereabouts::Arriving { received: progress.received, total: progress.total },
            },
            (None, FirmwareSource::Url { .. }) => Whereabouts::Elsewhere,
            (None, FirmwareSource::Uploaded) => Whereabouts::Gone,
        }
    }

    /// Bytes that the files of all images take.
    pub fn used(&self) -> u64 {
        self.0.cache.used()
    }

    /// All images, oldest first.
    pub fn images(&self) -> Vec<Firmware> {
        self.0.store.firmwares()
    }

    /// Stores an image of the catalogue, new or changed.
    ///
    /// # Errors
    /// As the store's.
    pub async fn put(&self, firmware: Firmware, expect: Option<u64>) -> Result<(), store::Error> {
        self.0.store.commit(vec![Write::PutFirmware { firmware, expect }]).await?;
        self.reindex();
        Ok(())
    }

    /// Takes an image out of the catalogue, gives up its download, and takes its file off the box unless another image
    /// has the same bytes.
    ///
    /// # Errors
    /// As the store's.
    pub async fn remove(&self, image: &Firmware) -> Result<(), store::Error> {
        let delete = || self.0.store.commit(vec![Write::DeleteFirmware(image.id)]);
        match delete().await {
            Err(store::Error::DiskFull) => {
                // The file goes first: it is what the catalogue needs room of.
                if let Some(digest) = image.sha256.map(Digest) {
                    self.forget(digest, Some(image.id)).await;
                }
                delete().await?;
            }
            deleted => deleted?,
        }
        self.reindex();
        self.0.upstream.cancel(image.id);
        self.failing().remove(&image.id);
        self.record(None, Reason::FirmwareRemoved { release: image.release.clone() });
        if let Some(digest) = image.sha256.map(Digest) {
            self.forget(digest, None).await;
        }
        Ok(())
    }

    /// Removes a file that no image of the catalogue names, but for the one that is `going`.
    pub(super) async fn forget(&self, digest: Digest, going: Option<Id>) {
        if self.images().iter().all(|image| image.sha256 != Some(digest.0) || Some(image.id) == going) {
            let cache = self.0.cache.clone();
            let removed = tokio::task::spawn_blocking(move || cache.remove(digest)).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%digest, %error, "an image cannot be removed");
            }
        }
    }

    pub(super) fn record(&self, door: Option<Door>, reason: Reason) {
        let event = Event::new(self.0.clock.now().wall, door.unwrap_or(Door::Box), reason);
        self.0.journal.record(event);
    }

    fn fetch(&self, image: &Firmware) -> Result<tokio::sync::watch::Receiver<upstream::Progress>, Unavailable> {
        let FirmwareSource::Url { url, enabled } = &image.source else { return Err(Unavailable::Gone) };
        if !enabled {
            return Err(Unavailable::NotEnabled);
        }
        let room = {
            let library = self.clone();
            move |bytes, arrived| library.make_room(bytes, arrived).map_err(Failure::from)
        };
        let ended = {
            let (library, image) = (self.clone(), image.clone());
            move |outcome| async move { library.fetched(image, outcome).await }
        };
        Ok(self.0.upstream.fetch(image, url, &self.settings(), room, ended))
    }

    /// Notes how a download ended; the digest of an image that had none is that of what came first.
    async fn fetched(&self, image: Firmware, outcome: Result<(Digest, u64), Failure>) {
        let release = image.release.clone();
        let (digest, bytes) = match outcome {
            Ok(whole) => whole,
            Err(failure) => {
                tracing::warn!(image = image.path(), %failure, "an image could not be fetched");
                self.failing().entry(image.id).or_insert(self.0.clock.now().wall);
                return self.record(None, Reason::FirmwareNotFetched { release, why: failure.to_string() });
            }
        };
        self.failing().remove(&image.id);
        self.record(None, Reason::FirmwareFetched { release, bytes });
        let Some(now) = self.0.store.firmware(image.id) else { return self.forget(digest, None).await };
        if now.sha256.is_none() || now.size.is_none() {
            let version = now.version;
            let now = Firmware { sha256: Some(digest.0), size: Some(bytes), ..now };
            if let Err(error) = self.put(now, Some(version)).await {
                tracing::warn!(%error, "the digest of an image could not be stored");
            }
        }
    }

    async fn here(&self, digest: Digest, since: Timestamp) -> io::Result<Content> {
        let known = self.opened().get(&digest).and_then(Weak::upgrade);
        if let (Some(source), Some(length)) = (known, self.0.cache.size(digest)) {
            return Ok(Content::here(digest, length, since, &source));
        }
        let cache = self.0.cache.clone();
        let opened = tokio::task::spawn_blocking(move || cache.open_image(digest)).await;
        let (file, length) = opened.map_err(io::Error::other)??;
        let mut open = self.opened();
        open.retain(|_, source| source.strong_count() > 0);
        // Another may have opened it meanwhile: what it has read is worth sharing.
        let source = open.get(&digest).and_then(Weak::upgrade).unwrap_or_else(|| {
            let source = self.0.blocks.share(file);
            open.insert(digest, Arc::downgrade(&source));
            source
        });
        Ok(Content::here(digest, length, since, &source))
    }

    fn reindex(&self) {
        let mut names = Names::default();
        for image in self.0.store.firmwares() {
            names.paths.insert(image.path(), image.id);
            names.names.entry(image.name.to_ascii_lowercase()).or_default().push(image.id);
        }
        *self.names() = names;
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<Id, Timestamp>> {
        self.0.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<Digest, Weak<Source>>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
