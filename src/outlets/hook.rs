//! Telling webhooks: one POST each, in their order, again after a growing pause when it fails.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use rustls::ClientConfig;
use tokio::sync::mpsc;

use super::settings::Place;
use super::{Hook, Notice, Outlets};
use crate::sys::dial;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a message is tried before it is dropped.
const LONGEST: Duration = Duration::from_secs(3600);

/// A growing pause between attempts.
#[derive(Debug, Default)]
pub(super) struct Pause(u32);

impl Pause {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(60);

    /// Whether nothing was waited for yet.
    pub(super) fn is_first(&self) -> bool {
        self.0 == 0
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep((Self::FIRST * 2_u32.pow(self.0.min(10))).min(Self::LONGEST)).await;
        self.0 += 1;
    }
}

/// What came of one attempt.
enum Attempt {
    Taken,
    /// It will not be taken the next time, either.
    Refused(StatusCode),
    Failed(String),
}

/// Tells a webhook what waits, until the queue is gone.
pub(super) async fn send(
    outlets: Outlets,
    hook: Hook,
    tls: Arc<ClientConfig>,
    mut waiting: mpsc::Receiver<Arc<Notice>>,
) {
    let name = hook.name();
    let Some(place) = Place::read(&hook.url) else { return };
    while let Some(notice) = waiting.recv().await {
        let body = Bytes::from(notice.json(&outlets.0.on.name).to_string());
        let (began, mut pause) = (Instant::now(), Pause::default());
        loop {
            let attempt = tokio::time::timeout(PATIENCE, post(&place, &tls, body.clone())).await;
            match attempt.unwrap_or_else(|_| Attempt::Failed("no answer within 15 seconds".into())) {
                Attempt::Taken => break outlets.count(&name, |sent| sent.sent += 1),
                Attempt::Refused(status) => {
                    tracing::warn!(webhook = name, %status, "a webhook refuses what it is told");
                    break outlets.count(&name, |sent| sent.dropped += 1);
                }
                Attempt::Failed(why) if pause.is_first() => {
                    tracing::warn!(webhook = name, why, "a webhook could not be told, and is tried again");
                }
                Attempt::Failed(why) => tracing::debug!(webhook = name, why, "a webhook could not be told"),
            }
            outlets.count(&name, |sent| sent.failed += 1);
            if began.elapsed() > LONGEST {
                break outlets.count(&name, |sent| sent.dropped += 1);
            }
            pause.wait().await;
        }
    }
}

async fn post(place: &Place, tls: &Arc<ClientConfig>, body: Bytes) -> Attempt {
    let request = Request::builder()
        .method(Method::POST)
        .uri(&place.path)
        .header(HOST, &place.authority)
        .header(USER_AGENT, concat!("Block66/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body));
    let Ok(request) = request else { return Attempt::Failed("its URL cannot be asked".into()) };
    match ask(place, tls, request).await {
        Ok(status) if status.is_success() => Attempt::Taken,
        Ok(status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)) => {
            Attempt::Failed(status.to_string())
        }
        // Where it is sent on to is for somebody to look at, and to set.
        Ok(status) if status.is_client_error() || status.is_redirection() => Attempt::Refused(status),
        Ok(status) => Attempt::Failed(status.to_string()),
        Err(error) => Attempt::Failed(error.to_string()),
    }
}

async fn ask(place: &Place, tls: &Arc<ClientConfig>, request: Request<Full<Bytes>>) -> io::Result<StatusCode> {
    let stream = dial::connect(&place.host, place.port).await?;
    let answer = if place.secure {
        dial::exchange(dial::secure(stream, &place.host, tls).await?, request).await
    } else {
        dial::exchange(stream, request).await
    };
    answer.map(|answer| answer.status()).map_err(io::Error::other)
}
