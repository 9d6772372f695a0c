//! Which certificates of servers outside are believed.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Where the certificates of the public authorities are on Linux systems.
const PUBLIC: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];

/// The public authorities, and those in `more` (PEM).
///
/// # Errors
/// One of `more` cannot be read; as a sentence.
pub fn roots(more: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = PUBLIC.iter().find(|path| Path::new(path).exists())
        && let Ok(found) = CertificateDer::pem_file_iter(path)
    {
        roots.add_parsable_certificates(found.filter_map(Result::ok));
    }
    for certificate in CertificateDer::pem_slice_iter(more.unwrap_or_default().as_bytes()) {
        let added = certificate.map(|certificate| roots.add(certificate));
        if !matches!(added, Ok(Ok(()))) {
            return Err("a certificate authority of the settings cannot be read".into());
        }
    }
    Ok(roots)
}

/// TLS for a client that believes these and shows nothing of itself.
pub fn client(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // The versions of this provider are fixed: that there are some is certain.
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
    #[allow(clippy::expect_used, reason = "both versions are in the provider that is built in")]
    let builder = builder.expect("the provider has both versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
