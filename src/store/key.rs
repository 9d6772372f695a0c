//! The key that secrets are encrypted with, and the form in which they are stored.
//!
//! A sealed secret is a text of three parts: the id of its key, and in base64 the nonce and the ciphertext with its
//! tag (AES-256-GCM, NIST SP 800-38D; nonces are random, and a box seals far fewer than 2^32 secrets with one key).
//! Its document and its field are authenticated with it: a ciphertext moved to another place does not open.
//!
//! The key file has one key a line, 64 hexadecimal digits each. The first one seals; all of them open. To change the
//! key, put a new line first: each document moves to it when it is stored next. While one is left that has not, a box
//! whose file has lost the old line does not start.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use zeroize::Zeroizing;

use super::{Error, STORE_DIRECTORY};
use crate::model::Secret;
use crate::sys::{files, hex, random};

/// Name of the key file in the data directory.
pub const KEY_FILE: &str = "key";

/// The keys that the secrets in the store are encrypted with. Clones share them.
#[derive(Clone)]
pub struct Key(Arc<Keys>);

struct Keys {
    sealing: Named,
    older: Vec<Named>,
}

struct Named {
    id: String,
    key: LessSafeKey,
}

/// Loads the key from the service manager's `credential` when there is one, else from the file `key` in the data
/// directory, which is made on the first start. With a credential, keys in that file open and do not seal; those that
/// the credential has are taken out of it.
///
/// # Errors
/// When the file cannot be read or is no key file, when others may read it, or when it is gone although there is
/// a store: a new key would open nothing in it.
pub fn load(directory: &Path, credential: Option<&Path>) -> Result<Key, Error> {
    let path = directory.join(KEY_FILE);
    if let Some(credential) = credential {
        take_out(&path, credential)?;
    }
    match (std::fs::metadata(&path), credential) {
        (Ok(metadata), _) if metadata.permissions().mode() & 0o077 != 0 => {
            Err(Error::Key { path, what: "others may read it: chmod 600 it, and think of its secrets as known".into() })
        }
        // A store that came with a backup was sealed with the keys of another box, which came along.
        (Ok(_), Some(credential)) => read(&[credential, &path]),
        (Ok(_), None) => read(&[&path]),
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("reading", &path, &error)),
        (Err(_), Some(credential)) => read(&[credential]),
        (Err(_), None) if directory.join(STORE_DIRECTORY).exists() => {
            Err(Error::Key { path, what: "it is gone, and the store cannot be read without it: put it back".into() })
        }
        (Err(_), None) => {
            files::create_private_directory(directory).map_err(|e| Error::io("making", directory, &e))?;
            let bytes = Zeroizing::new(random::bytes::<32>());
            let mut text = Zeroizing::new(String::with_capacity(65));
            for byte in bytes.iter() {
                text.push(hex_digit(byte >> 4));
                text.push(hex_digit(byte & 15));
            }
            text.push('\n');
            files::replace(&path, text.as_bytes(), 0o600).map_err(|e| Error::io("writing", &path, &e))?;
            Ok(Key::new(&bytes))
        }
    }
}

/// The lines of a key file that the `credential` lacks: all that may stand beside the data.
///
/// # Errors
/// When the credential cannot be read.
pub fn beyond(text: &str, credential: &Path) -> Result<Zeroizing<String>, Error> {
    let given = std::fs::read_to_string(credential).map(Zeroizing::new);
    let given = given.map_err(|e| Error::io("reading", credential, &e))?;
    let is_given = |line: &str| given.lines().any(|known| known.trim().eq_ignore_ascii_case(line));
    let mut left = Zeroizing::new(String::with_capacity(text.len() + 1));
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_given(line)) {
        left.push_str(line);
        left.push('\n');
    }
    Ok(left)
}

/// Takes out of the key file what the `credential` holds: beside the data it would open them on a stolen disk. A file
/// in which nothing is left goes.
fn take_out(file: &Path, credential: &Path) -> Result<(), Error> {
    let text = match std::fs::read_to_string(file).map(Zeroizing::new) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("reading", file, &error)),
    };
    let left = beyond(&text, credential)?;
    let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    if !left.is_empty() && lines(&left) == lines(&text) {
        return Ok(());
    }
    let taken_out = if left.is_empty() {
        std::fs::remove_file(file).and_then(|()| file.parent().map_or(Ok(()), files::sync_directory))
    } else {
        files::replace(file, left.as_bytes(), 0o600)
    };
    taken_out.map_err(|e| Error::io("writing", file, &e))
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

/// The keys in these files, the first one for sealing.
fn read(paths: &[&Path]) -> Result<Key, Error> {
    let mut all = Zeroizing::new(String::new());
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("reading", path, &e))?;
        let text = Zeroizing::new(text);
        if Key::of_text(&text).is_none() {
            return Err(Error::Key { path: (*path).into(), what: "expected 64 hexadecimal digits a line".into() });
        }
        all.push_str(&text);
        all.push('\n');
    }
    Key::of_text(&all).ok_or(Error::Key { path: PathBuf::new(), what: "there is none".into() })
}

fn parse(line: &str) -> Option<Zeroizing<[u8; 32]>> {
    if line.len() != 64 || !line.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, pair) in bytes.iter_mut().zip(line.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn named(bytes: &[u8; 32]) -> Option<Named> {
    let mut context = Zeroizing::new(b"block66 key id ".to_vec());
    context.extend_from_slice(bytes);
    let id = hex::encode(digest(&SHA256, &context).as_ref().get(..4)?);
    Some(Named { id, key: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).ok()?) })
}

impl Key {
    /// The keys in the text of a key file; `None` when it is none.
    pub fn of_text(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut keys = lines.map(|line| named(&*parse(line)?)).collect::<Option<Vec<_>>>()?.into_iter();
        Some(Self(Arc::new(Keys { sealing: keys.next()?, older: keys.collect() })))
    }

    /// The key made of these bytes, which must be random.
    ///
    /// # Panics
    /// Never: AES-256 takes any 32 bytes.
    #[allow(clippy::expect_used)]
    pub fn new(bytes: &[u8; 32]) -> Self {
        let sealing = named(bytes).expect("AES-256 takes any 32 bytes");
        Self(Arc::new(Keys { sealing, older: Vec::new() }))
    }

    /// Encrypts `secret` for one `field` of one `document`.
    pub(super) fn seal(&self, secret: &Secret, document: &str, field: &str) -> Result<String, Error> {
        let (id, bytes) = self.encrypt(secret.expose().as_bytes(), document, field)?;
        Ok(format!("{id}:{}", BASE64.encode(&*bytes)))
    }

    /// Encrypts bytes that stand in a file of their own: the id of the key, a colon, nonce and ciphertext.
    pub(crate) fn seal_bytes(&self, plain: &[u8], document: &str, field: &str) -> Result<Vec<u8>, Error> {
        let (id, bytes) = self.encrypt(plain, document, field)?;
        Ok([id.as_bytes(), b":", &bytes].concat())
    }

    /// Decrypts what [`Key::seal_bytes`] made for the same field of the same document.
    pub(crate) fn open_bytes(&self, sealed: &[u8], document: &str, field: &str) -> Result<Vec<u8>, Error> {
        let damaged = || Error::Unfit { what: format!("{field} of {document}"), why: "its ciphertext is damaged" };
        let colon = sealed.iter().position(|byte| *byte == b':').ok_or_else(damaged)?;
        let (id, rest) = sealed.split_at_checked(colon).ok_or_else(damaged)?;
        let id = std::str::from_utf8(id).map_err(|_| damaged())?;
        let mut bytes = rest.get(1..).ok_or_else(damaged)?.to_vec();
        self.decrypt(id, &mut bytes, document, field).map(<[u8]>::to_vec)
    }

    fn encrypt(&self, plain: &[u8], document: &str, field: &str) -> Result<(&str, Zeroizing<Vec<u8>>), Error> {
        let unfit = || Error::Unfit { what: format!("{field} of {document}"), why: "it cannot be encrypted" };
        let nonce = random::bytes::<NONCE_LEN>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len()));
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plain);
        let place = Aad::from(place(document, field));
        let plain = bytes.get_mut(NONCE_LEN..).ok_or_else(unfit)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.sealing.key.seal_in_place_separate_tag(nonce, place, plain).map_err(|_| unfit())?;
        bytes.extend_from_slice(tag.as_ref());
        Ok((&self.0.sealing.id, bytes))
    }

    fn decrypt<'b>(&self, id: &str, bytes: &'b mut [u8], document: &str, field: &str) -> Result<&'b [u8], Error> {
        let damaged = || Error::Unfit { what: format!("{field} of {document}"), why: "its ciphertext is damaged" };
        let keys = std::iter::once(&self.0.sealing).chain(&self.0.older);
        let Some(key) = keys.into_iter().find(|key| key.id == id) else {
            return Err(Error::WrongKey { wanted: id.chars().take(8).collect() });
        };
        let (nonce, rest) = bytes.split_first_chunk_mut::<NONCE_LEN>().ok_or_else(damaged)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key.key.open_in_place(nonce, Aad::from(place(document, field)), rest).map_err(|_| damaged())?;
        Ok(plain)
    }

    /// Whether the key that seals now has made this.
    pub(super) fn sealed(&self, sealed: &str) -> bool {
        sealed.split_once(':').is_some_and(|(id, _)| id == self.0.sealing.id)
    }

    /// Whether something in this record is sealed with a key that opens only.
    pub(super) fn is_needed_still(&self, record: &[u8]) -> bool {
        let text = std::str::from_utf8(record).unwrap_or_default();
        self.0.older.iter().any(|key| text.contains(&format!("{}:", key.id)))
    }

    /// Decrypts what [`Key::seal`] made for the same field of the same document.
    pub(super) fn open(&self, sealed: &str, document: &str, field: &str) -> Result<Secret, Error> {
        let damaged = || Error::Unfit { what: format!("{field} of {document}"), why: "its ciphertext is damaged" };
        let (id, text) = sealed.split_once(':').ok_or_else(damaged)?;
        let mut bytes = BASE64.decode(text).map_err(|_| damaged())?;
        let plain = self.decrypt(id, &mut bytes, document, field)?;
        let secret = std::str::from_utf8(plain).map(Secret::new).map_err(|_| damaged());
        zeroize::Zeroize::zeroize(&mut bytes);
        secret
    }
}

fn place(document: &str, field: &str) -> Vec<u8> {
    format!("{document}\0{field}").into_bytes()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.sealing.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_in_its_own_place() {
        let key = Key::new(&[7; 32]);
        let sealed = key.seal(&Secret::new("hunter2"), "phone 1", "login").unwrap();
        assert!(!sealed.contains("hunter2"));
        assert_ne!(sealed, key.seal(&Secret::new("hunter2"), "phone 1", "login").unwrap());
        assert_eq!(key.open(&sealed, "phone 1", "login").unwrap().expose(), "hunter2");
        assert!(matches!(key.open(&sealed, "phone 2", "login"), Err(Error::Unfit { .. })));
        assert!(matches!(key.open(&sealed, "phone 1", "pending"), Err(Error::Unfit { .. })));
        assert!(matches!(Key::new(&[8; 32]).open(&sealed, "phone 1", "login"), Err(Error::WrongKey { .. })));
        for bad in ["", "x", ":", &sealed[..20]] {
            assert!(key.open(bad, "phone 1", "login").is_err(), "{bad}");
        }
    }

    #[test]
    fn makes_a_private_file_once_and_reads_older_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEY_FILE);
        let sealed = load(directory.path(), None).unwrap().seal(&Secret::new("a"), "d", "f").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load(directory.path(), None).unwrap().open(&sealed, "d", "f").unwrap().expose(), "a");

        let rotated = format!("{}\n{}", "0f".repeat(32), std::fs::read_to_string(&path).unwrap());
        files::replace(&path, rotated.as_bytes(), 0o600).unwrap();
        let key = load(directory.path(), None).unwrap();
        assert_eq!(key.open(&sealed, "d", "f").unwrap().expose(), "a");
        assert_ne!(key.seal(&Secret::new("a"), "d", "f").unwrap().split(':').next(), sealed.split(':').next());

        let credential = directory.path().join("credential");
        std::fs::write(&credential, "f0".repeat(32)).unwrap();
        let given = load(directory.path(), Some(&credential)).unwrap();
        assert_eq!(given.open(&sealed, "d", "f").unwrap().expose(), "a", "keys in the file open");
        let own = given.seal(&Secret::new("a"), "d", "f").unwrap();
        std::fs::remove_file(&path).unwrap();
        let alone = load(directory.path(), Some(&credential)).unwrap();
        assert_eq!(alone.open(&own, "d", "f").unwrap().expose(), "a", "the credential seals");
        assert!(matches!(alone.open(&sealed, "d", "f"), Err(Error::WrongKey { .. })));
    }

    #[test]
    fn what_the_credential_holds_does_not_stay_beside_the_data() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEY_FILE);
        let credential = directory.path().join("credential");
        std::fs::write(&credential, format!("{}\n", "5a".repeat(32))).unwrap();
        let (given, other) = ("5A".repeat(32), "0f".repeat(32));
        for (text, left) in [
            (format!("{given}\n\n{other}"), Some(format!("{other}\n"))),
            (other.clone(), Some(other.clone())),
            (given, None),
            (String::new(), None),
        ] {
            files::replace(&path, text.as_bytes(), 0o600).unwrap();
            load(directory.path(), Some(&credential)).unwrap();
            assert_eq!(std::fs::read_to_string(&path).ok(), left, "{text}");
        }
    }

    #[test]
    fn refuses_a_file_that_is_open_to_others_broken_or_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEY_FILE);
        for bad in ["", "xyz", &"0g".repeat(32), &"00".repeat(31)] {
            files::replace(&path, bad.as_bytes(), 0o600).unwrap();
            assert!(matches!(load(directory.path(), None), Err(Error::Key { .. })), "{bad}");
        }
        files::replace(&path, "00".repeat(32).as_bytes(), 0o644).unwrap();
        let credential = directory.path().join("credential");
        std::fs::write(&credential, "f0".repeat(32)).unwrap();
        for given in [None, Some(credential.as_path())] {
            assert!(load(directory.path(), given).unwrap_err().to_string().contains("chmod 600"));
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(directory.path().join(STORE_DIRECTORY)).unwrap();
        assert!(load(directory.path(), None).unwrap_err().to_string().contains("put it back"));
        assert!(!path.exists());
    }
}
