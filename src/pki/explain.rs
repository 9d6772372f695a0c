use std::io;

use rustls::{AlertDescription, Error, PeerIncompatible};

use crate::model::Reason;

/// Why a TLS handshake failed, in words for an administrator.
///
/// What the phone lacks is told apart from what it dislikes: the first needs another phone or another door, the
/// second usually needs our CA on the phone.
pub fn explain(error: &io::Error) -> Reason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(AlertDescription::UnknownCA)) => Reason::TlsUnknownCa,
        Some(Error::AlertReceived(alert)) => Reason::TlsFailed { what: refused(*alert) },
        Some(Error::PeerIncompatible(lack)) => Reason::TlsTooOld { what: lacks(lack) },
        Some(Error::InvalidMessage(_)) => Reason::TlsFailed { what: "what it sent is not TLS 1.2 or newer".into() },
        Some(other) => Reason::TlsFailed { what: other.to_string() },
        None => Reason::TlsFailed {
            what: match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    "it hung up in the middle".into()
                }
                io::ErrorKind::TimedOut => "it did not finish in time".into(),
                _ => error.to_string(),
            },
        },
    }
}

/// As [`explain`], for a client that began with these bytes: one that is too old is told by the version that it offers.
pub fn explain_after(error: &io::Error, beginning: &[u8]) -> Reason {
    match (explain(error), newest_offered(beginning)) {
        (Reason::TlsTooOld { .. } | Reason::TlsFailed { .. }, Some(version)) => {
            Reason::TlsTooOld { what: format!("it offers only {version}") }
        }
        (reason, _) => reason,
    }
}

/// The newest version in a greeting that offers nothing newer than TLS 1.1: the `client_version` of a ClientHello (RFC
/// 5246 section 7.4.1.2), in a record of its own or in the form of SSL 2 (RFC 5246 appendix E.2).
fn newest_offered(beginning: &[u8]) -> Option<&'static str> {
    let version = match beginning {
        [22, 3, _, _, _, 1, _, _, _, major, minor, ..] => (*major, *minor),
        [first, _, 1, major, minor, ..] if first & 0x80 != 0 => (*major, *minor),
        _ => return None,
    };
    match version {
        (0 | 2, _) => Some("SSL 2"),
        (3, 0) => Some("SSL 3"),
        (3, 1) => Some("TLS 1.0"),
        (3, 2) => Some("TLS 1.1"),
        _ => None,
    }
}

/// What a client lacks that this box cannot do without.
fn lacks(lack: &PeerIncompatible) -> String {
    match lack {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::SupportedVersionsExtensionRequired => "it offers neither TLS 1.2 nor TLS 1.3".into(),
        PeerIncompatible::NoCipherSuitesInCommon => {
            "it offers no cipher with forward secrecy and AES-GCM or ChaCha20".into()
        }
        PeerIncompatible::NoKxGroupsInCommon
        | PeerIncompatible::NamedGroupsExtensionRequired
        | PeerIncompatible::KeyShareExtensionRequired => {
            "it offers no key exchange with forward secrecy over a curve that is still safe".into()
        }
        PeerIncompatible::NoEcPointFormatsInCommon
        | PeerIncompatible::EcPointsExtensionRequired
        | PeerIncompatible::UncompressedEcPointsRequired => "it cannot read uncompressed curve points".into(),
        // Everything before TLS 1.2 ends here, since the list of schemes came with 1.2; so does the odd 1.2 without
        // one.
        PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "it offers neither TLS 1.3 nor TLS 1.2 with a choice of signatures".into()
        }
        PeerIncompatible::NoSignatureSchemesInCommon => "it knows no signature newer than SHA-1".into(),
        PeerIncompatible::NullCompressionRequired => "it insists on compression".into(),
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => "it does not know extended master secrets".into(),
        other => format!("{other:?}"),
    }
}

/// What a client says about us as it gives up (RFC 8446 section 6.2).
fn refused(alert: AlertDescription) -> String {
    let says = match alert {
        AlertDescription::BadCertificate => "the box's certificate is bad",
        AlertDescription::UnsupportedCertificate => "the box's certificate is of a kind it cannot use",
        AlertDescription::CertificateRevoked => "the box's certificate was revoked",
        AlertDescription::CertificateExpired => {
            "the box's certificate is not valid now; its clock, or the box's, is wrong"
        }
        AlertDescription::CertificateUnknown => {
            "the box's certificate is not acceptable, often because it was made for another name or address"
        }
        AlertDescription::HandshakeFailure => "it shares no way of encryption with the box",
        AlertDescription::ProtocolVersion => "it shares no version of TLS with the box",
        AlertDescription::DecryptError => "the box's signature does not verify",
        AlertDescription::UserCanceled | AlertDescription::CloseNotify => "it gave up of its own accord",
        other => return format!("the phone gave up with TLS alert {}", u8::from(other)),
    };
    format!("the phone says that {says} (TLS alert {})", u8::from(alert))
}

#[cfg(test)]
mod tests {
    use rustls::InvalidMessage;

    use super::*;

    fn told(error: Error) -> Reason {
        explain(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn tells_an_unknown_ca_from_other_complaints() {
        assert_eq!(told(Error::AlertReceived(AlertDescription::UnknownCA)), Reason::TlsUnknownCa);
        let expired = told(Error::AlertReceived(AlertDescription::CertificateExpired)).sentence();
        assert!(expired.contains("clock") && expired.contains("alert 45"), "{expired}");
        let other = told(Error::AlertReceived(AlertDescription::Unknown(200))).sentence();
        assert!(other.contains("alert 200"), "{other}");
    }

    #[test]
    fn an_old_greeting_is_told_by_its_version() {
        let refused =
            io::Error::new(io::ErrorKind::InvalidData, Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered));
        let told = |beginning: &[u8]| explain_after(&refused, beginning);
        let only = |version: &str| Reason::TlsTooOld { what: format!("it offers only {version}") };
        assert_eq!(told(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 1, 9, 9]), only("TLS 1.0"));
        assert_eq!(told(&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 2]), only("TLS 1.1"));
        assert_eq!(told(&[0x80, 0x2e, 1, 3, 1, 0, 0x15]), only("TLS 1.0"), "in the form of SSL 2");
        assert_eq!(told(&[0x80, 0x2e, 1, 0, 2, 0, 0x15]), only("SSL 2"));
        for newer in [&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &[22, 3, 1], b"GET / HTTP/1.1", b""] {
            assert_eq!(told(newer), explain(&refused), "{newer:?}");
        }
        let unknown_ca = io::Error::other(Error::AlertReceived(AlertDescription::UnknownCA));
        assert_eq!(explain_after(&unknown_ca, &[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 1]), Reason::TlsUnknownCa);
    }

    #[test]
    fn every_lack_has_words() {
        for lack in [
            PeerIncompatible::Tls12NotOffered,
            PeerIncompatible::NoCipherSuitesInCommon,
            PeerIncompatible::NoKxGroupsInCommon,
            PeerIncompatible::NoSignatureSchemesInCommon,
            PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            PeerIncompatible::NoEcPointFormatsInCommon,
            PeerIncompatible::NullCompressionRequired,
        ] {
            let name = format!("{lack:?}");
            let reason = told(Error::PeerIncompatible(lack));
            assert!(matches!(reason, Reason::TlsTooOld { .. }));
            assert!(!reason.sentence().contains(&name), "{}", reason.sentence());
        }
    }

    #[test]
    fn what_is_no_tls_is_no_old_tls() {
        let reason = told(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert_eq!(reason, Reason::TlsFailed { what: "what it sent is not TLS 1.2 or newer".into() });
        let reason = explain(&io::ErrorKind::UnexpectedEof.into());
        assert_eq!(reason, Reason::TlsFailed { what: "it hung up in the middle".into() });
        assert_eq!(explain(&io::ErrorKind::TimedOut.into()).outcome(), crate::model::Outcome::Failed);
    }
}
