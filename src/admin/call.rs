use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Buf, Bytes};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::model::Id;

/// Longest body of somebody who is not known: names, passwords and codes.
const MOST_OF_STRANGERS: usize = 16 * 1024;
/// Longest body but for an import, in bytes.
const MOST_BODY: usize = 256 * 1024;
/// Bodies above that which are in memory at once.
pub(super) const MOST_LARGE: usize = 4;
/// Longest picture, sound or XML for phones.
const MOST_FILE: usize = 4 * 1024 * 1024;
/// How long the body of a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long, and how many bytes, are read of a body that is too large before it is said.
const LINGER: Duration = Duration::from_secs(1);
const PASSED_OVER: usize = 1024 * 1024;
/// Most fields of a form or query that are looked at.
const MOST_FIELDS: usize = 1000;

/// Where a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The local socket, from root or from the box's own user.
    Local,
    /// HTTPS, from this address.
    Web(IpAddr),
    /// HTTPS, from this address, by whoever has this account or token.
    Known {
        /// The address.
        address: IpAddr,
        /// Identity of the account or of the token.
        by: Id,
    },
}

/// A request. Its body is empty until it is taken.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path's segments, percent-decoded; none for `/`.
    pub(crate) path: Vec<String>,
    pub(crate) query: Form,
    /// The query as it came.
    pub(crate) raw_query: String,
    pub(crate) headers: HeaderMap,
    /// Host and port as the caller addressed us.
    pub(crate) host: String,
    pub(crate) body: Bytes,
    pub(crate) from: Origin,
    /// The place of a large body, for as long as it is in memory.
    room: Option<OwnedSemaphorePermit>,
}

/// Reads on, up to [`PASSED_OVER`] bytes, and forgets what it reads. A connection that is closed on what was not read
/// loses its answer on the way.
pub(super) async fn pass_over<B: Body>(mut body: Pin<&mut B>) {
    let read = async {
        let mut left = PASSED_OVER;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Buf::remaining));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, read).await;
}

/// The bytes of a body, held once. Nothing when there are more than `most`; then they are not kept.
async fn collect<B: Body>(mut body: Pin<&mut B>, most: usize) -> Result<Option<Vec<u8>>, B::Error> {
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(said);
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > most - bytes.len() {
            return Ok(None);
        }
        while data.has_remaining() {
            let length = data.chunk().len();
            bytes.extend_from_slice(data.chunk());
            data.advance(length);
        }
    }
    Ok(Some(bytes))
}

impl Call {
    /// The head of a request, with no body yet: enough to know who makes it.
    pub(crate) fn of_head(head: Parts, from: Origin) -> Result<Self, Problem> {
        let path = read_path(head.uri.path())?;
        let host = head
            .uri
            .authority()
            .map(|a| a.as_str().to_owned())
            .or_else(|| head.headers.get(header::HOST).and_then(|h| h.to_str().ok()).map(str::to_owned))
            .unwrap_or_default();
        let raw_query = head.uri.query().unwrap_or_default().to_owned();
        let query = Form::parse(&raw_query);
        let (method, headers) = (head.method, head.headers);
        Ok(Self { method, path, query, raw_query, headers, host, body: Bytes::new(), from, room: None })
    }

    /// The longest body that this call may have. `known` is whether somebody with an account or a token makes it.
    fn most(&self, known: bool) -> usize {
        match self.path.last().map(String::as_str) {
            _ if !known => MOST_OF_STRANGERS,
            Some("import") => super::import::MOST_BYTES * 3 + 4096,
            Some("resources") => MOST_FILE,
            _ => MOST_BODY,
        }
    }

    /// Reads the body whole, within bounds of size and time. A large one takes a place in `room` for as long as this
    /// call lasts; who finds none comes again.
    pub(crate) async fn take_body<B: Body>(
        &mut self,
        mut body: Pin<&mut B>,
        known: bool,
        room: &Arc<Semaphore>,
    ) -> Result<(), Problem> {
        let most = self.most(known);
        let hint = body.size_hint();
        if most > MOST_BODY && hint.upper().is_none_or(|said| said > MOST_BODY as u64) {
            self.room = Arc::clone(room).try_acquire_owned().ok();
            if self.room.is_none() {
                pass_over(body.as_mut()).await;
                return Err(no_room());
            }
        }
        match tokio::time::timeout(PATIENCE, collect(body.as_mut(), most)).await {
            Ok(Ok(Some(bytes))) => self.body = bytes.into(),
            Ok(Ok(None)) => {
                pass_over(body.as_mut()).await;
                return Err(Problem::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "too-large",
                    format!("The body is larger than {most} bytes."),
                    "Send less at once.",
                ));
            }
            Ok(Err(_)) => return Err(Problem::malformed("The body of the request broke off.")),
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "too-slow",
                    "The body of the request did not arrive within 30 seconds.",
                    "Send it again.",
                ));
            }
        }
        Ok(())
    }

    /// A header's text, when it has one.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "The body must be application/json.",
                "Send it with the header Content-Type: application/json.",
            ));
        }
        serde_json::from_slice(&self.body).map_err(|e| Problem::malformed(format!("The body cannot be read: {e}.")))
    }

    /// The token that a program sends (RFC 6750).
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// The body as a browser's form.
    pub(crate) fn form(&self) -> Form {
        std::str::from_utf8(&self.body).map(Form::parse).unwrap_or_default()
    }

    /// A cookie's value.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a browser says that the request comes from a page of ours, or no browser says anything.
    ///
    /// Browsers send `Origin` with everything that changes something. An `Origin` of `null`, as from a sandboxed
    /// frame, is somebody else's.
    pub(crate) fn is_same_origin(&self) -> bool {
        match self.headers.get(header::ORIGIN).map(|o| o.to_str().unwrap_or_default()) {
            Some(origin) => {
                origin.strip_prefix("https://").is_some_and(|o| !o.is_empty() && o.eq_ignore_ascii_case(&self.host))
            }
            None => {
                matches!(self.header(HeaderName::from_static("sec-fetch-site")), None | Some("same-origin" | "none"))
            }
        }
    }
}

/// Fields of a query or of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).take(MOST_FIELDS).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The first field of that name, when it says something.
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// All fields, as they came.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs().map(|(name, _)| name)
    }

    /// Whether there is a field of that name, whatever it says.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The field as a number, or a problem that names it.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        self.of(name)
            .map(|text| {
                text.trim().parse().map_err(|_| Problem::malformed(format!("{name} is not a number: \"{text}\".")))
            })
            .transpose()
    }

    /// Whether the field is there and says yes.
    pub(crate) fn says_yes(&self, name: &str) -> bool {
        matches!(self.of(name), Some("true" | "1" | "yes" | "on"))
    }
}

fn no_room() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "Several long lists or files are being sent at this moment.",
        "Try again in a few seconds.",
    )
    .retry_after(5)
}

/// The segments of a path. One that climbs, or that is no plain text, is refused: nobody honest sends it.
fn read_path(path: &str) -> Result<Vec<String>, Problem> {
    let segments: Vec<String> =
        path.split('/').filter(|segment| !segment.is_empty()).map(|segment| percent_decode(segment, false)).collect();
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    let refused = |segment: &String| segment.split(['/', '\\']).any(|part| part == "..") || segment.contains(odd);
    if segments.iter().any(refused) {
        return Err(Problem::malformed("The path cannot be read: it climbs, or is no plain text."));
    }
    Ok(segments)
}

/// Undoes percent-encoding. What is no valid escape stays as it is; what is no UTF-8 is replaced.
fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match after {
            [high, low, ..] if first == b'%' => {
                let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if first == b'+' && plus_is_space { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;
    use hyper::Request;

    use super::*;

    fn head(request: hyper::http::request::Builder) -> Result<Call, Problem> {
        Call::of_head(request.body(()).unwrap().into_parts().0, Origin::Web([192, 0, 2, 1].into()))
    }

    async fn post(path: &str, length: usize, known: bool, room: &Arc<Semaphore>) -> Result<Call, Problem> {
        let mut call = head(Request::post(path)).unwrap();
        let body = Full::new(Bytes::from(vec![b'a'; length]));
        call.take_body(std::pin::pin!(body), known, room).await.map(|()| call)
    }

    #[test]
    fn reads_forms() {
        let form = Form::parse("name=Meeting+room%202&mac=80%3A5E&empty=&odd=%zz%4&bad=%ff");
        assert_eq!(form.of("name"), Some("Meeting room 2"));
        assert_eq!(form.of("mac"), Some("80:5E"));
        assert_eq!(form.of("empty"), None);
        assert_eq!(form.of("odd"), Some("%zz%4"));
        assert_eq!(form.of("bad"), Some("\u{fffd}"));
    }

    #[test]
    fn knows_its_own_pages_from_others() {
        for (origin, site, same) in [
            (Some("https://box.lan"), None, true),
            (Some("https://BOX.lan"), Some("same-origin"), true),
            (Some("https://evil.example"), None, false),
            (Some("http://box.lan"), None, false),
            (Some("https://box.lan.evil.example"), None, false),
            (Some("null"), None, false),
            (None, Some("cross-site"), false),
            (None, Some("same-site"), false),
            (None, None, true),
        ] {
            let mut request = Request::post("/claim").header("host", "box.lan");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            assert_eq!(head(request).unwrap().is_same_origin(), same, "{origin:?} {site:?}");
        }
    }

    #[test]
    fn finds_its_cookie() {
        let request = Request::get("/").header("cookie", "a=1; block66=abc;b=2").header("cookie", "c=3");
        let call = head(request).unwrap();
        assert_eq!((call.cookie("block66"), call.cookie("c"), call.cookie("lock66")), (Some("abc"), Some("3"), None));
    }

    #[test]
    fn reads_a_path_that_is_plain_text_and_climbs_nowhere() {
        for (path, expected) in [
            ("/api//v1/K%C3%BCche", Some(vec!["api", "v1", "K\u{fc}che"])),
            ("/api/v1/a%2Fb", Some(vec!["api", "v1", "a/b"])),
            ("/api/v1/a..b", Some(vec!["api", "v1", "a..b"])),
            ("/api/v1/%2e%2e", None),
            ("/api/v1/a%2f..%2fb", None),
            ("/api/v1/..%5cb", None),
            ("/api/v1/%00", None),
            ("/api/v1/%c2%84", None),
            ("/api/v1/%ff", None),
        ] {
            let read = head(Request::get(path));
            let owned = |path: Vec<&str>| path.into_iter().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(read.ok().map(|call| call.path), expected.map(owned), "{path}");
        }
    }

    #[tokio::test]
    async fn refuses_what_is_too_large() {
        let room = Arc::new(Semaphore::new(MOST_LARGE));
        let refused =
            async |path, length, known| post(path, length, known, &room).await.err().map(|problem| problem.code);
        let too_large = Some("too-large".to_owned());
        assert_eq!(refused("/api/v1/phones", MOST_BODY, true).await, None);
        assert_eq!(refused("/api/v1/phones", MOST_BODY + 1, true).await, too_large);
        assert_eq!(refused("/api/v1/phones/import", MOST_FILE, true).await, None);
        assert_eq!(refused("/api/v1/resources/", MOST_FILE + 1, true).await, too_large);
        for path in ["/api/v1/session", "/anything/import", "/resources"] {
            assert_eq!(refused(path, MOST_OF_STRANGERS, false).await, None, "{path}");
            assert_eq!(refused(path, MOST_OF_STRANGERS + 1, false).await, too_large, "{path}");
        }
    }

    #[tokio::test]
    async fn few_large_bodies_are_in_memory_at_once() {
        let room = Arc::new(Semaphore::new(MOST_LARGE));
        let large = || post("/api/v1/phones/import", MOST_BODY + 1, true, &room);
        let mut calls = Vec::new();
        for _ in 0..MOST_LARGE {
            calls.push(large().await.unwrap());
        }
        let problem = large().await.unwrap_err();
        assert_eq!((problem.status(), problem.retry_after), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
        assert_eq!(post("/api/v1/phones/import", MOST_BODY, true, &room).await.unwrap().body.len(), MOST_BODY);
        calls.pop();
        assert_eq!(large().await.unwrap().body.len(), MOST_BODY + 1, "the place of one that was answered is free");
    }
}
