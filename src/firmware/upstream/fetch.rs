//! One download, however many wait for it: tried again after a break, gone on with where it broke off, and good only
//! when its digest is.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::sync::watch;
use tokio::time::Instant;

use super::answer::read_head;
use super::client::Client;
use super::failure::Failure;
use super::part::{About, Part};
use crate::firmware::blocks::{Blocks, Source};
use crate::firmware::cache::{Cache, Promise};
use crate::firmware::digest::Digest;
use crate::firmware::pace::Pace;
use crate::model::Firmware;

/// Tries in a row that bring less than [`LEAST`], before a download is given up.
const TRIES: u32 = 5;
/// Wait before the first new try; doubled each time.
const PAUSE: Duration = Duration::from_millis(500);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(30);
/// Bytes that are to come while they are waited for so long: whoever sends less keeps others waiting.
const LEAST: u64 = 64 * 1024;
const LEAST_IN: Duration = Duration::from_secs(60);
/// Bytes that are gathered before they are written.
const GATHERED: usize = 256 * 1024;
/// What a file of unknown length may have.
const UNKNOWN: u64 = 256 << 20;

/// How far a download is.
#[derive(Clone)]
pub(in crate::firmware) struct Progress {
    pub(in crate::firmware) stage: Stage,
    /// Counts how often another revision made it begin anew.
    pub(in crate::firmware) revision: u32,
    /// Bytes that can be read.
    pub(in crate::firmware) received: u64,
    pub(in crate::firmware) total: Option<u64>,
    pub(in crate::firmware) source: Option<Arc<Source>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::firmware) enum Stage {
    /// No answer yet.
    Asking,
    /// Bytes come.
    Arriving,
    /// All are here, and good.
    Done(Digest),
    Failed(Failure),
}

impl Progress {
    pub(in crate::firmware) fn begin() -> Self {
        Self { stage: Stage::Asking, revision: 0, received: 0, total: None, source: None }
    }
}

/// Makes room for so many bytes, of which the second number are here already.
pub(super) type MakeRoom = Box<dyn Fn(u64, u64) -> Result<Promise, Failure> + Send + Sync>;

/// A download.
pub(super) struct Fetch {
    pub(super) client: Client,
    pub(super) cache: Cache,
    pub(super) blocks: Blocks,
    pub(super) image: Firmware,
    pub(super) url: String,
    pub(super) pace: Arc<Pace>,
    pub(super) rate: Option<u64>,
    pub(super) make_room: MakeRoom,
    pub(super) progress: watch::Sender<Progress>,
}

/// A download under way. The lock is held by what blocks on the disk, never over a wait.
struct Running<'a> {
    fetch: &'a Fetch,
    part: Arc<Mutex<Part>>,
    room: Option<Promise>,
}

impl Fetch {
    /// Runs to the end.
    pub(super) async fn run(&self) -> Result<(Digest, u64), Failure> {
        let (cache, blocks, image, url) = (self.cache.clone(), self.blocks.clone(), self.image.id, self.url.clone());
        let part = blocking(move || Part::open(&cache, &blocks, image, &url)).await?;
        let mut running = Running { fetch: self, part: Arc::new(Mutex::new(part)), room: None };
        loop {
            let inherited = running.part().inherited;
            let ended = match running.until_whole().await {
                Ok(()) => running.judge(),
                Err(failure) => Err(failure),
            };
            match ended {
                Ok(digest) => {
                    let cache = self.cache.clone();
                    let length = running
                        .on_disk(move |part| {
                            cache.take(&part.path, &part.file, digest)?;
                            part.arrived();
                            Ok(part.length)
                        })
                        .await?;
                    return Ok((digest, length));
                }
                // What an earlier process left may have suffered from a power cut.
                Err(Failure::WrongDigest { .. } | Failure::Length { .. }) if inherited => running.restart().await?,
                Err(failure) => {
                    if !failure.leaves_a_beginning() {
                        running.part().discard();
                    }
                    return Err(failure);
                }
            }
        }
    }
}

impl Running<'_> {
    /// Whether the bytes are those that the catalogue names.
    fn judge(&self) -> Result<Digest, Failure> {
        let (part, image) = (self.part(), &self.fetch.image);
        if let Some(expected) = image.size.filter(|size| *size != part.length) {
            return Err(Failure::Length { expected, found: part.length });
        }
        let found = part.digest();
        match image.sha256.map(Digest).filter(|expected| *expected != found) {
            Some(expected) => Err(Failure::WrongDigest { expected, found }),
            None => Ok(found),
        }
    }

    /// Asks again and again until all bytes are there.
    async fn until_whole(&mut self) -> Result<(), Failure> {
        let (mut tries, mut pause) = (0, PAUSE);
        loop {
            let before = self.part().length;
            let Err(failure) = self.attempt().await else { return Ok(()) };
            let after = self.part().length;
            if after >= before + LEAST {
                (tries, pause) = (0, PAUSE);
            }
            tries += 1;
            if !failure.passes() || tries >= TRIES {
                return Err(failure);
            }
            tracing::debug!(url = self.fetch.url, %failure, at = after, "a download broke off");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn attempt(&mut self) -> Result<(), Failure> {
        let (length, about) = {
            let part = self.part();
            (part.length, part.about.clone())
        };
        if about.as_ref().is_some_and(|about| about.total == Some(length)) {
            self.make_room(length)?;
            self.publish(Some(length), false);
            return Ok(());
        }
        let about = about.filter(|_| length > 0);
        let from = about.as_ref().map(|about| (length, about.validator.as_str()));
        let response = self.fetch.client.get(&self.fetch.url, from).await?;
        let answered = read_head(&response, about.as_ref().map(|about| (length, about)))?;
        let Some(answered) = answered else {
            // It does not know what it promised before.
            self.restart().await?;
            return Err(Failure::broken(&"it cannot go on where it broke off"));
        };
        let expected = self.fetch.image.size;
        let told = answered.total.is_some() || answered.chunked;
        if !told && expected.is_none() && self.fetch.image.sha256.is_none() {
            return Err(Failure::Unbounded);
        }
        if let (Some(expected), Some(found)) = (expected, answered.total)
            && expected != found
        {
            return Err(Failure::Length { expected, found });
        }
        let most = answered.total.or(expected).unwrap_or(UNKNOWN);
        if most > Firmware::LARGEST {
            return Err(Failure::TooLarge { most: Firmware::LARGEST });
        }
        self.make_room(most)?;
        if answered.from == 0 && length > 0 {
            self.restart().await?;
        }
        if let Some(validator) = answered.validator {
            let about = About { url: self.fetch.url.clone(), validator, total: answered.total };
            self.on_disk(move |part| part.remember(about)).await?;
        }
        self.publish(answered.total.or(expected), false);
        self.read_body(response.into_body(), answered.total, most).await
    }

    async fn read_body(&mut self, mut body: Incoming, total: Option<u64>, most: u64) -> Result<(), Failure> {
        let (mut gathered, mut size, mut length) = (Vec::new(), 0, self.part().length);
        // Only what is waited for the other side counts: our own rate and our disk are not its fault.
        let (mut waited, mut from) = (Duration::ZERO, length);
        let ended = loop {
            let since = Instant::now();
            let frame = match tokio::time::timeout(SILENCE, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => break Err(Failure::broken(&error)),
                Ok(None) => break Ok(()),
                Err(_) => break Err(Failure::broken(&"nothing came for 30 seconds")),
            };
            waited += since.elapsed();
            if waited >= LEAST_IN {
                if length - from < LEAST {
                    break Err(Failure::Slow { least: LEAST });
                }
                (waited, from) = (Duration::ZERO, length);
            }
            let Ok(bytes) = frame.into_data() else { continue };
            self.fetch.pace.take(bytes.len(), self.fetch.rate).await;
            length += bytes.len() as u64;
            if length > most {
                return Err(Failure::Length { expected: most, found: length });
            }
            size += bytes.len();
            gathered.push(bytes);
            if size >= GATHERED {
                self.write(std::mem::take(&mut gathered)).await?;
                size = 0;
            }
        };
        self.write(gathered).await?;
        ended?;
        match total {
            Some(total) if length < total => Err(Failure::broken(&"it ended early")),
            _ => Ok(()),
        }
    }

    async fn write(&mut self, pieces: Vec<Bytes>) -> Result<(), Failure> {
        self.on_disk(move |part| part.append(&pieces)).await?;
        let length = self.part().length;
        self.room.iter_mut().for_each(|room| room.holds(length));
        self.fetch.progress.send_modify(|progress| progress.received = length);
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        let blocks = self.fetch.blocks.clone();
        self.on_disk(move |part| part.restart(&blocks)).await?;
        self.room.iter_mut().for_each(|room| room.holds(0));
        self.publish(None, true);
        Ok(())
    }

    /// Makes room for so many bytes in all. Each answer may name another length.
    fn make_room(&mut self, bytes: u64) -> Result<(), Failure> {
        let length = self.part().length;
        match &mut self.room {
            None => self.room = Some((self.fetch.make_room)(bytes, length)?),
            Some(room) if room.bytes() < bytes => {
                let more = bytes - room.bytes();
                room.add((self.fetch.make_room)(more, 0)?);
                room.holds(length);
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Lets those who wait read along.
    fn publish(&self, total: Option<u64>, anew: bool) {
        let (source, received) = {
            let part = self.part();
            (Arc::clone(&part.source), part.length)
        };
        self.fetch.progress.send_modify(|progress| {
            // Whoever was told another length must not take these bytes for the whole.
            let longer = progress.total.is_some() && progress.total != total;
            *progress = Progress {
                stage: if anew { Stage::Asking } else { Stage::Arriving },
                revision: progress.revision + u32::from(anew || longer),
                received,
                total,
                source: Some(source),
            };
        });
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Part) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let part = Arc::clone(&self.part);
        blocking(move || work(&mut part.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    fn part(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::disk(&error))?;
    done.map_err(|error| Failure::disk(&error))
}
