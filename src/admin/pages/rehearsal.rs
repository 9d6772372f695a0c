//! A phone's boot, played against this box: each step while it is taken, then what would stop it.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Bytes;
use hyper::{StatusCode, header};
use minijinja::context;
use tokio::sync::mpsc;

use super::render::{Frame, value};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::api::mac_in;
use crate::admin::call::Call;
use crate::admin::problem::Problem;
use crate::admin::route::Who;
use crate::admin::table::Trail;
use crate::admin::watching::message;
use crate::model::{Mac, Phone};
use crate::rehearsal::{Rehearsal, Step};

/// A rehearsal that somebody watches.
struct Watched {
    steps: mpsc::UnboundedReceiver<Step>,
    /// The page of what came of it, until it has been sent.
    page: Option<BoxFuture<'static, String>>,
}

impl Admin {
    /// The page that says what a rehearsal is.
    pub(in crate::admin) fn rehearsal_page(&self, frame: &Frame, mac: &str) -> Result<String, Problem> {
        let phone = self.listed(mac_in(mac)?)?;
        self.rehearsal_shown(frame, &phone, None)
    }

    /// Plays the phone. A browser that says so is told of each step; any other one gets the page when all is over.
    pub(in crate::admin) async fn rehearse_form(&self, call: &Call, who: &Who, mac: &str) -> Result<Answer, Problem> {
        let phone = self.listed(mac_in(mac)?)?;
        self.note_done(call, Trail::Says("Rehearsed the phone"), Some(mac));
        let frame = self.frame(who);
        if call.header(header::ACCEPT).is_some_and(|kinds| kinds.contains("text/event-stream")) {
            return Ok(self.watched_rehearsal(frame, Arc::clone(&phone)));
        }
        let played = self.rehearsed(phone.mac, None).await;
        let status = played.as_ref().err().map_or(StatusCode::OK, Problem::status);
        Ok(Answer::html(status, self.rehearsal_shown(&frame, &phone, Some(&played))?))
    }

    /// Server-sent events: `step` for each step, then `page` with the page of what came of it.
    fn watched_rehearsal(&self, frame: Frame, phone: Arc<Phone>) -> Answer {
        let (tell, steps) = mpsc::unbounded_channel();
        let (admin, mac): (Self, Mac) = (self.clone(), phone.mac);
        // Whoever stops watching has left: then nobody takes the step.
        let watcher = Arc::new(move |step| drop(tell.send(step)));
        let page = async move {
            let played = admin.rehearsed(mac, Some(watcher)).await;
            admin.rehearsal_shown(&frame, &phone, Some(&played)).unwrap_or_else(|problem| problem.to_string())
        };
        let watched = Watched { steps, page: Some(page.boxed()) };
        let frames = stream::unfold(watched, |mut watched| async move {
            let text = watched.next().await?;
            Some((Ok::<_, Infallible>(hyper::body::Frame::data(Bytes::from(text))), watched))
        });
        Answer::events(StreamBody::new(frames).boxed_unsync())
    }

    fn rehearsal_shown(
        &self,
        frame: &Frame,
        phone: &Phone,
        played: Option<&Result<Rehearsal, Problem>>,
    ) -> Result<String, Problem> {
        let (rehearsal, problem) = match played {
            Some(Ok(rehearsal)) => (Some(rehearsal), None),
            Some(Err(problem)) => (None, Some(problem)),
            None => (None, None),
        };
        let content = context! {
            phone => context! { mac => phone.mac.to_string(), name => phone.name.as_str() },
            rehearsal => value(&rehearsal),
            problem => value(&problem),
        };
        self.0.pages.render("rehearsal.html", frame, "phone", false, content)
    }
}

impl Watched {
    /// The next event; nothing when the page was sent.
    async fn next(&mut self) -> Option<String> {
        let page = self.page.as_mut()?;
        let html = tokio::select! {
            biased;
            Some(step) = self.steps.recv() => return Some(message("step", &step)),
            html = page => html,
        };
        if let Ok(step) = self.steps.try_recv() {
            // The page comes behind the last step: it is asked for no more, and is kept.
            self.page = Some(std::future::ready(html).boxed());
            return Some(message("step", &step));
        }
        self.page = None;
        Some(message("page", &html))
    }
}
