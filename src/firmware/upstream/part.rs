//! A file on its way from outside: what has come of it, and what it takes to go on after a break.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};

use crate::firmware::blocks::{Blocks, Source};
use crate::firmware::cache::{self, Cache};
use crate::firmware::digest::Digest;
use crate::model::Id;
use crate::sys::files;

/// Bytes that are synced at a time, so that a power cut costs no more.
const SYNC_EVERY: u64 = 8 << 20;

/// What is known of the file that the bytes belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) url: String,
    /// A strong entity tag or a date, for `If-Range`.
    pub(super) validator: String,
    pub(super) total: Option<u64>,
}

/// A file on its way.
pub(super) struct Part {
    pub(super) path: PathBuf,
    about_path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) source: Arc<Source>,
    pub(super) about: Option<About>,
    pub(super) length: u64,
    synced: u64,
    digest: Context,
    /// Whether bytes of an earlier process are in it.
    pub(super) inherited: bool,
}

/// The names under which a download of this image stands among what is on its way.
pub(in crate::firmware) fn names(image: Id) -> [String; 2] {
    [format!("download-{image}"), format!("download-{image}.json")]
}

/// Whether a file of this name is one that came from outside.
pub(in crate::firmware) fn is_download(name: &str) -> bool {
    name.starts_with("download-")
}

impl Part {
    /// Opens what has come of `image` from `url` so far, or begins anew.
    pub(super) fn open(cache: &Cache, blocks: &Blocks, image: Id, url: &str) -> io::Result<Self> {
        let [path, about_path] = names(image).map(|name| cache.arriving(&name));
        let about = fs::read(&about_path).ok().and_then(|text| serde_json::from_slice::<About>(&text).ok());
        let about = about.filter(|about| about.url == url);
        let kept = about.and_then(|about| Some((about, File::options().read(true).write(true).open(&path).ok()?)));
        let mut digest = Context::new(&SHA256);
        let (file, about, length) = match kept {
            Some((about, mut file)) => {
                let length = cache::update_from(&mut file, &mut digest)?;
                (file, Some(about), length)
            }
            None => (cache::create(&path)?, None, 0),
        };
        let source = blocks.share(file.try_clone()?);
        let file = Arc::new(file);
        let inherited = length > 0;
        Ok(Self { path, about_path, file, source, about, length, synced: length, digest, inherited })
    }

    /// Lets go of what has come, in favour of another revision. Who reads the old one can go on reading it.
    pub(super) fn restart(&mut self, blocks: &Blocks) -> io::Result<()> {
        for path in [&self.path, &self.about_path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = cache::create(&self.path)?;
        self.source = blocks.share(file.try_clone()?);
        self.file = Arc::new(file);
        self.about = None;
        (self.length, self.synced, self.inherited) = (0, 0, false);
        self.digest = Context::new(&SHA256);
        Ok(())
    }

    /// Remembers what the bytes belong to, so that they are worth something after a restart.
    pub(super) fn remember(&mut self, about: About) -> io::Result<()> {
        if self.about.as_ref() != Some(&about) {
            let text = serde_json::to_vec(&about).map_err(io::Error::other)?;
            files::replace(&self.about_path, &text, 0o600)?;
            self.about = Some(about);
        }
        Ok(())
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        for piece in pieces {
            self.file.write_all_at(piece, self.length)?;
            self.digest.update(piece);
            self.length += piece.len() as u64;
        }
        if self.length - self.synced >= SYNC_EVERY {
            self.file.sync_data()?;
            self.synced = self.length;
        }
        Ok(())
    }

    /// The digest of what has come.
    pub(super) fn digest(&self) -> Digest {
        cache::finish(self.digest.clone())
    }

    /// Forgets what the bytes belonged to: the file itself has found its place.
    pub(super) fn arrived(&self) {
        let _ = fs::remove_file(&self.about_path);
    }

    /// Removes it.
    pub(super) fn discard(&self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.about_path);
    }
}
