use hyper::body::Bytes;
use hyper::header::HeaderValue;

use crate::http::conditional;
use crate::pki::Authority;

/// The root certificate as it is handed out.
pub(super) struct Root {
    pem: Form,
    der: Form,
}

struct Form {
    bytes: Bytes,
    revision: String,
    tag: HeaderValue,
}

/// One file of the root certificate.
pub(super) struct RootFile<'a> {
    pub(super) bytes: Bytes,
    pub(super) revision: &'a str,
    pub(super) tag: &'a HeaderValue,
    pub(super) content_type: HeaderValue,
}

impl Root {
    pub(super) fn of(authority: &Authority) -> Self {
        let form = |bytes: Vec<u8>| {
            let revision = conditional::revision(&bytes);
            Form { tag: conditional::tag(&revision), revision, bytes: bytes.into() }
        };
        Self { pem: form(authority.root_pem().as_bytes().to_vec()), der: form(authority.root_der().to_vec()) }
    }

    /// The certificate in DER.
    pub(super) fn der(&self) -> &[u8] {
        &self.der.bytes
    }

    /// Whether the certificate is a part of this file, as brands write it: base64 in one line, or in the lines of PEM.
    pub(super) fn stands_in(&self, file: &[u8]) -> bool {
        // The first line has the serial number, so it is no other certificate's.
        let line = self.pem.bytes.split(|&byte| byte == b'\n').nth(1).filter(|line| !line.is_empty());
        line.is_some_and(|line| file.windows(line.len()).any(|part| part == line))
    }

    /// The file of that name, in lower case. `.crt` is text, as the tools of servers expect, and has the type that
    /// makes desktops and telephones offer to install it.
    pub(super) fn file(&self, name: &str) -> Option<RootFile<'_>> {
        let (form, content_type) = match name {
            "ca.pem" => (&self.pem, "application/x-pem-file"),
            "ca.crt" => (&self.pem, "application/x-x509-ca-cert"),
            // RFC 2585 section 4.1.
            "ca.der" | "ca.cer" => (&self.der, "application/pkix-cert"),
            _ => return None,
        };
        let content_type = HeaderValue::from_static(content_type);
        Some(RootFile { bytes: form.bytes.clone(), revision: &form.revision, tag: &form.tag, content_type })
    }
}
