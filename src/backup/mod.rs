//! Backups: everything that makes this box the one that its phones know, in one file under a passphrase.
//!
//! ```text
//!  store ── snapshots ─┐
//!  key · root.pem      ├─ Contents ── JSON ── AES-256-GCM under Argon2id(passphrase) ── file
//!  brands · resources ─┘                             header authenticated
//! ```
//!
//! A backup names no paths: what it holds are fields, and each is laid where it belongs by this program, so that no
//! file in it can end up anywhere else. It is taken whole or not at all: what is damaged, of a newer version or under
//! another passphrase is refused before anything is changed. A restore is laid out beside, and takes its place at the
//! next start ([`restore::apply`]); what was there before is kept as a backup of its own.
//!
//! Not in it: events, what phones sent up, images of firmware, and the files of the system around the box.

pub mod restore;
mod sealed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use sealed::{MOST, SHORTEST};

use crate::model::{Secret, Timestamp};
use crate::pki::Authority;
use crate::store::{self, Copied, Key, Store};
use crate::sys::hex;

/// Directory in the data directory in which backups are kept that the box made by itself.
pub const KEPT: &str = "backups";
/// Most bytes of pictures and sounds together: as text they take half of a backup, and leave the rest to all else.
pub const MOST_RESOURCES: u64 = 48 << 20;
/// Largest file of a brand folder, in bytes.
const LARGEST_TEMPLATE: usize = 256 << 10;
/// Brand folders' files, all together.
const MOST_TEMPLATES: usize = 64 * 128;

/// Why there is no backup, or why one cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something else.
    #[error("this is no backup of a Block66 box")]
    NotABackup,
    /// A newer program made it.
    #[error("a newer program made this backup (format {found}, this one knows {known}): update this box first")]
    Newer {
        /// Its format, or the schema of its documents.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// It is not what was written.
    #[error("this backup is damaged: {0}")]
    Damaged(String),
    /// The passphrase is another one.
    #[error("this is not the passphrase of this backup")]
    WrongPassphrase,
    /// The passphrase is too easily guessed.
    #[error("a passphrase has at least {SHORTEST} characters: whoever finds the file may guess for years")]
    ShortPassphrase,
    /// It is larger than any backup.
    #[error("a backup has at most {} MiB", MOST >> 20)]
    TooLarge,
    /// What is on the box fits into no backup.
    #[error("what is on this box does not fit into a backup, which has at most {} MiB", MOST >> 20)]
    Overfull,
    /// A file of a brand folder fits into no backup, so that a restore would lose it.
    #[error("{file} cannot be in a backup: {why}")]
    Brand {
        /// Its path in the data directory.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The disk or the store refuses.
    #[error("{0}")]
    System(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NewerSchema { found, known } => Self::Newer { found, known },
            error @ store::Error::Io { .. } => Self::System(error.to_string()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// When it was made.
    pub made: String,
    /// Name of the box.
    pub name: String,
    /// Version of the program that made it.
    pub version: String,
    /// Where phones know the box: `network: address/bits`.
    pub addresses: Vec<String>,
    /// Phones on the list.
    pub phones: usize,
    /// Organisations.
    pub organisations: usize,
    /// Leases.
    pub leases: usize,
    /// SHA-256 of the root certificate that phones trust.
    pub fingerprint: String,
}

/// Everything in a backup.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    about: About,
    store: Copied,
    /// The keys that the secrets in the store are sealed with, a line each.
    #[serde(with = "exposed")]
    key: Secret,
    /// Root certificate and its key, PEM.
    #[serde(with = "exposed")]
    root: Secret,
    /// By name of the brand and of the file.
    brands: BTreeMap<String, BTreeMap<String, String>>,
    /// By SHA-256, in base64.
    resources: BTreeMap<String, String>,
}

/// Secrets as they stand in the sealed part of a backup, which is the one place where they are written out.
mod exposed {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// Where a backup is made of.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The data directory.
    pub directory: PathBuf,
    /// The key that the service manager hands over, where it does.
    pub credential: Option<PathBuf>,
    /// The store.
    pub store: Store,
    /// Name of the box.
    pub name: String,
    /// Networks with the box's address there.
    pub addresses: Vec<String>,
}

/// A backup that was opened and found good.
pub struct Backup(Contents);

impl Ground {
    /// Makes a backup under a passphrase. Blocks, and takes half a second of work at least.
    ///
    /// # Errors
    /// The passphrase is too short, or something cannot be read.
    pub fn backup(&self, passphrase: &Secret, now: Timestamp) -> Result<Vec<u8>, Error> {
        sealed::check(passphrase)?;
        let contents = self.contents(now)?;
        let plain = Zeroizing::new(serde_json::to_vec(&contents).map_err(|e| Error::System(e.to_string()))?);
        drop(contents);
        sealed::seal(&plain, passphrase)
    }

    fn contents(&self, now: Timestamp) -> Result<Contents, Error> {
        let key = self.key()?;
        let root = Secret::new(std::fs::read_to_string(self.directory.join(Authority::FILE))?);
        let store = self.store.copied();
        let (brands_in, resources_in) = (self.directory.join("brands"), self.directory.join("resources"));
        // Before any of it is read: a box has less memory than its disk has room.
        let encoded = size_of(&resources_in)?.saturating_mul(4) / 3;
        if encoded.saturating_add(size_as_u64(store.size())) > size_as_u64(MOST) {
            return Err(Error::Overfull);
        }
        let facts = store.examine(&Key::of_text(key.expose()).ok_or_else(|| unreadable("the key"))?)?;
        let fingerprint = fingerprint(&root)?;
        let about = About {
            made: now.to_string(),
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            addresses: self.addresses.clone(),
            phones: facts.phones,
            organisations: facts.organisations,
            leases: facts.leases,
            fingerprint,
        };
        let (brands, resources) = (brands(&brands_in)?, resources(&resources_in)?);
        Ok(Contents { about, store, key, root, brands, resources })
    }

    /// The keys that seal and that open, each once.
    fn key(&self) -> Result<Secret, Error> {
        let own = self.directory.join(store::key::KEY_FILE);
        let mut lines = Zeroizing::new(String::new());
        for path in self.credential.iter().chain(Some(&own)).filter(|path| path.exists()) {
            let text = Zeroizing::new(std::fs::read_to_string(path)?);
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
                if !lines.contains(line) {
                    lines.push_str(line);
                    lines.push('\n');
                }
            }
        }
        Ok(Secret::new(lines.as_str()))
    }
}

impl Backup {
    /// Opens a backup. Blocks, and takes half a second of work at least.
    ///
    /// # Errors
    /// It cannot be used, and why.
    pub fn open(bytes: &[u8], passphrase: &Secret) -> Result<Self, Error> {
        let plain = sealed::open(bytes, passphrase)?;
        let contents: Contents = serde_json::from_slice(&plain).map_err(|e| Error::Damaged(e.to_string()))?;
        let key = Key::of_text(contents.key.expose()).ok_or_else(|| unreadable("the key"))?;
        contents.store.examine(&key)?;
        if fingerprint(&contents.root)? != contents.about.fingerprint {
            return Err(Error::Damaged("its root certificate is another one than it says".into()));
        }
        let mut count = 0;
        for (brand, files) in &contents.brands {
            count += files.len();
            let good = |(name, text): (&String, &String)| is_template(name) && text.len() <= LARGEST_TEMPLATE;
            if !is_brand(brand) || !files.iter().all(good) || count > MOST_TEMPLATES {
                return Err(Error::Damaged("a brand folder has a name or a size that none has".into()));
            }
        }
        for (name, bytes) in &contents.resources {
            if resource(name, bytes).is_none() {
                return Err(Error::Damaged("a picture or sound is not what its name says".into()));
            }
        }
        Ok(Self(contents))
    }

    /// What it says of itself.
    pub fn about(&self) -> &About {
        &self.0.about
    }
}

fn unreadable(what: &str) -> Error {
    Error::Damaged(format!("{what} in it cannot be read"))
}

fn fingerprint(root: &Secret) -> Result<String, Error> {
    let found = Authority::fingerprint_of(root.expose().as_bytes());
    found.map(|fingerprint| fingerprint.to_string()).ok_or_else(|| unreadable("the root certificate"))
}

/// Names of brands are those of their folders: small letters, digits and underscores.
pub(crate) fn is_brand(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Why a file of a brand folder that has another name is not in force, and in no backup.
pub(crate) const UNFIT_NAME: &str = "a name here has letters, digits, dots, - and _, 64 at most";

/// A file of a brand folder, as it may be called in a backup and is in force: its manifest, or a template.
pub(crate) fn is_template(name: &str) -> bool {
    let plain = |name: &str| {
        (1..=64).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
    };
    name == "brand.toml" || name.strip_prefix("templates/").is_some_and(plain)
}

/// The bytes of a resource, if they are those that its name says.
fn resource(name: &str, encoded: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(encoded).ok()?;
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    (hex::encode(sum.as_ref()) == name).then_some(bytes)
}

fn resources(directory: &Path) -> Result<BTreeMap<String, String>, Error> {
    let mut found = BTreeMap::new();
    for (name, path) in files_in(directory)? {
        let encoded = BASE64.encode(std::fs::read(path)?);
        // One that a torn write left behind is nobody's.
        if resource(&name, &encoded).is_some() {
            found.insert(name, encoded);
        }
    }
    Ok(found)
}

fn brands(directory: &Path) -> Result<BTreeMap<String, BTreeMap<String, String>>, Error> {
    let mut found = BTreeMap::new();
    let (mut count, mut size) = (0, 0);
    for entry in entries(directory)? {
        let Some(brand) = entry.file_name().to_str().filter(|name| is_brand(name)).map(str::to_owned) else { continue };
        let mut files = BTreeMap::new();
        let folders = [(entry.path(), ""), (entry.path().join("templates"), "templates/")];
        // What a link leads to is not the box's, and is not in force either.
        for (below, prefix) in folders.into_iter().take_while(|(below, _)| !below.is_symlink() && below.is_dir()) {
            for (name, path) in files_in(&below)? {
                // Notes and what editors leave are nobody's; all else would be gone after a restore.
                if name.starts_with('.') || prefix.is_empty() && name != "brand.toml" {
                    continue;
                }
                let name = format!("{prefix}{name}");
                let text = template(&name, &path)
                    .map_err(|why| Error::Brand { file: format!("brands/{brand}/{name}"), why })?;
                (count, size) = (count + 1, size + text.len());
                if count > MOST_TEMPLATES || size > MOST {
                    return Err(Error::Overfull);
                }
                files.insert(name, text);
            }
        }
        if !files.is_empty() {
            found.insert(brand, files);
        }
    }
    Ok(found)
}

/// The text of a file of a brand folder, if a backup can hold it.
fn template(name: &str, path: &Path) -> Result<String, String> {
    if !is_template(name) {
        return Err(UNFIT_NAME.into());
    }
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > size_as_u64(LARGEST_TEMPLATE) {
        return Err(format!("it is larger than {LARGEST_TEMPLATE} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// Bytes of the files of a directory.
fn size_of(directory: &Path) -> io::Result<u64> {
    files_in(directory)?.into_iter().map(|(_, path)| Ok(std::fs::metadata(path)?.len())).sum()
}

fn size_as_u64(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// The plain files of a directory, no links; none where there is no directory.
fn files_in(directory: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let plain = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let named = |entry: std::fs::DirEntry| Some((entry.file_name().to_str()?.to_owned(), entry.path()));
    Ok(entries(directory)?.into_iter().filter(plain).filter_map(named).collect())
}

fn entries(directory: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup").field("about", &self.0.about).finish_non_exhaustive()
    }
}
