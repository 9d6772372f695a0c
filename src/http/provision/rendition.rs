//! A file as it leaves: bytes, revision and type.

use hyper::body::Bytes;
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

use super::revisions::File;
use crate::brands::Rendered;
use crate::http::conditional;
use crate::model::Id;

/// A file as it is sent, with what its headers say of it.
pub(super) struct Rendition {
    /// Wiped when the last answer with them is gone.
    pub(super) bytes: Bytes,
    /// SHA-256 over them, in hexadecimal.
    pub(super) revision: String,
    pub(super) tag: HeaderValue,
    pub(super) content_type: HeaderValue,
    /// The files kept for phones that it names.
    pub(super) resources: Vec<Box<str>>,
    /// Under which its date is known, where it is a phone's.
    pub(super) dated: Option<File>,
}

impl Rendition {
    /// What was rendered for `phone`, under this name.
    pub(super) fn of(rendered: Rendered, phone: Option<Id>, name: &str) -> Self {
        let Rendered { bytes, content_type, resources } = rendered;
        let revision = conditional::revision(&bytes);
        // One that a phone sent with an upload may be anything.
        let unknown = HeaderValue::from_static("application/octet-stream");
        let content_type = HeaderValue::from_str(&content_type).unwrap_or(unknown);
        Self {
            tag: conditional::tag(&revision),
            content_type,
            bytes: Bytes::from_owner(Zeroizing::new(bytes)),
            revision,
            resources,
            dated: phone.map(|phone| (phone, conditional::short(name).into())),
        }
    }
}
