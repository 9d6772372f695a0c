//! News for pages and programs that stay connected: server-sent events (WHATWG HTML, section 9.2).

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::StatusCode;
use hyper::body::{Bytes, Frame};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::problem::Problem;
use crate::admin::reading::gather;
use crate::admin::route::Who;
use crate::journal::Live;

/// Streams at once.
pub(in crate::admin) const MOST_STREAMS: usize = 32;
/// A sign of life goes out when nothing else did for so long. A session that has ended is noticed by then, too.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What is said as a sign of life.
const NOTHING_NEW: &str = ": nothing new\n\n";

struct Stream {
    admin: Admin,
    who: Who,
    news: broadcast::Receiver<Live>,
    begun: bool,
    _place: OwnedSemaphorePermit,
}

impl Admin {
    /// Opens a stream of everything that happens from now on, for as long as its session lasts.
    pub(in crate::admin) fn live(&self, who: &Who) -> Result<Answer, Problem> {
        let place = Arc::clone(&self.0.streams).try_acquire_owned().map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too-many-streams",
                format!("{MOST_STREAMS} pages are kept up to date already."),
                "Close some of them. This page shows what is new when it is loaded again.",
            )
            .retry_after(30)
        })?;
        let news = self.0.journal.subscribe();
        let stream = Stream { admin: self.clone(), who: who.clone(), news, begun: false, _place: place };
        let frames = stream::unfold(stream, |mut stream| async move {
            let text = stream.next().await?;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), stream))
        });
        Ok(Answer::events(StreamBody::new(frames).boxed_unsync()))
    }
}

impl Stream {
    async fn next(&mut self) -> Option<String> {
        if !self.begun {
            self.begun = true;
            return Some("retry: 3000\n\n".into());
        }
        let news = tokio::time::timeout(HEARTBEAT, self.news.recv()).await;
        if !self.may_go_on() {
            return None;
        }
        match news {
            Err(_) => Some(NOTHING_NEW.into()),
            Ok(Ok(Live::Event { sequence, event })) => {
                let Some(event) = self.admin.shown(event) else { return Some(NOTHING_NEW.into()) };
                let phone = event.mac.and_then(|mac| self.admin.phone_name(mac));
                Some(message("event", &gather::event(sequence, &event, phone, self.admin.1)))
            }
            Ok(Ok(Live::Journey { mac, journey })) => {
                let lights = gather::lights(&journey, self.admin.1);
                Some(message("journey", &serde_json::json!({ "mac": mac, "journey": lights })))
            }
            Ok(Err(RecvError::Lagged(missed))) => Some(message("missed", &serde_json::json!({ "events": missed }))),
            Ok(Err(RecvError::Closed)) => None,
        }
    }

    fn may_go_on(&self) -> bool {
        match &self.who {
            Who::Local => true,
            Who::Nobody | Who::Ended => false,
            Who::Program(token) => {
                let now = self.admin.0.clock.now().wall;
                self.admin.register().tokens.contains(token) && token.expires.is_none_or(|expires| now < expires)
            }
            Who::SignedIn(session) => {
                let now = self.admin.0.clock.now().monotonic;
                self.admin.0.sessions.lock().unwrap_or_else(PoisonError::into_inner).lives(session, now)
            }
        }
    }
}

/// One message; JSON has no line breaks, so its data is one line.
pub(in crate::admin) fn message(kind: &str, data: &impl serde::Serialize) -> String {
    format!("event: {kind}\ndata: {}\n\n", serde_json::to_string(data).unwrap_or_default())
}
