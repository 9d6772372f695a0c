//! A private key and its certificate in one file, so that no power cut can part them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::Error;
use crate::sys::files;

/// Longest file that is read. Ours have about 3 kB.
const LONGEST: u64 = 64 * 1024;

/// A key and the certificate over it, as found in a file. That they belong together is for the reader to check.
pub(super) struct KeyAndCertificate {
    pub(super) key: PrivatePkcs8KeyDer<'static>,
    pub(super) certificate: CertificateDer<'static>,
}

/// What stands at a path.
pub(super) enum Content {
    /// Nothing.
    Missing,
    /// Something that is no key with a certificate.
    Damaged(String),
    /// A key with a certificate.
    Whole(KeyAndCertificate),
}

/// Reads the file at `path`, and takes back any right of others to read it.
pub(super) fn read(path: &Path) -> Result<Content, Error> {
    let about = match fs::metadata(path) {
        // A dangling link is something that somebody made: not "nothing".
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match fs::symlink_metadata(path) {
                Ok(_) => Content::Damaged("it is a link to a file that is not there".into()),
                Err(_) => Content::Missing,
            });
        }
        other => other.map_err(Error::disk("read", path))?,
    };
    if !about.is_file() {
        return Ok(Content::Damaged("it is not a file".into()));
    }
    if about.len() > LONGEST {
        return Ok(Content::Damaged(format!("it is {} bytes long", about.len())));
    }
    if about.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read this key: its mode is set to 0600");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(Error::disk("protect", path))?;
    }
    let text = Zeroizing::new(fs::read(path).map_err(Error::disk("read", path))?);
    if text.is_empty() {
        return Ok(Content::Damaged("it is empty".into()));
    }
    Ok(of_text(&text).map_or_else(Content::Damaged, Content::Whole))
}

/// Reads key and certificate from the text of a file, or says what is wrong with it.
pub(super) fn of_text(text: &[u8]) -> Result<KeyAndCertificate, String> {
    let key =
        PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|error| format!("it holds no whole private key ({error})"))?;
    let certificate =
        CertificateDer::from_pem_slice(text).map_err(|error| format!("it holds no whole certificate ({error})"))?;
    Ok(KeyAndCertificate { key, certificate })
}

/// Writes key and certificate to `path`, whole or not at all, readable by the box alone.
pub(super) fn write(path: &Path, key: &KeyPair, certificate_pem: &str) -> Result<(), Error> {
    let key = Zeroizing::new(key.serialize_pem());
    let text = Zeroizing::new([key.as_str(), certificate_pem].concat());
    files::replace(path, text.as_bytes(), 0o600).map_err(Error::disk("write", path))
}
