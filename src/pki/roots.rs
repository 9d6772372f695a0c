//! Whom the box trusts when it asks others.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Where the certificates of the public authorities are on Linux systems.
const PUBLIC: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];

/// An authority that was given cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate authority of the settings cannot be read")]
pub struct Unreadable;

/// The public authorities, and those in `more` (PEM).
///
/// # Errors
/// When one of these cannot be read.
pub fn trusted(more: Option<&str>) -> Result<RootCertStore, Unreadable> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = PUBLIC.iter().find(|path| Path::new(path).exists())
        && let Ok(found) = CertificateDer::pem_file_iter(path)
    {
        roots.add_parsable_certificates(found.filter_map(Result::ok));
    }
    for certificate in CertificateDer::pem_slice_iter(more.unwrap_or_default().as_bytes()) {
        certificate.ok().and_then(|certificate| roots.add(certificate).ok()).ok_or(Unreadable)?;
    }
    Ok(roots)
}
