use std::convert::Infallible;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::problem::Problem;

/// The body of an answer: bytes at hand, or a stream of events.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What a page may load: its own style sheet, script and pictures, nothing inline and nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every answer. No Strict-Transport-Security: with it nobody could get past the browser's warning on
/// the first visit, before the certificate of the box is installed.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not "no-referrer": with that, browsers send "Origin: null" with our own forms.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// What a call is answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

impl Answer {
    fn new(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![(header::CONTENT_TYPE, HeaderValue::from_static(kind))],
            body: Full::new(body.into()).boxed_unsync(),
        }
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", page)
    }

    pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::new(status, "application/json", bytes),
            Err(error) => Self::problem(&Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                format!("The answer could not be written: {error}."),
                "Report it.",
            )),
        }
    }

    pub(crate) fn problem(problem: &Problem) -> Self {
        let bytes = serde_json::to_vec(problem).unwrap_or_default();
        let answer = Self::new(problem.status(), "application/problem+json", bytes).with_retry(problem);
        if problem.status() == StatusCode::UNAUTHORIZED {
            // Such an answer names a scheme (RFC 9110, section 15.5.2). Browsers ask nobody anything at this one.
            return answer.with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"block66\""));
        }
        answer
    }

    pub(crate) fn bytes(kind: &'static str, bytes: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, kind, bytes)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Full::new(Bytes::new()).boxed_unsync() }
    }

    /// A file that is part of the program; its URL changes with its content.
    pub(crate) fn asset(kind: &'static str, bytes: &'static [u8]) -> Self {
        Self::new(StatusCode::OK, kind, bytes)
            .with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"))
    }

    pub(crate) fn events(body: Body) -> Self {
        let kind = HeaderValue::from_static("text/event-stream");
        Self { status: StatusCode::OK, headers: vec![(header::CONTENT_TYPE, kind)], body }
    }

    /// Sends the browser to another page with GET.
    pub(crate) fn see_other(path: &str) -> Self {
        let mut answer = Self::no_content();
        answer.status = StatusCode::SEE_OTHER;
        match HeaderValue::from_str(path) {
            Ok(path) => answer.with(header::LOCATION, path),
            Err(_) => answer.with(header::LOCATION, HeaderValue::from_static("/")),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    #[must_use]
    pub(crate) fn with_retry(self, problem: &Problem) -> Self {
        match problem.retry_after {
            Some(seconds) => self.with(header::RETRY_AFTER, HeaderValue::from(seconds)),
            None => self,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(ALWAYS);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.headers {
            if name == header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        response
    }
}
