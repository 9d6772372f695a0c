use std::sync::PoisonError;

use hyper::body::Body as Incoming;
use hyper::header::HeaderName;
use hyper::{Method, Request, Response};

use super::Admin;
use super::answer::{Answer, Body};
use super::appliance;
use super::backup;
use super::call::{Call, Origin};
use super::problem::Problem;
use super::session::Session;
use super::upload;

/// Name of the session's cookie. Browsers keep the prefix's promise: set over TLS, for this host and all paths.
pub(super) const COOKIE: &str = "__Host-block66";
/// Header in which calls carry their session's token.
pub(super) const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
/// Header by which a page says that it fetched by itself, with nobody doing anything.
const UNATTENDED: HeaderName = HeaderName::from_static("block66-live");

/// Who a call is from.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// Root or the box's own user, on the box.
    Local,
    /// A browser that is signed in.
    SignedIn(Session),
    /// Anybody.
    Nobody,
}

impl Admin {
    /// Answers one request.
    pub(super) async fn answer<B>(&self, request: Request<B>, from: Origin) -> Response<Body>
    where
        B: Incoming,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let api = request.uri().path().starts_with("/api/");
        if upload::is_one(&request) {
            let answer = self.upload(request, from).await;
            return answer.unwrap_or_else(|problem| Answer::problem(&problem)).into_response();
        }
        if appliance::brings_bundle(&request) {
            let answer = self.take_bundle(request, from).await;
            return answer.unwrap_or_else(|problem| Answer::problem(&problem)).into_response();
        }
        if backup::brings_one(&request) {
            let answer = self.take_backup(request, from).await;
            return answer.unwrap_or_else(|problem| Answer::problem(&problem)).into_response();
        }
        let answer = match Call::read(request, from).await {
            Ok(mut call) => {
                if call.method == Method::HEAD {
                    call.method = Method::GET;
                }
                let who = self.who(&call);
                let path: Vec<String> = call.path.clone();
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                match path.as_slice() {
                    ["metrics" | "healthz" | "readyz"] => self.watched(&call, &who).await,
                    ["api", "v1", rest @ ..] => self.guarded_api(&call, &who, rest).await,
                    _ if from == Origin::Local => Err(Problem::nothing_here(&format!("/{}", path.join("/")))),
                    rest => return self.page_or_problem(&call, &who, rest).await.into_response(),
                }
            }
            Err(problem) if api || from == Origin::Local => Err(problem),
            Err(problem) => return self.problem_page(&Who::Nobody, &problem).into_response(),
        };
        answer.unwrap_or_else(|problem| Answer::problem(&problem)).into_response()
    }

    pub(super) fn who(&self, call: &Call) -> Who {
        if call.from == Origin::Local {
            return Who::Local;
        }
        let Some(token) = call.cookie(COOKIE) else { return Who::Nobody };
        let attended = !call.headers.contains_key(UNATTENDED);
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.find(token, self.0.clock.now().monotonic, attended).map_or(Who::Nobody, Who::SignedIn)
    }

    /// Lets a call through to the API if its caller may make it.
    async fn guarded_api(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        self.guard(call, who, path)?;
        self.api(call, who, path).await
    }

    /// Whether the caller may make this call.
    pub(super) fn guard(&self, call: &Call, who: &Who, path: &[&str]) -> Result<(), Problem> {
        let door = matches!((&call.method, path), (&Method::POST, ["claim" | "session"]));
        match who {
            Who::Local => {}
            _ if door => {
                if !call.is_same_origin() {
                    return Err(Problem::forged());
                }
            }
            Who::SignedIn(session) => {
                let token = call.header(CSRF).unwrap_or_default();
                if call.method != Method::GET && !(call.is_same_origin() && session.csrf_is(token)) {
                    return Err(Problem::forged());
                }
            }
            Who::Nobody if !self.is_claimed() => return Err(Problem::not_claimed()),
            Who::Nobody => return Err(Problem::sign_in_first()),
        }
        Ok(())
    }

    async fn page_or_problem(&self, call: &Call, who: &Who, path: &[&str]) -> Answer {
        match self.page(call, who, path).await {
            Ok(answer) => answer,
            Err(problem) => self.problem_page(who, &problem),
        }
    }
}
