//! Images that an administrator brings.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};
use hyper::body::Bytes;

use super::cache::{self, NoRoom, Promise};
use super::digest::Digest;
use super::library::Library;
use crate::brands::Registry;
use crate::model::{Door, Firmware, FirmwareSource, Reason};
use crate::store;
use crate::sys::random;

/// What an administrator says of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Folder name of the brand.
    pub brand: String,
    /// The models that it is for; none means all of the brand.
    pub models: Vec<String>,
    /// The release in it.
    pub release: String,
    /// Its file name.
    pub name: String,
    /// What its SHA-256 must be.
    pub sha256: Option<Digest>,
    /// How many bytes it must have.
    pub size: Option<u64>,
    /// The oldest release that can be updated to it at once.
    pub needs: Option<String>,
    /// What an administrator should know of it.
    pub notes: String,
    /// Whether it stays on the box whatever else needs the room.
    pub pinned: bool,
}

/// Why an image is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What was said of it cannot be so.
    #[error("{what}")]
    Draft {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// It is larger than any image.
    #[error("it has more than {} bytes", Firmware::LARGEST)]
    TooLarge,
    /// It does not fit.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// It is empty.
    #[error("the file is empty")]
    Empty,
    /// It is not what it should be.
    #[error("its SHA-256 is {found}, and should be {expected}: it was damaged on the way, or is another file")]
    WrongDigest {
        /// What was said.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// It has another length than was said.
    #[error("it has {found} bytes, and should have {expected}")]
    WrongLength {
        /// What was said.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// The disk failed.
    #[error("it cannot be written: {0}")]
    Disk(#[from] io::Error),
    /// The catalogue refuses it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An image that is being brought. Dropped before its end, nothing stays of it.
pub struct Upload {
    library: Library,
    draft: Draft,
    path: PathBuf,
    file: Option<File>,
    digest: Context,
    length: u64,
    promise: Promise,
    done: bool,
}

impl Draft {
    /// Whether what was said can be so: known brand, names without tricks, a file name that phones of the brand take.
    ///
    /// # Errors
    /// The field that is wrong, and how.
    pub fn check(&self, registry: &Registry) -> Result<(), Refused> {
        let refuse = |field, what: String| Err(Refused::Draft { field, what });
        let brand = registry.brand(&self.brand);
        if brand.is_none() && !self.is_for_computers() {
            let known: Vec<&str> = registry.brands().map(|brand| brand.id.as_str()).collect();
            return refuse(
                "brand",
                format!("There is no brand \"{}\"; the brands are {}.", self.brand, known.join(", ")),
            );
        }
        if !is_plain(&self.name) || self.name.len() > Firmware::LONGEST_NAME {
            return refuse(
                "name",
                "A file name has letters, digits, dots, dashes, + and _, and begins with none of these marks.".into(),
            );
        }
        for (field, text) in [("version", Some(&self.release)), ("needs", self.needs.as_ref())] {
            if let Some(text) = text.filter(|text| !is_plain(text) || text.len() > 64) {
                return refuse(field, format!("\"{text}\" is no version: letters, digits, dots, dashes, + and _."));
            }
        }
        if self.models.iter().any(|model| model.is_empty() || model.len() > 64 || model.chars().any(char::is_control)) {
            return refuse("model", "A model has 1 to 64 characters.".into());
        }
        if self.notes.len() > 4000 {
            return refuse("notes", "Notes have at most 4000 characters.".into());
        }
        let Some(brand) = brand else { return Ok(()) };
        let Some(images) = &brand.firmware else {
            return refuse("brand", format!("It is not known yet how {} phones are updated.", brand.name));
        };
        if !images.takes(&self.name) {
            let names: Vec<&str> = images.names().collect();
            return refuse(
                "name",
                format!("{} phones take no file of this name; theirs are like {}.", brand.name, names.join(" or ")),
            );
        }
        Ok(())
    }

    /// Whether it is a program for computers, as softphones are, which no brand of phones takes.
    fn is_for_computers(&self) -> bool {
        const ENDINGS: [&str; 4] = [".exe", ".msi", ".dmg", ".pkg"];
        let name = self.name.to_ascii_lowercase();
        is_plain(&self.brand) && self.brand.len() <= 32 && ENDINGS.iter().any(|ending| name.ends_with(ending))
    }

    fn firmware(self, library: &Library, origin: crate::model::Id, source: FirmwareSource) -> Firmware {
        let now = library.0.clock.now().wall;
        Firmware {
            id: random::id(now),
            version: 0,
            origin,
            brand: self.brand,
            models: self.models,
            release: self.release,
            name: self.name,
            sha256: self.sha256.map(|digest| digest.0),
            size: self.size,
            source,
            needs: self.needs,
            notes: self.notes,
            pinned: self.pinned,
            created: now,
        }
    }
}

/// Letters, digits and few marks, beginning with a letter or digit: nothing that means anything to a file system or
/// URL.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
}

impl Library {
    /// Begins to take an image of about `expected` bytes.
    ///
    /// # Errors
    /// When it cannot be taken, whatever its bytes are.
    pub async fn upload(&self, draft: Draft, expected: Option<u64>) -> Result<Upload, Refused> {
        draft.check(&self.0.registry)?;
        let expected = expected.or(draft.size).unwrap_or(0);
        if expected > Firmware::LARGEST {
            return Err(Refused::TooLarge);
        }
        let path = self.0.cache.arriving(&format!("upload-{}", random::token(16)));
        let (library, place) = (self.clone(), path.clone());
        let made = tokio::task::spawn_blocking(move || {
            let promise = library.make_room(expected, 0)?;
            Ok::<_, Refused>((promise, cache::create(&place)?))
        });
        let (promise, file) = made.await.map_err(io::Error::other)??;
        let digest = Context::new(&SHA256);
        Ok(Upload { library: self.clone(), draft, path, file: Some(file), digest, length: 0, promise, done: false })
    }

    /// Puts an image into the catalogue whose bytes are to be fetched.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub async fn refer(
        &self,
        draft: Draft,
        (url, enabled): (String, bool),
        origin: crate::model::Id,
    ) -> Result<Firmware, Refused> {
        draft.check(&self.0.registry)?;
        if let Err(error) = super::upstream::check_url(&url) {
            return Err(Refused::Draft { field: "url", what: format!("{error}.") });
        }
        let firmware = draft.firmware(self, origin, FirmwareSource::Url { url, enabled });
        self.add(firmware).await
    }

    async fn add(&self, firmware: Firmware) -> Result<Firmware, Refused> {
        self.put(firmware.clone(), Some(0)).await?;
        self.record(Some(Door::Admin), Reason::FirmwareAdded { release: firmware.release.clone() });
        Ok(Firmware { version: 1, ..firmware })
    }
}

impl Upload {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they are too many, or cannot be written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Refused> {
        self.length += bytes.len() as u64;
        if self.length > Firmware::LARGEST {
            return Err(Refused::TooLarge);
        }
        if let Some(expected) = self.draft.size.filter(|size| self.length > *size) {
            return Err(Refused::WrongLength { expected, found: self.length });
        }
        let room = self.promise.bytes();
        if self.length > room {
            // It did not say how long it is: room is made as it comes.
            let (library, more) = (self.library.clone(), (self.length - room).max(8 << 20));
            let more =
                tokio::task::spawn_blocking(move || library.make_room(more, 0)).await.map_err(io::Error::other)??;
            self.promise.add(more);
        }
        self.digest.update(&bytes);
        let Some(mut file) = self.file.take() else { return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()) };
        let written = tokio::task::spawn_blocking(move || file.write_all(&bytes).map(|()| file)).await;
        self.file = Some(written.map_err(io::Error::other)??);
        self.promise.holds(self.length);
        Ok(())
    }

    /// All bytes are there: puts the image into the catalogue.
    ///
    /// # Errors
    /// When it is not what it should be, or the catalogue has one like it already.
    pub async fn finish(mut self, origin: crate::model::Id) -> Result<Firmware, Refused> {
        let digest = cache::finish(std::mem::replace(&mut self.digest, Context::new(&SHA256)));
        if self.length == 0 {
            return Err(Refused::Empty);
        }
        if let Some(expected) = self.draft.size.filter(|size| *size != self.length) {
            return Err(Refused::WrongLength { expected, found: self.length });
        }
        if let Some(expected) = self.draft.sha256.filter(|expected| *expected != digest) {
            return Err(Refused::WrongDigest { expected, found: digest });
        }
        let Some(file) = self.file.take() else { return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()) };
        let (cache, path) = (self.library.0.cache.clone(), self.path.clone());
        tokio::task::spawn_blocking(move || cache.take(&path, &file, digest)).await.map_err(io::Error::other)??;
        self.done = true;
        let draft = Draft { sha256: Some(digest), size: Some(self.length), ..self.draft.clone() };
        let library = self.library.clone();
        let firmware = draft.firmware(&library, origin, FirmwareSource::Uploaded);
        let added = library.add(firmware).await;
        if added.is_err() {
            library.forget(digest, None).await;
        }
        added
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.done {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
