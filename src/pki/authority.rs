use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize,
    SerialNumber,
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificates::Kind;
use super::keyfile::{self, Content};
use super::{Error, Fingerprint};
use crate::model::Timestamp;
use crate::sys::{files, random};

/// The box's certificate authority: one RSA root that every phone holds a copy of.
pub struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    not_before: Timestamp,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// File of the root, key and certificate in one, below the directory given to [`Authority::open`].
    pub const FILE: &'static str = "root.pem";
    /// How far before the build date the root begins: phones boot with clocks that are slow.
    const HEAD_START: Duration = Duration::from_secs(365 * 86_400);

    /// Reads the root from `directory`, or makes one there when there never was one.
    ///
    /// `built` is the date of the program, which the first day of a new root is counted from: the clock may be wrong.
    /// A new key takes a tenth of a second, or seconds on a small box; this blocks.
    ///
    /// # Errors
    /// A root that is damaged, or gone while certificates under it are there, is reported and never replaced. The
    /// disk may fail.
    pub fn open(directory: &Path, built: Timestamp) -> Result<Self, Error> {
        let path = directory.join(Self::FILE);
        match keyfile::read(&path)? {
            Content::Whole(found) => Self::read(&found).map_err(|what| Error::RootDamaged { path, what }),
            Content::Damaged(what) => Err(Error::RootDamaged { path, what }),
            Content::Missing => {
                for leaf in Kind::ALL.map(|kind| directory.join(kind.file())) {
                    if leaf.symlink_metadata().is_ok() {
                        return Err(Error::RootMissing { path, leaf });
                    }
                }
                Self::make(directory, &path, built)
            }
        }
    }

    /// SHA-256 over the root certificate in a file that holds a whole root: key and certificate that belong together.
    pub fn fingerprint_of(pem: &[u8]) -> Option<Fingerprint> {
        let found = keyfile::of_text(pem).ok()?;
        Self::read(&found).ok().map(|root| root.fingerprint())
    }

    /// The root certificate as PEM, as phones fetch it.
    pub fn root_pem(&self) -> &str {
        &self.pem
    }

    /// The root certificate as DER.
    pub fn root_der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 over the root certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// Since when the root is valid.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when the root is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// Whether `certificate` carries this root's name as issuer and its signature.
    pub(super) fn signed(&self, certificate: &X509Certificate<'_>) -> bool {
        X509Certificate::from_der(&self.der).is_ok_and(|(_, root)| {
            certificate.issuer() == root.subject() && certificate.verify_signature(Some(root.public_key())).is_ok()
        })
    }

    fn make(directory: &Path, path: &Path, built: Timestamp) -> Result<Self, Error> {
        const WHAT: &str = "the certificate authority";
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(Error::make(WHAT))?;
        let mut root = CertificateParams::default();
        let [a, b, c, d] = random::bytes();
        let name = format!("Block66 {:08x}", u32::from_be_bytes([a, b, c, d]));
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        root.serial_number = Some(serial());
        let day = 86_400_000;
        let begin = built.millis() - i64::try_from(Self::HEAD_START.as_millis()).unwrap_or_default();
        root.not_before = calendar(Timestamp::from_millis(begin.div_euclid(day) * day));
        root.not_after = calendar(Timestamp::LAST);
        let certificate = root.self_signed(&key).map_err(Error::make(WHAT))?;
        files::create_private_directory(directory).map_err(Error::disk("make", directory))?;
        keyfile::write(path, &key, &certificate.pem())?;
        match keyfile::read(path)? {
            Content::Whole(found) => Self::read(&found),
            Content::Damaged(what) => Err(what),
            Content::Missing => Err("it vanished".into()),
        }
        .map_err(|what| Error::RootDamaged { path: PathBuf::from(path), what })
    }

    fn read(found: &keyfile::KeyAndCertificate) -> Result<Self, String> {
        let (rest, root) =
            X509Certificate::from_der(&found.certificate).map_err(|e| format!("its certificate: {e}"))?;
        if !rest.is_empty() {
            return Err("bytes follow its certificate".into());
        }
        if !root.is_ca() {
            return Err("its certificate is not an authority's".into());
        }
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&found.key, &PKCS_RSA_SHA256)
            .map_err(|e| format!("its private key: {e}"))?;
        if rcgen::PublicKeyData::der_bytes(&key) != root.public_key().subject_public_key.data.as_ref() {
            return Err("its private key and its certificate do not belong together".into());
        }
        if root.verify_signature(None).is_err() {
            return Err("its certificate does not bear its own signature".into());
        }
        let not_before = Timestamp::from_secs(root.validity().not_before.timestamp());
        let not_after = Timestamp::from_secs(root.validity().not_after.timestamp());
        let issuer = Issuer::from_ca_cert_der(&found.certificate, key).map_err(|e| format!("its certificate: {e}"))?;
        let pem = pem(&found.certificate);
        Ok(Self { pem, der: found.certificate.clone(), not_before, not_after, issuer })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

/// A random serial number: positive and 16 octets long (RFC 5280 section 4.1.2.2 allows 20).
pub(super) fn serial() -> SerialNumber {
    let mut bytes: [u8; 16] = random::bytes();
    let [first, ..] = &mut bytes;
    *first = *first & 0x3f | 0x40;
    SerialNumber::from_slice(&bytes)
}

/// A time for a certificate. Only times that are far beyond the calendar fall back on 1970.
pub(super) fn calendar(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// The textual form of a certificate (RFC 7468).
fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, letter) in text.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const BUILT: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn parsed(authority: &Authority) -> X509Certificate<'_> {
        X509Certificate::from_der(authority.root_der()).unwrap().1
    }

    #[test]
    fn the_root_is_what_phones_accept() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open(directory.path(), BUILT).unwrap();
        let root = parsed(&authority);
        assert_eq!(root.version().0, 2, "X.509 version 3 is written as 2");
        let constraints = root.basic_constraints().unwrap().unwrap().value;
        assert!(constraints.ca);
        assert_eq!(constraints.path_len_constraint, Some(0));
        let usage = root.key_usage().unwrap().unwrap().value;
        assert_eq!(usage.flags, 0b110_0000, "keyCertSign and cRLSign alone");
        assert_eq!(root.signature_algorithm.algorithm.to_id_string(), "1.2.840.113549.1.1.11", "RSA with SHA-256");
        // 1,790,000,000 is 2026-09-21T14:13:20Z; a year of 365 days before, from midnight on.
        assert_eq!(authority.not_before().to_string(), "2025-09-21T00:00:00Z");
        assert_eq!(authority.not_after().to_string(), "2038-01-18T23:59:59Z");
        assert!(root.subject().to_string().starts_with("CN=Block66 "));
        assert!(root.extensions().iter().any(|e| e.oid.to_id_string() == "2.5.29.14"), "subject key identifier");
        assert_eq!(root.raw_serial().len(), 16);
        let mode = fs::metadata(directory.path().join(Authority::FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn it_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::open(directory.path(), BUILT).unwrap();
        let second = Authority::open(directory.path(), Timestamp::default()).unwrap();
        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!(first.root_pem(), second.root_pem());
        let other = tempfile::tempdir().unwrap();
        let other = Authority::open(other.path(), BUILT).unwrap();
        assert_ne!(parsed(&first).raw_serial(), parsed(&other).raw_serial());
        assert_ne!(first.fingerprint(), other.fingerprint());
    }

    #[test]
    fn a_damaged_root_is_named_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(Authority::FILE);
        Authority::open(directory.path(), BUILT).unwrap();
        let whole = fs::read(&path).unwrap();
        let other = tempfile::tempdir().unwrap();
        Authority::open(other.path(), BUILT).unwrap();
        let stranger = fs::read(other.path().join(Authority::FILE)).unwrap();
        let split = |text: &[u8]| {
            let text = String::from_utf8(text.to_vec()).unwrap();
            let at = text.find("-----BEGIN CERTIFICATE").unwrap();
            (text[..at].to_owned(), text[at..].to_owned())
        };
        let mixed = split(&whole).0 + &split(&stranger).1;
        let mut damaged: Vec<Vec<u8>> = (0..whole.len()).step_by(97).map(|cut| whole[..cut].to_vec()).collect();
        damaged.push(vec![0; whole.len()]);
        damaged.push(mixed.into_bytes());
        damaged.push(split(&whole).1.into_bytes());
        for content in damaged {
            fs::write(&path, &content).unwrap();
            let error = Authority::open(directory.path(), BUILT).unwrap_err();
            assert!(matches!(error, Error::RootDamaged { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(path.to_str().unwrap()) && text.contains("backup"), "{text}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        fs::write(&path, &whole).unwrap();
        assert!(Authority::open(directory.path(), BUILT).is_ok());
    }

    #[test]
    fn a_lost_root_is_not_made_anew_under_the_phones() {
        let directory = tempfile::tempdir().unwrap();
        let leaf = directory.path().join(Kind::Rsa.file());
        fs::write(&leaf, "made by the root that is gone").unwrap();
        let error = Authority::open(directory.path(), BUILT).unwrap_err();
        assert!(matches!(error, Error::RootMissing { .. }));
        assert!(!directory.path().join(Authority::FILE).exists());
        fs::remove_file(leaf).unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join(Authority::FILE)).unwrap();
        assert!(matches!(Authority::open(directory.path(), BUILT), Err(Error::RootDamaged { .. })));
    }

    #[test]
    fn a_power_cut_while_it_is_made_leaves_nothing_in_its_way() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("root.pem.new"), "-----BEGIN PRI").unwrap();
        assert!(Authority::open(directory.path(), BUILT).is_ok());
    }

    #[test]
    fn a_key_that_others_could_read_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(Authority::FILE);
        Authority::open(directory.path(), BUILT).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Authority::open(directory.path(), BUILT).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
