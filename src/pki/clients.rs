//! Certificates that phones bring from the factory: asked for, never insisted on, and counted as evidence only when an
//! authority that an administrator gave to the box signed them.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::own::Given;
use super::{Error, Fingerprint};
use crate::model::{Mac, Timestamp};

/// The authorities whose certificates say which phone it is.
#[derive(Debug, Clone)]
pub(super) struct ClientAuthorities {
    /// Looks at chains; `None` without any authority.
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientAuthorities {
    pub(super) fn none(provider: &CryptoProvider) -> Self {
        Self { verifier: None, hints: Vec::new(), algorithms: provider.signature_verification_algorithms }
    }

    /// Those in these texts of PEM, each of which may hold several.
    pub(super) fn read(texts: &[String], provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for text in texts {
            for der in certificates(text)? {
                roots.add(der).map_err(|error| Error::Unfit { what: error.to_string() })?;
            }
        }
        if roots.is_empty() {
            return Ok(Self::none(provider));
        }
        let hints = roots.subjects();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| Error::Unfit { what: error.to_string() })?;
        Ok(Self { verifier: Some(verifier), hints, algorithms: provider.signature_verification_algorithms })
    }

    /// The MAC that a client has proven to be by its certificate.
    pub(super) fn mac(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Option<Mac> {
        let (leaf, others) = chain.split_first()?;
        let since_epoch = Duration::from_secs(u64::try_from(now.secs()).ok()?);
        if !proves_its_key(leaf) {
            return None;
        }
        self.verifier.as_ref()?.verify_client_cert(leaf, others, UnixTime::since_unix_epoch(since_epoch)).ok()?;
        let (_, leaf) = X509Certificate::from_der(leaf).ok()?;
        mac_in(leaf.subject().iter_attributes().filter_map(|attribute| attribute.as_str().ok()))
    }
}

/// Each of the authorities in a text of PEM, with what it says of itself.
///
/// # Errors
/// When one of them could not vouch for anybody.
pub fn read_authorities(text: &str) -> Result<Vec<Given>, Error> {
    let mut roots = RootCertStore::empty();
    let mut given = Vec::new();
    for der in certificates(text)? {
        let unfit = |what: String| Error::Unfit { what };
        let facts = {
            let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| unfit(error.to_string()))?;
            Given {
                sha256: Fingerprint::of(&der),
                names: vec![certificate.subject().to_string()],
                not_before: Timestamp::from_secs(certificate.validity().not_before.timestamp()),
                not_after: Timestamp::from_secs(certificate.validity().not_after.timestamp()),
            }
        };
        roots.add(der).map_err(|error| unfit(error.to_string()))?;
        given.push(facts);
    }
    Ok(given)
}

/// The certificates in a text of PEM, at least one.
fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Unfit { what: error.to_string() })?;
    if found.is_empty() {
        return Err(Error::Unfit { what: "there is no certificate in it".into() });
    }
    Ok(found)
}

/// Whether a signature by this certificate's key can be checked. Factories used keys that are too short by now; such a
/// phone gets in, and its certificate says nothing.
fn proves_its_key(leaf: &CertificateDer<'_>) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
    match leaf.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => (2048..=8192).contains(&key.key_size()),
        Ok(PublicKey::EC(key)) => matches!(key.key_size(), 256 | 384 | 521),
        _ => false,
    }
}

/// The one MAC that the values of a subject name: as it is, or with a word before it as in `SEP001122334455`. Two
/// different ones are none.
fn mac_in<'a>(values: impl Iterator<Item = &'a str>) -> Option<Mac> {
    let mut found = values.flat_map(|value| value.split([' ', ',', ';', '/', '='])).filter_map(mac_at_the_end);
    let mac = found.next()?;
    found.all(|other| other == mac).then_some(mac)
}

fn mac_at_the_end(word: &str) -> Option<Mac> {
    if let Ok(mac) = word.parse::<Mac>() {
        return Some(mac).filter(|mac| mac.is_unicast());
    }
    let (before, digits) = word.split_at_checked(word.len().checked_sub(12)?)?;
    let apart = before.chars().next_back().is_none_or(|c| !c.is_ascii_hexdigit());
    Mac::from_plain(digits).filter(|mac| apart && mac.is_unicast())
}

/// How the TLS library asks. Whatever comes is let in: what it proves is seen afterwards.
impl ClientCertVerifier for ClientAuthorities {
    fn offer_client_auth(&self) -> bool {
        self.verifier.is_some()
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match proves_its_key(leaf) {
            true => verify_tls12_signature(message, leaf, signed, &self.algorithms),
            false => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        match proves_its_key(leaf) {
            true => verify_tls13_signature(message, leaf, signed, &self.algorithms),
            false => Ok(HandshakeSignatureValid::assertion()),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0, 0x11, 0x22, 0x33, 0x44, 0x55]);

    #[test]
    fn a_subject_names_one_mac_or_none() {
        for values in [
            &["001122334455"][..],
            &["00:11:22:33:44:55"],
            &["Vendor, Inc.", "00-11-22-33-44-55"],
            &["CP-7965G-SEP001122334455", "Vendor"],
            &["001122334455", "SEP001122334455"],
            &["CP-8841-3PCC", "FCH1234ABCD", "001122334455"],
        ] {
            assert_eq!(mac_in(values.iter().copied()), Some(MAC), "{values:?}");
        }
        for values in [
            &[][..],
            &["Vendor Equipment Issuing CA"],
            &["001122334455", "001122334456"],
            &["a001122334455"],
            &["0011223344"],
            &["ffffffffffff"],
            &["\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"],
        ] {
            assert_eq!(mac_in(values.iter().copied()), None, "{values:?}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(ClientAuthorities::read(&[text.to_owned()], &provider).is_err(), "{text}");
        }
        assert!(!ClientAuthorities::read(&[], &provider).unwrap().offer_client_auth());
    }
}
