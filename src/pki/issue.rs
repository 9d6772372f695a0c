//! Making a server certificate, and reading what one says.

use std::net::IpAddr;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::{calendar, serial};
use super::leaf::{Facts, validity};
use super::{Authority, Error, Names};
use crate::model::{Now, Timestamp};

/// Makes a leaf over `key` for canonical `names`, as PEM.
pub(super) fn issue(authority: &Authority, names: &Names, key: &KeyPair, now: Now) -> Result<String, Error> {
    const WHAT: &str = "a server certificate";
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name.push(DnType::CommonName, names.common_name.as_str());
    for name in &names.dns {
        let name = name.as_str().try_into().map_err(Error::make(WHAT))?;
        leaf.subject_alt_names.push(SanType::DnsName(name));
    }
    leaf.subject_alt_names.extend(names.addresses.iter().copied().map(SanType::IpAddress));
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if key.algorithm() == &rcgen::PKCS_RSA_SHA256 {
        // Old clients look for it on every RSA certificate, whatever the key exchange.
        leaf.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    leaf.serial_number = Some(serial());
    let (begin, end) = validity(now.wall, authority.not_before(), authority.not_after());
    leaf.not_before = calendar(begin);
    leaf.not_after = calendar(end);
    Ok(leaf.signed_by(key, authority.issuer()).map_err(Error::make(WHAT))?.pem())
}

/// Reads what a leaf says.
pub(super) fn facts(authority: &Authority, certificate: &CertificateDer<'_>) -> Result<Facts, String> {
    let (_, leaf) = X509Certificate::from_der(certificate).map_err(|e| format!("its certificate: {e}"))?;
    let common_name = leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    let mut names =
        Names { common_name: common_name.unwrap_or_default().to_owned(), dns: Vec::new(), addresses: Vec::new() };
    let alternative = leaf.subject_alternative_name().map_err(|e| format!("its names: {e}"))?;
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
            GeneralName::IPAddress(octets) => names.addresses.extend(address(octets)),
            _ => {}
        }
    }
    Ok(Facts {
        names,
        not_before: Timestamp::from_secs(leaf.validity().not_before.timestamp()),
        not_after: Timestamp::from_secs(leaf.validity().not_after.timestamp()),
        signed: authority.signed(&leaf),
    })
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}
