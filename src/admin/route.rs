use std::pin::{Pin, pin};
use std::sync::PoisonError;

use hyper::body::Body as Incoming;
use hyper::header::HeaderName;
use hyper::{Method, Request, Response, StatusCode};

use super::accounts::Token;
use super::accounts::session::Session;
use super::answer::{Answer, Body};
use super::appliance;
use super::appliance::backup;
use super::call::{Call, Origin, pass_over};
use super::files::upload;
use super::problem::Problem;
use super::table::{self, Caller, Found, Needs, Route, Trail, Verb};
use super::{Admin, Role, Sight};
use crate::model::{Mac, Reason};

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
    /// A program with a token.
    Program(Token),
    /// A browser whose session has ended, or a program whose token has.
    Ended,
    /// Anybody.
    Nobody,
}

impl Who {
    fn caller(&self) -> Caller {
        match self {
            Self::Local => Caller::Console,
            Self::SignedIn(session) => Caller::Account(session.role),
            Self::Program(token) => Caller::Token(token.scope.role()),
            Self::Ended | Self::Nobody => Caller::Nobody,
        }
    }

    /// How much they may see.
    fn sight(&self) -> Sight {
        if Needs::Role(Role::Administrator).lets(self.caller()) { Sight::Whole } else { Sight::Narrow }
    }

    /// Whether somebody has shown who they are.
    fn is_known(&self) -> bool {
        matches!(self, Self::Local | Self::SignedIn(_) | Self::Program(_))
    }

    /// Where a call comes from, now that it is known who makes it.
    fn origin(&self, from: Origin) -> Origin {
        let by = match self {
            Self::SignedIn(session) => session.account,
            Self::Program(token) => token.id,
            Self::Local | Self::Ended | Self::Nobody => return from,
        };
        match from {
            Origin::Web(address) | Origin::Known { address, .. } => Origin::Known { address, by },
            Origin::Local => from,
        }
    }
}

/// Does something to its end in a task of its own, whoever hangs up meanwhile: a change that is cut off at its commit is
/// made all the same, and would leave no trail.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call was not done to its end");
        let detail = "The box broke off in the middle of this.";
        Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            detail,
            "Look at what came of it, and report it.",
        ))
    })
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
        let (head, body) = request.into_parts();
        let mut body = pin!(body);
        let heard = match Call::of_head(head, from) {
            Ok(call) => self.hear(call, body.as_mut()).await,
            Err(problem) => {
                pass_over(body.as_mut()).await;
                Err(problem)
            }
        };
        let (call, who) = match heard {
            Ok(heard) => heard,
            Err(problem) if api || from == Origin::Local => return Answer::problem(&problem).into_response(),
            Err(problem) => return self.problem_page(&Who::Nobody, &problem).into_response(),
        };
        // From here on everything is said in the caller's language, and as far as the caller may see it.
        let admin = self.towards(call.language(), who.sight());
        if call.method == Method::GET || !who.is_known() {
            return admin.answer_heard(&call, &who).await.into_response();
        }
        let answer = to_its_end(async move { Ok(admin.answer_heard(&call, &who).await) }).await;
        answer.unwrap_or_else(|problem| Answer::problem(&problem)).into_response()
    }

    /// Answers a call of which all is known.
    async fn answer_heard(&self, call: &Call, who: &Who) -> Answer {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let answer = match path.as_slice() {
            ["metrics" | "healthz" | "readyz"] => self.watched(call, who).await,
            ["api", "v1", rest @ ..] => self.guarded_api(call, who, rest).await,
            _ if call.from == Origin::Local => Err(Problem::nothing_here(&format!("/{}", path.join("/")))),
            rest => return self.page_or_problem(call, who, rest).await,
        };
        answer.unwrap_or_else(|problem| Answer::problem(&problem))
    }

    /// Reads the body of a call, of which the head is known, and says who makes it. Of whoever is turned away anyhow
    /// nothing is kept: what somebody may fill the memory with is what they may do.
    async fn hear<B: Incoming>(&self, mut call: Call, mut body: Pin<&mut B>) -> Result<(Call, Who), Problem> {
        if call.method == Method::HEAD {
            call.method = Method::GET;
        }
        let who = self.identify(&mut call);
        if body.is_end_stream() {
            return Ok((call, who));
        }
        if self.is_turned_away(&call, &who) {
            pass_over(body.as_mut()).await;
            return Ok((call, who));
        }
        call.take_body(body, who.is_known(), &self.0.room).await?;
        // The body took its time: whoever was somebody when it began may be nobody by now.
        let who = self.identify(&mut call);
        Ok((call, who))
    }

    /// Whether the head of a call tells that its body is not looked at.
    fn is_turned_away(&self, call: &Call, who: &Who) -> bool {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (who, path.as_slice()) {
            (_, ["api", "v1", rest @ ..]) => self.guard(call, who, rest).is_err(),
            (Who::SignedIn(session), path) => session.role < table::of_page(&call.method, path).role,
            (_, ["sign-in" | "claim" | "language"]) => false,
            _ => true,
        }
    }

    /// The route of a call whose body is read bit by bit, if its caller may make it. To be asked again when the body is
    /// there: whoever was somebody when it began may be nobody by now.
    pub(super) fn admit(&self, call: &mut Call, path: &[&str]) -> Result<&'static Route, Problem> {
        let who = self.identify(call);
        self.guard(call, &who, path)
    }

    /// Finds out who makes a call, and notes it in the call.
    pub(super) fn identify(&self, call: &mut Call) -> Who {
        let who = self.who(call);
        call.from = who.origin(call.from);
        who
    }

    fn who(&self, call: &Call) -> Who {
        if call.from == Origin::Local {
            return Who::Local;
        }
        // A browser never sends this by itself, so it needs no other proof that somebody meant it.
        if let Some(token) = call.bearer() {
            return self.token_of(token).map_or(Who::Ended, Who::Program);
        }
        let Some(token) = call.cookie(COOKIE).filter(|token| !token.is_empty()) else { return Who::Nobody };
        let attended = !call.headers.contains_key(UNATTENDED);
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.find(token, self.0.clock.now().monotonic, attended).map_or(Who::Ended, Who::SignedIn)
    }

    /// Lets a call through to the API if its caller may make it, and sees to the trail.
    async fn guarded_api(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        let route = self.guard(call, who, path)?;
        let answer = self.api(call, who, path).await?;
        self.leave_trail(call, route, path);
        Ok(answer)
    }

    /// The route of a call, if its caller may make it; `path` is what follows `/api/v1`.
    pub(super) fn guard(&self, call: &Call, who: &Who, path: &[&str]) -> Result<&'static Route, Problem> {
        let found = table::find(&call.method, path);
        // Whoever is nobody learns nothing of what there is.
        let needs = match &found {
            Found::Route(route) => route.needs,
            Found::WrongMethod(_) | Found::Nothing => Needs::Role(Role::Viewer),
        };
        if !needs.lets(who.caller()) {
            return Err(self.turned_away(call, who, needs));
        }
        let route = match found {
            Found::Route(route) => route,
            Found::WrongMethod(allowed) => return Err(Problem::wrong_method(&allowed)),
            Found::Nothing => return Err(Problem::nothing_here(&format!("/api/v1/{}", path.join("/")))),
        };
        let own_page = match who {
            Who::Local | Who::Program(_) => true,
            _ if needs == Needs::Anybody => call.is_same_origin(),
            Who::SignedIn(session) => {
                let token = call.header(CSRF).unwrap_or_default();
                route.verb == Verb::Get || call.is_same_origin() && session.csrf_is(token)
            }
            Who::Ended | Who::Nobody => false,
        };
        if own_page { Ok(route) } else { Err(Problem::forged()) }
    }

    fn turned_away(&self, call: &Call, who: &Who, needs: Needs) -> Problem {
        match (who, needs) {
            (Who::Nobody | Who::Ended, _) if !self.is_claimed() => Problem::not_claimed(),
            (Who::Nobody, _) => Problem::sign_in_first(),
            (Who::Ended, _) if call.bearer().is_some() => Problem::token_void(),
            (Who::Ended, _) => Problem::session_over(),
            (_, Needs::Console) => Problem::console_only(),
            (_, Needs::Account | Needs::Anybody) => Problem::no_account(),
            (_, Needs::Role(role)) => Problem::not_allowed(role),
        }
    }

    /// Records what was done, where its handler does not.
    pub(super) fn leave_trail(&self, call: &Call, route: &Route, path: &[&str]) {
        self.note_done(call, route.trail, route.parameter("mac", path));
    }

    pub(super) fn note_done(&self, call: &Call, trail: Trail, mac: Option<&str>) {
        let Trail::Says(what) = trail else { return };
        let mac = mac.and_then(|mac| mac.parse::<Mac>().ok());
        let phone = mac.and_then(|mac| self.0.store.phone_by_mac(mac));
        let event = self.admin_event(Reason::AdminDid { what: what.into() }, call.from);
        self.0.journal.record(event.about(mac).of(phone.map(|phone| phone.organisation)));
    }

    async fn page_or_problem(&self, call: &Call, who: &Who, path: &[&str]) -> Answer {
        let rule = table::of_page(&call.method, path);
        if let Who::SignedIn(session) = who
            && session.role < rule.role
        {
            return self.problem_page(who, &Problem::not_allowed(rule.role));
        }
        match self.page(call, who, path).await {
            Ok(answer) => {
                // A form that was done leads on to a page; one that was not is shown again.
                let done = call.method == Method::GET || answer.status() == StatusCode::SEE_OTHER;
                if matches!(who, Who::SignedIn(_)) && done {
                    let mac = path.get(1).copied().filter(|_| matches!(path.first(), Some(&"phones" | &"waiting")));
                    self.note_done(call, rule.trail, mac);
                }
                answer
            }
            Err(problem) => self.problem_page(who, &problem),
        }
    }
}
