use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as Incoming, Bytes};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::{Method, Response, StatusCode};

use super::asker::Decision;
use super::make::Unmade;
use super::query::Query;
use super::resource::blocking;
use super::{Provision, STORE_PAUSE, Target, answers};
use crate::access::{self, Verdict};
use crate::brands::Rendered;
use crate::depot::{Kept, Refused};
use crate::http::Body;
use crate::http::path::Wanted;
use crate::model::{Phone, Reason};

/// How long a phone may take to send a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files that are on their way at once, each of them in memory.
pub(super) const MOST_AT_ONCE: usize = 24;
/// Longest content type that is kept.
const LONGEST_TYPE: usize = 80;

impl Provision {
    /// Takes what a phone sends up, on the evidence that would open it again.
    pub(super) async fn take<B>(
        &self,
        query: &Query<'_>,
        wanted: &Wanted,
        target: Target<'_>,
        body: B,
    ) -> Response<Body>
    where
        B: Incoming + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let asker = match self.asker(query, wanted, target) {
            Ok(asker) => asker,
            Err(answer) => return *answer,
        };
        let decision = self.decide(query, target, &asker);
        let (Verdict::Grant { .. }, Some(phone)) = (&decision.verdict, decision.phone.as_deref()) else {
            return self.turn_away(query, target, &asker, &decision).await;
        };
        let record = |reason| {
            self.journal.record(self.event(query, target.claimed, reason).of(phone.organisation));
        };
        let Ok(_place) = self.bodies.try_acquire() else {
            return answers::later(StatusCode::SERVICE_UNAVAILABLE, STORE_PAUSE);
        };
        let most = target.rule.largest;
        let bytes = match read(query, body, most).await {
            Ok(bytes) => bytes,
            Err(Unread::TooLarge) => {
                record(Reason::UploadTooLarge { most });
                return answers::plain(StatusCode::PAYLOAD_TOO_LARGE, "This file is too large.\n");
            }
            Err(Unread::Broken(what)) => {
                record(Reason::HttpMalformed { what });
                return answers::plain(StatusCode::BAD_REQUEST, "This file did not come whole.\n");
            }
        };
        match self.keep(query, target, phone, bytes).await {
            Ok(kept) => {
                record(Reason::UploadKept);
                answers::kept(kept == Kept::New && query.method == Method::PUT)
            }
            Err(Refused::Gone) => {
                // As it would have been answered from the beginning.
                let verdict = access::decide(&asker.ask, &asker.evidence, None, query.now.wall);
                let gone = Decision { phone: None, organisation: None, verdict };
                self.turn_away(query, target, &asker, &gone).await
            }
            Err(refused @ (Refused::TooMany(_) | Refused::NoRoom)) => {
                record(Reason::UploadRefused { what: refused.to_string() });
                answers::plain(StatusCode::INSUFFICIENT_STORAGE, "There is no room for this file.\n")
            }
            Err(Refused::Io(error)) => {
                record(Reason::UploadRefused { what: error.to_string() });
                answers::later(StatusCode::SERVICE_UNAVAILABLE, STORE_PAUSE)
            }
        }
    }

    async fn keep(&self, query: &Query<'_>, target: Target<'_>, phone: &Phone, bytes: Bytes) -> Result<Kept, Refused> {
        let said = query.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = said.filter(|text| text.len() <= LONGEST_TYPE).unwrap_or("application/octet-stream");
        let (depot, id, name) = (self.depot.clone(), phone.id, target.name().to_owned());
        let (content_type, at) = (content_type.to_owned(), query.now.wall);
        // The body took its time: by now the phone may be off the list, or another device in its place.
        let (store, mac) = (self.store.clone(), phone.mac);
        let is_there = move || store.phone_by_mac(mac).is_some_and(|phone| phone.id == id);
        let keep = move || depot.keep(id, &name, &content_type, &bytes, at, is_there);
        let kept = tokio::task::spawn_blocking(keep).await;
        kept.unwrap_or_else(|error| Err(Refused::Io(std::io::Error::other(error))))
    }

    /// What this phone sent up under this name, as it came.
    pub(super) async fn given_back(
        &self,
        target: Target<'_>,
        phone: Option<&Phone>,
    ) -> Result<Option<Rendered>, Unmade> {
        let Some(phone) = phone.filter(|_| target.rule.given_back) else { return Ok(None) };
        let (depot, id, name) = (self.depot.clone(), phone.id, target.name().to_owned());
        let found = blocking(move || depot.upload(id, &name)).await?;
        Ok(found.map(|(about, bytes)| Rendered { bytes, content_type: about.content_type, resources: Vec::new() }))
    }
}

enum Unread {
    TooLarge,
    Broken(String),
}

async fn read<B>(query: &Query<'_>, body: B, most: usize) -> Result<Bytes, Unread>
where
    B: Incoming + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let announced = query.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(Unread::TooLarge);
    }
    match tokio::time::timeout(PATIENCE, std::pin::pin!(Limited::new(body, most)).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(error)) => Err(Unread::Broken(format!("its file broke off: {error}"))),
        Err(_) => Err(Unread::Broken("its file took too long".into())),
    }
}
