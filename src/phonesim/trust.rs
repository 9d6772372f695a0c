//! Which certificates the phone believes.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Fault;
use super::clock::Clock;
use crate::sys::AnyCertificate;

/// Reads a CA file, PEM or DER \[facts\]: every certificate in it, as DER.
pub(super) fn read(url: &str, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let bad = || Fault::BadAuthority { url: url.into() };
    let found: Vec<Vec<u8>> = if bytes.first() == Some(&0x30) {
        vec![bytes.to_vec()]
    } else {
        let certificates = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>().map_err(|_| bad())?;
        certificates.into_iter().map(|certificate| certificate.to_vec()).collect()
    };
    if found.is_empty() || !found.iter().all(|der| is_authority(der)) {
        return Err(bad());
    }
    Ok(found)
}

fn is_authority(der: &[u8]) -> bool {
    let Ok(([], certificate)) = X509Certificate::from_der(der) else { return false };
    matches!(certificate.basic_constraints(), Ok(Some(constraints)) if constraints.value.ca)
}

/// The common name of a CA, for a sentence.
pub(super) fn name(der: &[u8]) -> String {
    let parsed = X509Certificate::from_der(der).ok();
    let name = parsed.as_ref().and_then(|(_, certificate)| {
        certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned)
    });
    name.unwrap_or_else(|| "a CA without a name".into())
}

/// TLS as the phone does it: version 1.2, no resumption, its own CAs alone, its own clock.
///
/// The factory's list of public CAs is left out: none of them signs for an address on a LAN.
pub(super) fn client(authorities: &[Vec<u8>], clock: Arc<Clock>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for der in authorities {
        roots.add(CertificateDer::from(der.clone()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_details(provider, clock)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(client))
}

/// TLS of a phone that takes any certificate.
pub(super) fn unchecked_client(clock: Arc<Clock>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_details(Arc::clone(&provider), clock)
        .with_protocol_versions(&[&rustls::version::TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(client))
}

/// A TLS failure in words.
pub(super) fn explain(error: &rustls::Error, host: &str, clock: &Clock, held: &[Vec<u8>]) -> Fault {
    let host = host.to_owned();
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return Fault::Tls { host, why: error.to_string() };
    };
    match certificate {
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Fault::NotYetValid { host, clock: clock.display() }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Fault::Expired { host, clock: clock.display() }
        }
        // A CA of the same name with another key, too.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            let names: Vec<String> = held.iter().map(|der| name(der)).collect();
            let held = if names.is_empty() { "it has no CA".into() } else { format!("it trusts {}", names.join(", ")) };
            Fault::UnknownAuthority { host, held }
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::WrongName { host }
        }
        other => Fault::Tls { host, why: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority(ca: bool) -> rcgen::Certificate {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "Branch CA");
        if ca {
            parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        }
        parameters.self_signed(&key).unwrap()
    }

    #[test]
    fn reads_pem_and_der() {
        let root = authority(true);
        let der = root.der().to_vec();
        assert_eq!(read("u", &der), Ok(vec![der.clone()]));
        let two = format!("{}\n{}", root.pem(), root.pem());
        assert_eq!(read("u", two.as_bytes()), Ok(vec![der.clone(), der.clone()]));
        assert_eq!(name(&der), "Branch CA");
    }

    #[test]
    fn what_is_no_ca_is_refused() {
        let leaf = authority(false);
        let mut torn = authority(true).der().to_vec();
        torn.truncate(torn.len() - 1);
        for bytes in [&b"<html>"[..], b"", leaf.pem().as_bytes(), leaf.der(), &torn] {
            assert_eq!(read("http://a/ca.pem", bytes), Err(Fault::BadAuthority { url: "http://a/ca.pem".into() }));
        }
    }
}
