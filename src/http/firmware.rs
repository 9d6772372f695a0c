//! Firmware over HTTP and HTTPS: whole files and ranges, from the box or while they arrive from outside.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Response, StatusCode};

use super::conditional::{Condition, read_date, write_date};
use super::path::Wanted as Path;
use super::provision::Provision;
use super::{Body, Peer, Service, body, range};
use crate::firmware::pace::Pace;
use crate::firmware::{Content, Library, Unavailable};
use crate::model::{Door, Event, Firmware, Mac, Reason, block_of};
use crate::sys::clock::Clock;
use crate::sys::random;

/// Seconds after which to come again for an image that is not here yet.
const PAUSE: &str = "30";

/// The door for images, in front of all that is served besides.
pub struct FirmwareDoor {
    library: Library,
    provision: Arc<Provision>,
    clock: Clock,
    /// Transfers at once to one source.
    per_source: usize,
    sources: Mutex<HashMap<IpAddr, Transfers>>,
}

/// What one source is being sent.
struct Transfers {
    count: usize,
    pace: Arc<Pace>,
}

/// A transfer's place, given back when it is over.
struct Place {
    door: Arc<FirmwareDoor>,
    source: IpAddr,
    pace: Arc<Pace>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sources = self.door.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(transfers) = sources.get_mut(&self.source) {
            transfers.count -= 1;
            if transfers.count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

/// A request for an image.
struct Query<'a> {
    method: &'a Method,
    headers: &'a HeaderMap,
    asked: &'a str,
    peer: Peer,
    mac: Option<Mac>,
}

/// A piece of a response's body.
enum Piece {
    Text(Bytes),
    Range(u64, u64),
}

impl FirmwareDoor {
    /// Transfers at once to one source, usually. A phone needs one; a few more are broken ones that were not noticed
    /// yet.
    pub const PER_SOURCE: usize = 16;

    /// A door to the images of `library`, for those whom `provision` serves.
    pub fn new(library: Library, provision: Arc<Provision>, clock: Clock, per_source: usize) -> Self {
        Self { library, provision, clock, per_source, sources: Mutex::default() }
    }

    /// Answers requests for images, and hands all others to `service`.
    pub fn in_front_of(self, service: Service) -> Service {
        let door = Arc::new(self);
        Arc::new(move |request, peer| {
            let image = match Path::read(request.uri().path()) {
                Ok(path) if path.is_provisioning() && door.provision.serves(peer.address) => door.find(&path, peer),
                _ => None,
            };
            let reading = matches!(*request.method(), Method::GET | Method::HEAD);
            let Some(image) = image.filter(|_| reading) else { return service(request, peer) };
            let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
            let mac = door.provision.probably_at(peer.address, agent);
            let door = Arc::clone(&door);
            Box::pin(async move {
                let (head, _) = request.into_parts();
                let asked = head.uri.path();
                let query = Query { method: &head.method, headers: &head.headers, asked, peer, mac };
                door.answer(&query, image).await
            })
        })
    }

    fn find(&self, path: &Path, peer: Peer) -> Option<Firmware> {
        self.library.find(path.name(), || self.provision.phone_at(peer.address))
    }

    async fn answer(self: Arc<Self>, query: &Query<'_>, image: Firmware) -> Response<Body> {
        let Some(place) = self.clone().place(query.peer.address) else {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "Too many transfers at once.\n");
        };
        let content = match self.library.content(&image).await {
            Ok(content) => content,
            Err(why) => {
                let status = match why {
                    Unavailable::Gone | Unavailable::NotEnabled => StatusCode::NOT_FOUND,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                self.record(query, Reason::FirmwareUnavailable { release: image.release, why: why.to_string() });
                return refuse(status, "This image is not here now.\n");
            }
        };
        let (tag, modified) = (content.digest.to_string(), content.since);
        let condition =
            Condition { none_match: query.text(IF_NONE_MATCH), modified_since: query.text(IF_MODIFIED_SINCE) };
        let mut response = Response::new(body(Bytes::new()));
        let headers = response.headers_mut();
        set(headers, ETAG, &format!("\"{tag}\""));
        set(headers, LAST_MODIFIED, &write_date(modified));
        set(headers, ACCEPT_RANGES, "bytes");
        set(headers, CACHE_CONTROL, "no-cache");
        if condition.is_fresh(&tag, Some(modified), false, self.clock.now().wall) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let same = query.text(IF_RANGE).is_none_or(|held| {
            held.trim().trim_matches('"') == tag || read_date(held).is_some_and(|date| date.secs() == modified.secs())
        });
        let wanted = match query.text(RANGE).filter(|_| same) {
            Some(header) => range::read(header, content.length),
            None => range::Wanted::Whole,
        };
        let (status, pieces) = match wanted {
            range::Wanted::Whole => {
                set(headers, CONTENT_TYPE, "application/octet-stream");
                (StatusCode::OK, vec![Piece::Range(0, content.length)])
            }
            range::Wanted::Ranges(ranges) => (StatusCode::PARTIAL_CONTENT, parts(&ranges, content.length, headers)),
            range::Wanted::None | range::Wanted::TooMany => {
                let mut refusal = refuse(StatusCode::RANGE_NOT_SATISFIABLE, "These ranges cannot be had.\n");
                set(refusal.headers_mut(), CONTENT_RANGE, &format!("bytes */{}", content.length));
                return refusal;
            }
        };
        let length: u64 = pieces.iter().map(Piece::length).sum();
        set(headers, CONTENT_LENGTH, &length.to_string());
        *response.status_mut() = status;
        if query.method == Method::GET {
            self.record(query, Reason::FirmwareGiven { release: image.release });
            let rate = self.library.settings().phone_rate;
            *response.body_mut() = Sending { content, pieces, at: 0, from: 0, place, rate }.body();
        }
        response
    }

    fn place(self: Arc<Self>, address: IpAddr) -> Option<Place> {
        let source = block_of(address);
        let pace = {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            let transfers = sources.entry(source).or_insert_with(|| Transfers { count: 0, pace: Arc::default() });
            if transfers.count >= self.per_source {
                return None;
            }
            transfers.count += 1;
            Arc::clone(&transfers.pace)
        };
        Some(Place { door: self, source, pace })
    }

    fn record(&self, query: &Query<'_>, reason: Reason) {
        let door = if query.peer.tls { Door::Https } else { Door::Http };
        let event = Event::new(self.clock.now().wall, door, reason)
            .about(query.mac)
            .from_address(query.peer.address)
            .for_file(query.asked)
            .by_agent(query.text(USER_AGENT));
        self.provision.note(event);
    }
}

impl Query<'_> {
    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Range(from, to) => to - from,
        }
    }
}

/// The pieces of a partial response: one range by itself, or several in `multipart/byteranges`.
fn parts(ranges: &[(u64, u64)], length: u64, headers: &mut HeaderMap) -> Vec<Piece> {
    const KIND: &str = "application/octet-stream";
    let named = |(from, to): (u64, u64)| format!("bytes {from}-{}/{length}", to.saturating_sub(1));
    if let [range] = ranges {
        set(headers, CONTENT_TYPE, KIND);
        set(headers, CONTENT_RANGE, &named(*range));
        return vec![Piece::Range(range.0, range.1)];
    }
    let boundary = random::token(24);
    set(headers, CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"));
    let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
    for range in ranges {
        let head = format!("\r\n--{boundary}\r\nContent-Type: {KIND}\r\nContent-Range: {}\r\n\r\n", named(*range));
        pieces.push(Piece::Text(head.into()));
        pieces.push(Piece::Range(range.0, range.1));
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

/// A body under way. Each step reads one block, when the connection has room for it.
struct Sending {
    content: Content,
    pieces: Vec<Piece>,
    /// The piece that is being sent, and where in it.
    at: usize,
    from: u64,
    place: Place,
    rate: Option<u64>,
}

impl Sending {
    fn body(self) -> Body {
        let frames = stream::unfold(self, |mut sending| async move {
            let bytes = sending.next().await?;
            sending.place.pace.take(bytes.len(), sending.rate).await;
            Some((Ok::<_, Infallible>(Frame::data(bytes)), sending))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    /// The next bytes. A body that ends before its announced length breaks the connection, so that the client sees that
    /// something is missing.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.pieces.get(self.at)? {
                Piece::Text(text) => {
                    self.at += 1;
                    return Some(text.clone());
                }
                Piece::Range(from, to) if from + self.from < *to => {
                    let (offset, end) = (from + self.from, *to);
                    match self.content.bytes(offset, end).await {
                        Ok(bytes) => {
                            self.from += bytes.len() as u64;
                            return Some(bytes);
                        }
                        Err(error) => {
                            tracing::debug!(%error, offset, "an image could not be sent to its end");
                            return None;
                        }
                    }
                }
                Piece::Range(..) => (self.at, self.from) = (self.at + 1, 0),
            }
        }
    }
}

fn refuse(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(body(text));
    *response.status_mut() = status;
    set(response.headers_mut(), CONTENT_TYPE, "text/plain; charset=utf-8");
    set(response.headers_mut(), CACHE_CONTROL, "no-store");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        set(response.headers_mut(), RETRY_AFTER, PAUSE);
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
