//! The page's paths: what a browser asks for, and the forms it sends.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::{Method, StatusCode, header};

use super::notices::notice;
use super::render::{Door, EventsFilter, Frame, NewPhone, Overview, asset, events_before, segment};
use crate::admin::Admin;
use crate::admin::accounts::session::Session;
use crate::admin::accounts::sign_in::{Credentials, source};
use crate::admin::answer::Answer;
use crate::admin::api::{cookie, mac_in};
use crate::admin::call::{Call, Form};
use crate::admin::editing::{LineDraft, PhoneDraft};
use crate::admin::import::Defaults;
use crate::admin::problem::{FieldError, Problem};
use crate::admin::reading::look::{EVENTS_OF_A_PHONE, EventQuery, PhoneQuery};
use crate::admin::reading::timeline::Behind;
use crate::admin::route::Who;
use crate::admin::speech::caller::is_own;
use crate::admin::speech::said;
use crate::model::Secret;

/// Phones on the overview.
const URGENT: usize = 8;
/// Events on the overview.
const NEWEST: usize = 8;
/// Events on their own page.
const EVENTS_A_PAGE: usize = 100;

impl Admin {
    /// Answers a browser.
    pub(in crate::admin) async fn page(&self, call: &Call, who: &Who, path: &[&str]) -> Result<Answer, Problem> {
        if let ["assets", name] = path {
            let (kind, bytes) = asset::find(name).ok_or_else(|| Problem::nothing_here(&format!("/assets/{name}")))?;
            return Ok(Answer::asset(kind, bytes));
        }
        if let (["language"], &Method::POST) = (path, &call.method) {
            return self.choose_language(call);
        }
        match (who, path) {
            (Who::SignedIn(session), path) => self.own_page(call, who, session, path).await,
            (_, ["live"]) => Err(Problem::sign_in_first()),
            (_, ["sign-in"]) if self.is_claimed() => self.sign_in_page(call).await,
            (_, ["claim"]) if !self.is_claimed() => self.claim_page(call).await,
            (_, ["claim" | "sign-out"]) if self.is_claimed() => Ok(Answer::see_other("/sign-in")),
            _ if self.is_claimed() => Ok(Answer::see_other(&door_for(call))),
            _ => Ok(Answer::see_other("/claim")),
        }
    }

    async fn own_page(&self, call: &Call, who: &Who, session: &Session, path: &[&str]) -> Result<Answer, Problem> {
        if call.method == Method::POST {
            let form = call.form();
            if !(call.is_same_origin() && session.csrf_is(form.of("csrf").unwrap_or_default())) {
                return Err(Problem::forged());
            }
            return match path {
                ["sign-out"] => {
                    self.sign_out(session);
                    let (name, value) = cookie(None);
                    Ok(Answer::see_other("/sign-in").with(name, value))
                }
                ["box", what] => self.box_form(who, what, &form).await,
                ["phones", "new"] => self.add_by_form(call, who, &form).await,
                ["phones", "import"] => self.import_by_form(call, who, &form).await,
                ["networks", network, "take-over"] => {
                    self.take_over(network).await?;
                    Ok(Answer::see_other("/?done=taken-over"))
                }
                ["firmware", "plan"] => self.plan_by_form(&form).await,
                ["rollouts", id, order] => self.rollout_by_form(id, order).await,
                ["clock"] => {
                    self.vouch(form.of("time").unwrap_or_default(), call.from)?;
                    Ok(Answer::see_other("/?done=clock"))
                }
                ["welcome"] => self.welcome_form(call, who, &form).await,
                ["phones", mac, "edit"] => self.editor_form(call, who, mac, &form).await,
                ["phones", mac, "start-over"] => {
                    let mac = mac_in(mac)?;
                    self.start_over(mac, call.from).await?;
                    Ok(Answer::see_other(&format!("/phones/{}?done=start-over", mac.plain())))
                }
                ["phones", mac, "history", change, "undo"] => {
                    let mac = mac_in(mac)?;
                    let number = change.parse().map_err(|_| Problem::change_unknown(change))?;
                    self.undo_change(mac, number, None, call.from).await?;
                    Ok(Answer::see_other(&format!("/phones/{}?done=undone#changes", mac.plain())))
                }
                ["phones", mac, order @ ("resync" | "reboot")] => self.tell_by_form(mac, order).await,
                ["partners", rest @ ..] => self.partners_form(call, who, rest, &form).await,
                ["accounts", rest @ ..] => self.accounts_form(call, who, rest, &form).await,
                ["tokens", rest @ ..] => self.tokens_form(call, who, rest, &form).await,
                ["account", what] => self.own_account_form(call, who, session, (what, &form)).await,
                ["backup"] => self.backup_form(call, who, &form).await,
                ["settings"] => self.outlets_form(call, who, &form).await,
                ["certificate"] => self.certificate_form(call, who, &form).await,
                ["phones", mac, "rehearse"] => self.rehearse_form(call, who, mac).await,
                ["campaigns"] => self.begin_campaign_by_form(&self.frame(who), &form).await,
                ["campaigns", id, "stop"] => self.stop_campaign_by_form(id).await,
                ["phones", mac, "remove"] => {
                    self.remove(mac_in(mac)?, call.from).await?;
                    Ok(Answer::see_other("/?done=removed"))
                }
                _ => match self.shared_form(call, &self.frame(who), path, &form).await {
                    Some(done) => done,
                    None => Err(Problem::nothing_here(&format!("/{}", path.join("/")))),
                },
            };
        }
        if call.method != Method::GET {
            return Err(Problem::wrong_method("GET and POST"));
        }
        let frame = Frame { notice: notice(call.query.of("done")), own: own(call), ..self.frame(who) };
        if let Some(page) = self.shared_page(call, &frame, path).await {
            return page;
        }
        let html = match path {
            [] => self.overview_page(&frame)?,
            ["live"] => return self.live(who),
            ["partners", rest @ ..] => return self.partners_page(&frame, rest).await,
            ["campaigns"] => return self.campaigns_page(&frame),
            ["box"] => return self.box_answer(who, call.query.of("done")).await,
            ["events"] => self.events_page(call, &frame)?,
            ["firmware"] => self.firmware_page(&frame)?,
            ["networks"] => self.networks_page(call, &frame)?,
            ["certificate"] => self.certificate_page(&frame, None)?,
            ["accounts"] => self.accounts_page(&frame, None)?,
            ["accounts", name] => self.account_page(&frame, name, None)?,
            ["tokens"] => self.tokens_page(&frame, None, None)?,
            ["account"] => self.own_account_page(&frame, session)?,
            ["audit"] => return self.audit_page(call, &frame),
            ["backup"] => self.backup_page(&frame, None).await?,
            ["settings"] => self.outlets_page(&frame, None)?,
            ["phones", mac, "rehearse"] => self.rehearsal_page(&frame, mac)?,
            ["welcome"] => match frame.first_visit {
                Some(step) => self.welcome_page(&frame, step, None)?,
                None => return Ok(Answer::see_other("/")),
            },
            ["phones"] => self.phones_page(call, &frame)?,
            ["rollouts", id] => self.rollout_page(&frame, id)?,
            ["phones", "new"] => self.new_phone_page(&frame, NewPhone::default())?,
            ["phones", "import"] => self.0.pages.import(&frame, "", &self.usual_server(), None, None)?,
            ["phones", mac, "edit"] => self.editor_page(call, &frame, mac)?,
            ["phones", mac] => {
                let mac = mac_in(mac)?;
                let phone = self.phone(mac, 0).ok_or_else(|| Problem::phone_unknown(mac))?;
                let groups = self.groups_shown(Some(&phone.organisation.id))?.groups;
                let telling = self.0.facts.sip.telling(mac);
                let past = (self.history(mac, true)?, self.timeline(mac, Behind::NOTHING, EVENTS_OF_A_PHONE)?);
                self.0.pages.phone(&frame, &phone, telling.as_ref(), (&groups, &self.waiting().waiting), &past)?
            }
            ["phones", mac, "timeline"] => self.timeline_page(call, &frame, mac)?,
            ["sign-in" | "claim"] => return Ok(Answer::see_other("/")),
            _ => return Err(Problem::nothing_here(&format!("/{}", path.join("/")))),
        };
        Ok(Answer::html(StatusCode::OK, html))
    }

    fn overview_page(&self, frame: &Frame) -> Result<String, Problem> {
        let query = PhoneQuery { limit: URGENT, urgent_first: true, ..PhoneQuery::default() };
        let listing = self.listing();
        self.0.pages.overview(
            frame,
            &Overview {
                status: self.status(&listing, false),
                page: self.phones(&listing, &query),
                events: self.events(&EventQuery { limit: NEWEST, ..EventQuery::default() }),
                waiting: self.waiting(),
                behind: self.versions().behind,
                last_backup: self.last_backup(),
            },
        )
    }

    fn events_page(&self, call: &Call, frame: &Frame) -> Result<String, Problem> {
        let filter = EventsFilter {
            mac: call.query.of("mac").unwrap_or_default().chars().take(40).collect(),
            kind: call.query.of("kind").unwrap_or_default().chars().take(20).collect(),
            outcome: call.query.of("outcome").unwrap_or_default().chars().take(20).collect(),
        };
        let (mac, wrong) = match (!filter.mac.is_empty()).then(|| mac_in(&filter.mac)).transpose() {
            Ok(mac) => (mac, None),
            Err(problem) => (None, Some(problem.detail)),
        };
        let query = EventQuery {
            mac,
            after: None,
            before: call.query.number("before")?,
            kind: Some(filter.kind.clone()).filter(|kind| !kind.is_empty()),
            outcome: Some(filter.outcome.clone()).filter(|outcome| !outcome.is_empty()),
            limit: EVENTS_A_PAGE,
            ..EventQuery::default()
        };
        let events = self.events(&query);
        let last = events.last().filter(|_| events.len() == EVENTS_A_PAGE);
        let older = last.map(|event| events_before(&filter, mac, event.sequence));
        self.0.pages.events(frame, &events, &filter, older, wrong)
    }

    fn new_phone_page(&self, frame: &Frame, mut form: NewPhone) -> Result<String, Problem> {
        form.organisations = self.organisations();
        form.values.entry("server").or_insert_with(|| self.usual_server());
        self.0.pages.new_phone(frame, &form)
    }

    async fn add_by_form(&self, call: &Call, who: &Who, form: &Form) -> Result<Answer, Problem> {
        let text = |name: &str| form.of(name).map(str::to_owned);
        let values: BTreeMap<&'static str, String> =
            NewPhone::FIELDS.into_iter().map(|field| (field, text(field).unwrap_or_default())).collect();
        let port = text("port").map(|port| port.trim().parse::<u32>().map_err(|_| ()));
        // The server and the transport are filled in beforehand and do not make a line by themselves.
        let has_line = ["user", "password", "auth_user", "display"].iter().any(|field| form.of(field).is_some());
        let line = LineDraft {
            user: text("user").unwrap_or_default(),
            auth_user: text("auth_user"),
            password: Secret::new(form.of("password").unwrap_or_default()),
            display: text("display").or_else(|| text("name")),
            server: text("server").unwrap_or_default(),
            // No port has the number 0: it is refused with the field's name.
            port: port.map(|port| port.unwrap_or(0)),
            transport: text("transport"),
            expires: None,
            voicemail: text("voicemail"),
            settings: BTreeMap::new(),
        };
        let draft = PhoneDraft {
            mac: text("mac").unwrap_or_default(),
            name: text("name"),
            organisation: text("organisation"),
            brand: None,
            model: None,
            lines: if has_line { vec![line] } else { Vec::new() },
            ..PhoneDraft::default()
        };
        match self.add(draft, call.from).await {
            Ok(phone) => Ok(Answer::see_other(&format!("/phones/{}?done=added", phone.mac.plain()))),
            Err(problem) => {
                let status = problem.status();
                let form = NewPhone { values, organisations: Vec::new(), problem: Some(problem) };
                Ok(Answer::html(status, self.new_phone_page(&self.frame(who), form)?))
            }
        }
    }

    async fn import_by_form(&self, call: &Call, who: &Who, form: &Form) -> Result<Answer, Problem> {
        let list = form.of("list").unwrap_or_default();
        let server = form.of("server").unwrap_or_default();
        let defaults = Defaults { server: form.of("server").map(str::to_owned), organisation: None };
        let dry_run = form.of("do") != Some("import");
        let frame = self.frame(who);
        match self.import(list.as_bytes(), &defaults, dry_run, call.from).await {
            Ok(_) if !dry_run => Ok(Answer::see_other("/?done=imported")),
            Ok(plan) => Ok(Answer::html(StatusCode::OK, self.0.pages.import(&frame, list, server, Some(&plan), None)?)),
            Err(problem) => {
                let html = self.0.pages.import(&frame, list, server, None, Some(&problem))?;
                Ok(Answer::html(problem.status(), html))
            }
        }
    }

    async fn sign_in_page(&self, call: &Call) -> Result<Answer, Problem> {
        let next = call.query.of("next").filter(|next| is_own(next));
        let kept = call.query.of("kept").is_some();
        let mut door = Door { claimed: true, next: next.map(str::to_owned), kept, ..Door::default() };
        if call.method == Method::POST {
            let form = call.form();
            let credentials = Credentials {
                name: form.of("name").map(str::to_owned),
                password: Secret::new(form.of("password").unwrap_or_default()),
                code: form.of("code").map(str::to_owned),
            };
            let tried = if call.is_same_origin() {
                self.sign_in(credentials, source(call.from)).await
            } else {
                Err(Problem::forged())
            };
            match tried {
                Ok((token, _)) => return Ok(let_in(&token, next.unwrap_or("/"))),
                Err(problem) => {
                    door.errors.clone_from(&problem.errors);
                    door.problem = Some(problem);
                    door.name = form.of("name").unwrap_or_default().chars().take(64).collect();
                }
            }
        }
        self.door_page(call, door)
    }

    /// The first two steps of the first visit: the code from the console, then a password.
    async fn claim_page(&self, call: &Call) -> Result<Answer, Problem> {
        let mut door = Door::default();
        if call.method == Method::POST {
            let form = call.form();
            let code: String = form.of("code").unwrap_or_default().chars().take(40).collect();
            if !call.is_same_origin() {
                door.problem = Some(Problem::forged());
            } else if form.of("do") == Some("check") {
                match self.check_code(&code, source(call.from)) {
                    Ok(()) => door.code = code,
                    Err(problem) => door.refused(problem, code),
                }
            } else {
                match self.claim_by_form(&form, &code, source(call.from)).await {
                    Ok(token) => return Ok(let_in(&token, "/welcome")),
                    Err(problem) if problem.code == "wrong-code" => door.refused(problem, code),
                    Err(problem) => {
                        door.refused(problem, String::new());
                        door.code = code;
                    }
                }
            }
        }
        self.door_page(call, door)
    }

    async fn claim_by_form(&self, form: &Form, code: &str, from: IpAddr) -> Result<Secret, Problem> {
        let password = form.of("password").unwrap_or_default();
        if form.of("again").unwrap_or_default() != password {
            return Err(Problem::fields(vec![FieldError::new("again", said(self.1, "The two passwords differ."))]));
        }
        let (token, _) = self.claim(code, form.of("name"), Secret::new(password), from).await?;
        self.begin_first_visit().await?;
        Ok(token)
    }

    fn door_page(&self, call: &Call, door: Door) -> Result<Answer, Problem> {
        let status = match &door.problem {
            Some(problem) => problem.status(),
            None if !door.errors.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
            None => StatusCode::OK,
        };
        let html = self.0.pages.door(&Frame { own: own(call), ..self.frame(&Who::Nobody) }, &door)?;
        let answer = Answer::html(status, html);
        Ok(match &door.problem {
            Some(problem) => answer.with_retry(problem),
            None => answer,
        })
    }

    /// A page that says what went wrong.
    pub(in crate::admin) fn problem_page(&self, who: &Who, problem: &Problem) -> Answer {
        match self.0.pages.problem(&self.frame(who), problem) {
            Ok(html) => Answer::html(problem.status(), html).with_retry(problem),
            Err(worse) => Answer::problem(&worse),
        }
    }

    pub(in crate::admin) fn frame(&self, who: &Who) -> Frame {
        Frame {
            name: self.0.facts.name.clone(),
            version: self.0.facts.version.clone(),
            csrf: match who {
                Who::SignedIn(session) => Some(session.csrf.expose().to_owned()),
                Who::Local | Who::Program(_) | Who::Ended | Who::Nobody => None,
            },
            reader: match who {
                Who::SignedIn(session) => Some((session.name.clone(), session.role)),
                Who::Local | Who::Program(_) | Who::Ended | Who::Nobody => None,
            },
            now: self.0.clock.now().wall.to_string(),
            notice: None,
            language: self.1,
            zone: self.zone(),
            own: "/".into(),
            first_visit: self.first_visit().filter(|_| matches!(who, Who::SignedIn(_))),
        }
    }

    /// The SIP server that most lines have: the likely one for the next line.
    fn usual_server(&self) -> String {
        let rows = self.roster();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for server in rows.iter().flat_map(|row| &row.servers) {
            *counts.entry(server).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, n)| *n).map(|(server, _)| server.to_owned()).unwrap_or_default()
    }
}

fn let_in(token: &Secret, next: &str) -> Answer {
    let (name, value) = cookie(Some(token));
    Answer::see_other(next).with(name, value)
}

/// Path and query of a page, for links that come back to it.
fn own(call: &Call) -> String {
    let path = format!("/{}", call.path.iter().map(|part| segment(part)).collect::<Vec<_>>().join("/"));
    match call.raw_query.as_str() {
        "" => path,
        query => Some(format!("{path}?{query}")).filter(|whole| is_own(whole)).unwrap_or(path),
    }
}

/// Where somebody signs in who is not signed in, and is led to where they were. What they sent stays in their browser.
fn door_for(call: &Call) -> String {
    if call.method == Method::POST {
        let referer =
            call.header(header::REFERER).and_then(|from| from.strip_prefix("https://")?.strip_prefix(&call.host));
        let next = referer.filter(|path| is_own(path)).unwrap_or("/");
        // A page whose form leads to itself is shown again with what was typed.
        let own = own(call);
        let path = |whole: &str| whole.split('?').next().unwrap_or_default().to_owned();
        let kept = if path(&own) == path(next) { "&kept=yes" } else { "" };
        return format!("/sign-in?next={}{kept}", segment(next));
    }
    match own(call).as_str() {
        "/" => "/sign-in".into(),
        own => format!("/sign-in?next={}", segment(own)),
    }
}

impl Door {
    /// Says what was wrong: beside its field, where it has one, and nowhere twice.
    fn refused(&mut self, problem: Problem, typed: String) {
        self.errors.clone_from(&problem.errors);
        self.problem = Some(problem).filter(|problem| problem.errors.is_empty());
        self.typed = typed;
    }
}
