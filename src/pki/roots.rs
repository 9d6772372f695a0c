//! Whom the box trusts when it asks others.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Where the certificates of the public authorities are on Linux systems.
const PUBLIC: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];

/// TLS towards others cannot be set up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// An authority that was given cannot be read.
    #[error("a certificate authority of the settings cannot be read")]
    Unreadable,
    /// The TLS library refuses.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
}

/// TLS towards those whose certificates come from public authorities, or from those in `more` (PEM).
///
/// # Errors
/// When one of these cannot be read.
pub fn client(more: Option<&str>) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(tls.with_root_certificates(trusted(more)?).with_no_client_auth()))
}

fn trusted(more: Option<&str>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(more)?);
    Ok(roots)
}

/// The same authorities as certificates, for a library that makes its own TLS of them. Each can be trusted.
///
/// # Errors
/// When one of those in `more` cannot be read.
pub fn certificates(more: Option<&str>) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut found = Vec::new();
    if let Some(path) = PUBLIC.iter().find(|path| Path::new(path).exists())
        && let Ok(public) = CertificateDer::pem_file_iter(path)
    {
        found.extend(public.filter_map(Result::ok).filter(can_be_trusted));
    }
    for certificate in CertificateDer::pem_slice_iter(more.unwrap_or_default().as_bytes()) {
        found.push(certificate.ok().filter(can_be_trusted).ok_or(Error::Unreadable)?);
    }
    Ok(found)
}

fn can_be_trusted(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}
