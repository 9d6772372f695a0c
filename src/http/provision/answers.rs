use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LAST_MODIFIED,
    LOCATION, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::http::conditional::write_date;
use crate::http::{Body, body, digest};
use crate::model::Timestamp;

/// A short answer in plain text.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(body(text));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// There is no such file: the same whatever was asked for.
pub(super) fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "No such file.\n")
}

/// Asks for a login: the same whatever was asked for, but for the nonce.
pub(super) fn challenge(nonce: &str, stale: bool, tls: bool) -> Response<Body> {
    let mut response = plain(StatusCode::UNAUTHORIZED, "A login is needed.\n");
    // In lines of their own, Digest first: many clients take the first and understand no lists.
    append(&mut response, WWW_AUTHENTICATE, &digest::challenge(nonce, stale));
    if tls {
        append(&mut response, WWW_AUTHENTICATE, &digest::basic_challenge());
    }
    response
}

/// Only reading is possible.
pub(super) fn read_only() -> Response<Body> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Files can only be read here.\n");
    set(&mut response, ALLOW, "GET, HEAD");
    response
}

/// What was sent is kept.
pub(super) fn kept(new: bool) -> Response<Body> {
    plain(if new { StatusCode::CREATED } else { StatusCode::OK }, "Kept.\n")
}

/// The files are there. Never for good (301): some devices would keep that for ever.
pub(super) fn redirect(to: &str) -> Response<Body> {
    let mut response = Response::new(body(Bytes::new()));
    *response.status_mut() = StatusCode::FOUND;
    set(&mut response, LOCATION, to);
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// Not now: come again after so many seconds.
pub(super) fn later(status: StatusCode, seconds: u64) -> Response<Body> {
    let mut response = plain(status, "Not now. Try again later.\n");
    set(&mut response, RETRY_AFTER, &seconds.to_string());
    response
}

/// What is known of a file besides its bytes.
pub(super) struct About<'a> {
    pub(super) content_type: &'a HeaderValue,
    /// Its ETag, with quotes.
    pub(super) tag: &'a HeaderValue,
    /// Left out where the answer is older than the second it would name.
    pub(super) modified: Option<Timestamp>,
    /// Whether anybody may keep a copy.
    pub(super) public: bool,
    /// Whether a phone made it.
    pub(super) sent_up: bool,
}

/// A file, or the word that the client has it already.
pub(super) fn file(bytes: Option<Bytes>, about: &About<'_>) -> Response<Body> {
    let mut response = Response::new(body(Bytes::new()));
    match bytes {
        Some(bytes) => {
            response.headers_mut().insert(CONTENT_TYPE, about.content_type.clone());
            if about.sent_up {
                // It comes back as it came, and from where the administrator's page is too: a browser that is led there
                // with the phone's login must run nothing of it.
                set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
                set(&mut response, CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
            }
            *response.body_mut() = body(bytes);
        }
        None => *response.status_mut() = StatusCode::NOT_MODIFIED,
    }
    response.headers_mut().insert(ETAG, about.tag.clone());
    if let Some(modified) = about.modified {
        set(&mut response, LAST_MODIFIED, &write_date(modified));
    }
    let keeping = if about.public { "no-cache" } else { "private, no-cache" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keeping));
    response
}

fn set(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn append(response: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
}
