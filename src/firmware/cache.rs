//! The files of images beside the store: each there whole, under its digest, or not at all.
//!
//! ```text
//!  <data>/firmware/images/<sha256>       whole and good
//!  <data>/firmware/arriving/<name>       on its way: an upload, or a download that goes on after a restart
//! ```
//!
//! What arrives is synced before it is renamed into its place, and the directory after. The first time that an image is
//! opened after a start it is read through and compared with its name: a disk that lies about what it has written is
//! found out before a phone is.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use aws_lc_rs::digest::{Context, SHA256};

use super::digest::Digest;
use crate::sys::files;

/// Bytes that are read at a time while an image is compared with its name.
const CHUNK: usize = 256 * 1024;

/// How much of the disk the cache may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of all images together.
    pub quota: u64,
    /// Bytes of the disk that stay free.
    pub reserve: u64,
}

/// Why something does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// What must stay, and what is to come, are more than the quota.
    #[error("it does not fit: {needed} bytes more are {over} over the quota, and nothing else can give way")]
    Quota {
        /// Bytes to come.
        needed: u64,
        /// Bytes by which they are too many.
        over: u64,
    },
    /// The disk would be too full.
    #[error("it does not fit: {needed} bytes more would leave less of the disk free than is kept in reserve")]
    Disk {
        /// Bytes to come.
        needed: u64,
    },
}

/// The files of images. Clones are handles of the same cache.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    images: PathBuf,
    arriving: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Digest, Kept>,
    /// Promised to what is on its way.
    promised: u64,
    /// How much of that is on the disk already.
    arrived: u64,
}

impl State {
    /// What is missing on a disk with so much `free` for all that is still to come and for so many more, if the reserve
    /// is to stay.
    fn short(&self, more: u64, reserve: u64, free: u64) -> u64 {
        let coming = self.promised.saturating_sub(self.arrived).saturating_add(more);
        reserve.saturating_add(coming).saturating_sub(free)
    }
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    size: u64,
    used: SystemTime,
    /// Whether it was compared with its name since the start.
    compared: bool,
}

/// Room for something on its way, given back when dropped.
#[derive(Debug)]
pub struct Promise {
    cache: Cache,
    bytes: u64,
    /// How much of it is on the disk already.
    arrived: u64,
}

impl Promise {
    /// How much it is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over another one of the same cache.
    pub fn add(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
        self.arrived += std::mem::take(&mut other.arrived);
    }

    /// So much of it is on the disk now: the room that it takes there is not to be kept free any more.
    pub fn holds(&mut self, arrived: u64) {
        let arrived = arrived.min(self.bytes);
        let mut state = self.cache.state();
        state.arrived = state.arrived.saturating_sub(self.arrived).saturating_add(arrived);
        drop(state);
        self.arrived = arrived;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut state = self.cache.state();
        state.promised = state.promised.saturating_sub(self.bytes);
        state.arrived = state.arrived.saturating_sub(self.arrived);
    }
}

impl Cache {
    /// Opens the cache below `directory`, or makes it.
    ///
    /// # Errors
    /// When the directories cannot be made or read.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let (images, arriving) = (directory.join("images"), directory.join("arriving"));
        for path in [directory, &images, &arriving] {
            files::create_private_directory(path)?;
        }
        let mut state = State::default();
        for entry in fs::read_dir(&images)? {
            let entry = entry?;
            let name = entry.file_name();
            let about = entry.metadata()?;
            match name.to_str().and_then(|name| name.parse().ok()) {
                Some(digest) if about.is_file() => {
                    let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    state.files.insert(digest, Kept { size: about.len(), used, compared: false });
                }
                _ => tracing::warn!(?name, "a file among the images is none"),
            }
        }
        Ok(Self(Arc::new(Inner { images, arriving, state: Mutex::new(state) })))
    }

    /// The size of an image that is here.
    pub fn size(&self, digest: Digest) -> Option<u64> {
        self.state().files.get(&digest).map(|kept| kept.size)
    }

    /// Bytes of all images that are here.
    pub fn used(&self) -> u64 {
        self.state().files.values().map(|kept| kept.size).sum()
    }

    /// Makes room for `bytes`, of which `arrived` are on the disk already. Images that `keep` does not name give way, the
    /// one that was used longest ago first.
    ///
    /// # Errors
    /// When too little can give way.
    pub fn promise(
        &self,
        (bytes, arrived): (u64, u64),
        room: Room,
        keep: impl Fn(Digest) -> bool,
    ) -> Result<Promise, NoRoom> {
        let mut state = self.state();
        let mut by_age: Vec<(SystemTime, Digest, u64)> = state
            .files
            .iter()
            .filter(|(digest, _)| !keep(**digest))
            .map(|(digest, kept)| (kept.used, *digest, kept.size))
            .collect();
        by_age.sort_unstable();
        let used: u64 = state.files.values().map(|kept| kept.size).sum();
        let wanted = used.saturating_add(state.promised).saturating_add(bytes);
        let over = wanted.saturating_sub(room.quota);
        let arrived = arrived.min(bytes);
        let short = state.short(bytes - arrived, room.reserve, self.free());
        let can: u64 = by_age.iter().map(|(_, _, size)| size).sum();
        if over > can {
            return Err(NoRoom::Quota { needed: bytes, over: over - can });
        }
        if short > can {
            return Err(NoRoom::Disk { needed: bytes });
        }
        let mut freed = 0;
        for (_, digest, size) in by_age {
            if freed >= over.max(short) {
                break;
            }
            tracing::info!(%digest, size, "an image gives way to another");
            if let Err(error) = fs::remove_file(self.path(digest)) {
                tracing::warn!(%digest, %error, "an image cannot be removed");
            }
            state.files.remove(&digest);
            freed += size;
        }
        state.promised += bytes;
        state.arrived += arrived;
        Ok(Promise { cache: self.clone(), bytes, arrived })
    }

    /// Where something on its way is kept. `name` is ours, never a client's.
    pub fn arriving(&self, name: &str) -> PathBuf {
        self.0.arriving.join(name)
    }

    /// Removes what was on its way and that `keep` does not name.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn forget_arriving(&self, keep: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.0.arriving)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(&keep) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Takes a file that has arrived whole, and whose digest was computed from its bytes.
    ///
    /// # Errors
    /// When it cannot be synced or renamed.
    pub fn take(&self, from: &Path, file: &File, digest: Digest) -> io::Result<()> {
        file.sync_all()?;
        let size = file.metadata()?.len();
        fs::rename(from, self.path(digest))?;
        files::sync_directory(&self.0.images)?;
        self.state().files.insert(digest, Kept { size, used: SystemTime::now(), compared: true });
        Ok(())
    }

    /// Opens an image for reading. Blocks while it is compared with its name for the first time.
    ///
    /// # Errors
    /// When it is not here, cannot be read, or is damaged; one that is damaged is removed.
    pub fn open_image(&self, digest: Digest) -> io::Result<(File, u64)> {
        let known = self.state().files.get(&digest).copied().ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(self.path(digest))?;
        if !known.compared {
            let found = digest_of(&mut file)?;
            if found != digest {
                tracing::error!(%digest, %found, "an image is damaged and is removed");
                self.remove(digest)?;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the image was damaged on the disk"));
            }
        }
        let used = SystemTime::now();
        let mut state = self.state();
        if let Some(kept) = state.files.get_mut(&digest) {
            kept.compared = true;
            // Once an hour is exact enough to tell what is used from what is not, and spares the disk.
            if used.duration_since(kept.used).is_ok_and(|age| age.as_secs() > 3600) {
                let _ = file.set_modified(used);
            }
            kept.used = used;
        }
        Ok((file, known.size))
    }

    /// Removes an image. One that is being read stays readable to the end.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, digest: Digest) -> io::Result<()> {
        self.state().files.remove(&digest);
        match fs::remove_file(self.path(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes every image that `keep` does not name.
    pub fn sweep(&self, keep: impl Fn(Digest) -> bool) {
        let gone: Vec<Digest> = self.state().files.keys().copied().filter(|digest| !keep(*digest)).collect();
        for digest in gone {
            if let Err(error) = self.remove(digest) {
                tracing::warn!(%digest, %error, "an image cannot be removed");
            }
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.0.images.join(digest.to_string())
    }

    /// Bytes of the disk that are free for us. Where that cannot be told, nothing is refused for it.
    fn free(&self) -> u64 {
        files::free(&self.0.images).unwrap_or(u64::MAX)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a file for something on its way, in place of whatever has the name.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// The digest of a file that was just opened.
fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut context = Context::new(&SHA256);
    update_from(file, &mut context)?;
    Ok(finish(context))
}

/// Puts all that follows in a file into a digest, and tells how much it was.
pub(super) fn update_from(file: &mut File, context: &mut Context) -> io::Result<u64> {
    let mut buffer = vec![0; CHUNK];
    let mut total = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(length) => {
                context.update(buffer.get(..length).unwrap_or_default());
                total += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The digest of what was put in.
pub(super) fn finish(context: Context) -> Digest {
    let mut octets = [0; 32];
    octets.copy_from_slice(context.finish().as_ref());
    Digest(octets)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const ALL: Room = Room { quota: u64::MAX, reserve: 0 };

    fn put(cache: &Cache, bytes: &[u8]) -> Digest {
        let path = cache.arriving("test");
        let mut file = create(&path).unwrap();
        file.write_all(bytes).unwrap();
        let mut context = Context::new(&SHA256);
        context.update(bytes);
        let digest = finish(context);
        cache.take(&path, &file, digest).unwrap();
        digest
    }

    #[test]
    fn keeps_images_over_restarts_and_finds_damage() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let (good, bad) = (put(&cache, b"good"), put(&cache, b"bad!"));
        fs::write(directory.path().join("images").join(bad.to_string()), b"baX!").unwrap();
        fs::write(directory.path().join("images/notes.txt"), b"").unwrap();

        let cache = Cache::open(directory.path()).unwrap();
        assert_eq!((cache.size(good), cache.used()), (Some(4), 8));
        let (mut file, size) = cache.open_image(good).unwrap();
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), size), ("good", 4));
        assert_eq!(cache.open_image(bad).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(cache.open_image(bad).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(cache.used(), 4);
    }

    #[test]
    fn the_one_used_longest_ago_gives_way_and_what_is_pinned_never_does() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let [pinned, old, new] = [b"aaaa", b"bbbb", b"cccc"].map(|bytes| put(&cache, bytes));
        for (digest, age) in [(pinned, 3), (old, 2), (new, 1)] {
            let used = SystemTime::now() - std::time::Duration::from_secs(age);
            cache.state().files.get_mut(&digest).unwrap().used = used;
        }
        let keep = |digest| digest == pinned;
        let room = Room { quota: 16, reserve: 0 };
        let promise = cache.promise((8, 0), room, keep).unwrap();
        assert_eq!([pinned, old, new].map(|digest| cache.size(digest).is_some()), [true, false, true]);
        assert_eq!(
            cache.promise((5, 0), room, keep).unwrap_err(),
            NoRoom::Quota { needed: 5, over: 1 },
            "what is promised counts"
        );
        assert!(cache.size(new).is_some(), "nothing gives way in vain");
        drop(promise);
        cache.promise((12, 0), room, keep).unwrap();
        assert!(cache.size(new).is_none());
        let full = Room { quota: u64::MAX, reserve: u64::MAX };
        assert_eq!(cache.promise((1, 0), full, keep).unwrap_err(), NoRoom::Disk { needed: 1 });
        cache.promise((1, 0), ALL, keep).unwrap();
    }

    #[test]
    fn what_has_arrived_takes_its_room_once() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let mut promise = cache.promise((800, 0), ALL, |_| true).unwrap();
        assert_eq!(cache.state().short(0, 100, 1000), 0);
        assert_eq!(cache.state().short(101, 100, 1000), 1);
        // 700 of it are on the disk, and so much less is free.
        promise.holds(700);
        assert_eq!(cache.state().short(100, 100, 300), 0);
        assert_eq!(cache.state().short(101, 100, 300), 1);
        promise.add(cache.promise((200, 0), ALL, |_| true).unwrap());
        promise.holds(900);
        assert_eq!((promise.bytes(), cache.state().short(0, 0, 99)), (1000, 1));
        promise.holds(0);
        assert_eq!(cache.state().short(0, 0, 999), 1, "it begins anew");
        drop(promise);
        let resumed = cache.promise((800, 700), ALL, |_| true).unwrap();
        assert_eq!(cache.state().short(0, 100, 200), 0, "what came before the start is there");
        drop(resumed);
        let State { promised, arrived, .. } = *cache.state();
        assert_eq!((promised, arrived), (0, 0));
    }

    #[test]
    fn what_was_on_its_way_is_forgotten_unless_it_can_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        for name in ["upload-1", "download-1"] {
            create(&cache.arriving(name)).unwrap();
        }
        cache.forget_arriving(|name| name.starts_with("download-")).unwrap();
        assert!(!cache.arriving("upload-1").exists() && cache.arriving("download-1").exists());
    }
}
