//! Certificates of the company's own, for names of the box that its devices know already.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Error, Fingerprint};
use crate::model::{Secret, Timestamp};

/// What a certificate of the company's own says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFacts {
    /// DNS names that it is for, in lower case. It is shown to clients that ask for one of them.
    pub names: Vec<String>,
    /// Since when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// A certificate that an administrator gave to the box, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// SHA-256 of the certificate.
    pub sha256: Fingerprint,
    /// Its subject, or the DNS names that it is for.
    pub names: Vec<String>,
    /// Since when it is valid.
    pub not_before: Timestamp,
    /// Until when it is valid.
    pub not_after: Timestamp,
}

/// What a bundle of the company's own says: its certificate, those between it and its root, and its key in PEM.
///
/// # Errors
/// When it could not serve.
pub fn read_own(bundle: &Secret) -> Result<Given, Error> {
    let own = Own::read(bundle, &rustls::crypto::aws_lc_rs::default_provider())?;
    let OwnFacts { names, not_before, not_after } = own.facts;
    let leaf = own.key.cert.first().ok_or_else(|| Error::Unfit { what: "there is no certificate in it".into() })?;
    Ok(Given { sha256: Fingerprint::of(leaf), names, not_before, not_after })
}

/// One of them, ready for use.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) facts: OwnFacts,
    pub(super) key: Arc<CertifiedKey>,
}

impl Own {
    /// Reads a bundle of PEM: the certificate, those between it and its root, and its key.
    pub(super) fn read(bundle: &Secret, provider: &CryptoProvider) -> Result<Self, Error> {
        let unfit = |what: String| Error::Unfit { what };
        let text = bundle.expose().as_bytes();
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text)
            .collect::<Result<_, _>>()
            .map_err(|error| unfit(format!("a certificate in it: {error}")))?;
        let leaf = chain.first().ok_or_else(|| unfit("there is no certificate in it".into()))?;
        let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| unfit(format!("its key: {error}")))?;
        let facts = facts(leaf).map_err(unfit)?;
        let key = CertifiedKey::from_der(chain, key, provider)
            .map_err(|error| unfit(format!("key and certificate: {error}")))?;
        Ok(Self { facts, key: Arc::new(key) })
    }

    /// Whether it is for this name, as a client asks for it.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        self.facts.names.iter().any(|own| match own.strip_prefix("*.") {
            Some(parent) => name.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent),
            None => *own == name,
        })
    }
}

fn facts(leaf: &CertificateDer<'_>) -> Result<OwnFacts, String> {
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|error| format!("its certificate: {error}"))?;
    let alternative = leaf.subject_alternative_name().map_err(|error| format!("its names: {error}"))?;
    let names: Vec<String> = alternative
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) if name.parse::<IpAddr>().is_err() => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return Err("it is for no DNS name, so nobody would ever be shown it".into());
    }
    if leaf.is_ca() {
        return Err("it is the certificate of an authority, not of a server".into());
    }
    Ok(OwnFacts {
        names,
        not_before: Timestamp::from_secs(leaf.validity().not_before.timestamp()),
        not_after: Timestamp::from_secs(leaf.validity().not_after.timestamp()),
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;

    /// A bundle for these names.
    fn bundle(names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        (CertificateParams::new(names).unwrap().self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn read(text: String) -> Result<Own, String> {
        Own::read(&Secret::new(text), &default_provider()).map_err(|error| error.to_string())
    }

    #[test]
    fn is_shown_for_its_names() {
        let (certificate, key) = bundle(&["Phones.Example", "*.branch.example"]);
        let own = read(certificate + &key).unwrap();
        for name in ["phones.example", "PHONES.example.", "a.branch.example"] {
            assert!(own.is_for(name), "{name}");
        }
        for name in ["branch.example", "a.b.branch.example", ".branch.example", "example", ""] {
            assert!(!own.is_for(name), "{name}");
        }
    }

    #[test]
    fn what_cannot_serve_is_refused_with_what_is_wrong() {
        let (certificate, key) = bundle(&["phones.example"]);
        let (_, other) = bundle(&["phones.example"]);
        let (addressed, its_key) = bundle(&["10.66.0.1"]);
        for (text, said) in [
            (String::new(), "no certificate"),
            (key.clone(), "no certificate"),
            (certificate.clone(), "its key"),
            (certificate.clone() + &other, "key and certificate"),
            (addressed + &its_key, "no DNS name"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        }
    }
}
